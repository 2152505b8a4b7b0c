// A stream's activities, compiled for the columns of its records, and run over its batches.
//
//   TARN_ASSIGN_OR_RETURN(auto pipeline, ActivityPipeline::Compile(activities, columns, scope,
//   env)); … a table with pipeline's input columns, __tarn_position BIGINT and _ingested_at
//   TIMESTAMPTZ … TARN_ASSIGN_OR_RETURN(auto outcome, pipeline->Run(connection, "batch", "output",
//   range)); … SELECT * FROM output; outcome.refused …
//
// What becomes of a record hangs on it alone (and, for deduplicate, on the records before it in the
// log), not on the batch that it comes in: the same range of the log may be run again in other
// batches. Look-ups, the registry and called functions answer as they do at the time.
//
// A compiled pipeline is immutable: any thread, one connection and one run of the same deduplicate
// state at a time. It keeps what it refers to alive, but for the environment, which outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/repeated_field.h>

#include "tarn/ingestion/v1/activity.pb.h"

#include "common/duckdb/database.h"
#include "common/table_schema/engine_types.h"
#include "services/ingestion/activity/activity_compiler.h"
#include "services/ingestion/activity/activity_outcome.h"
#include "services/ingestion/activity/activity_step.h"

namespace tarn::ingestion {

// What is done to records before the activities, in this order. Each has its place in the request
// for what is wrong with it.
struct PipelineHead {
  // Null: none.
  const v1::DeduplicateActivity* deduplication = nullptr;
  std::string deduplication_path;
  // The condition under which a row goes on; empty: each does.
  std::string when;
  std::string when_path;
};

class ActivityPipeline {
 public:
  // `fields` are the records' columns. INVALID_ARGUMENT (INVALID_FIELD) names what is wrong by its
  // path (`scope.path`); UNAVAILABLE and the like where a look-up's table cannot be asked for.
  static absl::StatusOr<std::shared_ptr<const ActivityPipeline>> Compile(
      const google::protobuf::RepeatedPtrField<v1::Activity>& activities,
      const table_schema::Fields& fields, const ActivityScope& scope,
      const ActivityEnvironment& environment, const PipelineHead& head = {});

  // The columns of the rows that come out, without field ids.
  const table_schema::Fields& output() const { return output_; }
  // Whether an activity deduplicates: Run needs `seen` then.
  bool deduplicates() const;

  // Runs over the table or view `input`, whose rows come from positions [from, to) of the log, and
  // leaves the rows that come through in the temporary view `output` with the columns output(),
  // __tarn_position and _ingested_at, in no particular order. Further temporary tables of the
  // connection have names that begin with `output`.
  //
  // INVALID_ARGUMENT is never for a row; errors are of the whole batch, which may be run again:
  // DEADLINE_EXCEEDED ACTIVITIES_TIMED_OUT, RESOURCE_EXHAUSTED OUT_OF_MEMORY or
  // DEDUPLICATE_WINDOW_FULL, UNAVAILABLE for look-ups and functions.
  absl::StatusOr<ActivityOutcome> Run(duckdb::Connection& connection, const std::string& input,
                                      const std::string& output, uint64_t from, uint64_t to,
                                      SeenKeys* seen) const;

  // As Run, each activity by itself; for tests of the fold.
  absl::StatusOr<ActivityOutcome> RunUnfolded(duckdb::Connection& connection,
                                              const std::string& input, const std::string& output,
                                              uint64_t from, uint64_t to, SeenKeys* seen) const;

 private:
  ActivityPipeline() = default;

  ActivityScope scope_;
  ActivityEnvironment environment_;
  std::vector<ActivityColumn> input_;
  std::vector<ActivityStep> steps_;
  table_schema::Fields output_;
};

}  // namespace tarn::ingestion
