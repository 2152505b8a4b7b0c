// One run of compiled steps over one batch: segments of SQL steps, and between them what the engine
// cannot do (deduplicate, call). Used once, by one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/function_service.pb.h"

#include "common/duckdb/database.h"
#include "services/ingestion/activity/activity_compiler.h"
#include "services/ingestion/activity/activity_outcome.h"
#include "services/ingestion/activity/activity_sql.h"
#include "services/ingestion/activity/activity_step.h"
#include "services/ingestion/activity/relation_tables.h"
#include "services/ingestion/record/record_rows.h"

namespace tarn::ingestion {

struct BatchRange {
  uint64_t from = 0;
  uint64_t to = 0;
  SeenKeys* seen = nullptr;
};

class ActivityRunner {
 public:
  ActivityRunner(duckdb::Connection& connection, const ActivityScope& scope,
                 const ActivityEnvironment& environment, std::string output, BatchRange range)
      : connection_(connection),
        scope_(scope),
        environment_(environment),
        output_(std::move(output)),
        range_(range) {}

  absl::StatusOr<ActivityOutcome> Run(const std::string& input,
                                      const std::vector<ActivityColumn>& columns,
                                      const std::vector<ActivityStep>& steps, bool folded);

 private:
  absl::Status RunSteps(const std::vector<ActivityColumn>& columns,
                        const std::vector<ActivityStep>& steps, bool folded);
  // `steps` are SQL steps.
  absl::Status RunSegment(const std::vector<ActivityColumn>& columns,
                          const std::vector<const ActivityStep*>& steps);
  absl::Status RunFolded(const std::vector<ActivityColumn>& columns,
                         const std::vector<StepToRun>& run);
  // What the engine says of the rows of `segment` that failed at steps[failed].
  absl::Status Explain(const std::string& segment, const std::vector<ActivityColumn>& columns,
                       const std::vector<StepToRun>& steps, size_t failed);
  absl::StatusOr<std::string> MessageOf(const std::string& suspects, const StepToRun& step,
                                        int64_t position);
  absl::Status Deduplicate(const std::vector<ActivityColumn>& columns, const DeduplicateStep& step);
  absl::Status Call(const std::vector<ActivityColumn>& columns, const ActivityStep& step,
                    const CallStep& call);
  // Rows that are on their way to a function, and what it gave.
  struct Exchange {
    v1::TransformBatchRequest request;
    std::vector<ArrivedRecord> sent;  // without payload
    size_t bytes = 0;
    std::deque<std::string> bodies;
    std::vector<ArrivedRecord> returned;  // of the bodies
  };
  // Sends what is in the exchange and begins anew.
  absl::Status Send(const ActivityStep& step, const CallStep& call, Exchange& exchange);
  void Refuse(const ActivityStep& step, uint64_t position, const char* reason,
              const std::string& message);
  std::string NextTable();

  duckdb::Connection& connection_;
  const ActivityScope& scope_;
  const ActivityEnvironment& environment_;
  const std::string output_;
  const BatchRange range_;
  // A SELECT in brackets, or a table: the rows on their way, with __tarn_state.
  std::string source_;
  int tables_ = 0;
  ActivityOutcome outcome_;
};

}  // namespace tarn::ingestion
