#include "services/query/query_options.h"

namespace tarn::query {
namespace {

absl::Status AtLeastOne(const int64_t& value) {
  return value >= 1 ? absl::OkStatus() : absl::InvalidArgumentError("must be 1 or more");
}

}  // namespace

void RegisterOptions(config::OptionSet& set, QueryOptions* options) {
  set.Add("query.max_concurrent", &options->max_concurrent,
          "statements that run at the same time; others queue", AtLeastOne);
  set.Add("query.max_queued", &options->max_queued, "statements that may wait; one more is refused",
          AtLeastOne);
  set.Add("query.threads_per_query", &options->threads_per_query,
          "threads of the engine for one statement", AtLeastOne);
  set.Add("query.memory_per_query", &options->memory_per_query,
          "memory of the engine for one statement");
  set.Add("query.max_rows", &options->max_rows, "rows of one result", AtLeastOne);
  set.Add("query.timeout", &options->timeout, "longest time of one statement",
          config::MustBePositiveDuration);
  set.Add("query.idle_workers", &options->idle_workers,
          "idle worker processes that are kept for the next statement");
  set.Add("query.result_retention", &options->result_retention, "how long results are kept",
          config::MustBePositiveDuration);
  set.Add("query.history_retention", &options->history_retention,
          "how long ended queries are remembered", config::MustBePositiveDuration);
}

}  // namespace tarn::query
