// One reprocess, from its claim to its end, destination by destination:
//
//   wait     until every log of the stream has delivered and copied what arrived before the end,
//            and dead letters of the range that were put back have come to their table
//   convert  the raw records of the range, with the present activities, into published files, each
//            row with the time at which its record arrived
//   commit   in one: files with rows of the range alone go, of files with others too these others
//            stay, and the new files come. The request is stored before it is sent
//   complete dead letters: what does not fit becomes one, what fits now is one no more
//
// A kill before the commit is stored begins the destination anew; its files are garbage, which the
// catalog collects. A kill after that sends the same commit again, and the catalog, by its
// idempotency key, does it once. A commit that is refused because another writer took one of the
// files is planned again without converting anew; one that is refused because columns changed is
// converted anew.
//
// Rows that another log brings meanwhile are left alone: they are in files that the plan does not
// name, or that it would be refused for.
//
// Used once, by one thread. Everything referred to outlives it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/lake/lake_paths.h"
#include "common/lease/lease.h"
#include "services/ingestion/activity/activity_outcome.h"
#include "services/ingestion/delivery/catalog_client.h"
#include "services/ingestion/delivery/destination_table.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/reprocess/reprocess_job.h"
#include "services/ingestion/reprocess/reprocess_outcome_store.h"
#include "services/ingestion/reprocess/reprocess_store.h"
#include "services/ingestion/stream/stream_store.h"

namespace tarn::ingestion {

struct ReprocessDependencies {
  ReprocessStore& store;
  ReprocessOutcomeStore& outcomes;
  StreamStore& streams;
  CatalogClient& catalog;
  const ParquetConverter& converter;
  const lake::LakePaths& lake;
  ActivityEnvironment activities;
  // For what is of no worth after the run.
  std::filesystem::path work_folder;
  // How long an instance must not have been seen for its log to count as one that nobody writes.
  absl::Duration away_after = absl::Seconds(60);
};

class ReprocessRun {
 public:
  // `stop` gives CANCELLED when the run is to end: REPROCESS_CANCELLED when somebody asked for
  // that, anything else for one that is to be taken up again.
  ReprocessRun(const ReprocessDependencies& dependencies, const Lease& lease, ReprocessJob job,
               std::function<absl::Status()> stop);

  absl::Status Run();

 private:
  // Of each log, the position before which it has records of the range, and for those whose
  // instance is away where the table was.
  struct LogLimits {
    std::map<std::string, uint64_t> limits;
    std::map<std::string, uint64_t> away;
  };

  absl::Status RunDestination(const Stream& stream, const std::string& destination);
  absl::StatusOr<LogLimits> WaitForLogs(const Stream& stream, const std::string& destination);
  // What it still waits for; empty when everything is there.
  absl::StatusOr<std::string> LookAtLogs(const Stream& stream, const std::string& destination,
                                         LogLimits& limits);
  // Whether logs whose instances were away are where they were.
  absl::StatusOr<bool> AwayLogsStayed(const Stream& stream, const std::string& destination,
                                      const LogLimits& limits);
  absl::StatusOr<catalog::v1::CommitTableRequest> Convert(const Stream& stream,
                                                          const std::string& destination,
                                                          const LogLimits& limits,
                                                          DestinationTable& table,
                                                          ReprocessCommit& counts);
  // Plans, stores and sends the commit of what was converted, again while others change the table.
  absl::Status Replace(const Stream& stream, const std::string& destination,
                       const catalog::v1::CommitTableRequest& converted, const LogLimits& limits,
                       ReprocessCommit counts);
  // Sends a stored commit until it is known whether it was done. `may_be_done` when somebody may
  // have sent it before.
  absl::Status Send(const Stream& stream, const ReprocessCommit& commit, bool may_be_done);
  absl::Status Report(v1::ReprocessPhase phase, const std::string& message = "");

  const ReprocessDependencies deps_;
  const Lease lease_;
  ReprocessJob job_;
  const std::function<absl::Status()> stop_;
  int64_t read_before_ = 0;  // records of destinations that are done
};

}  // namespace tarn::ingestion
