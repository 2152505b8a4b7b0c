#include "services/transform/transform_options.h"

#include "common/config/option_set.h"
#include "common/status/error.h"

namespace tarn::transform {
namespace {

absl::Status Refuse(const char* what) { return InvalidArgument("INVALID_OPTION", what); }

}  // namespace

void RegisterOptions(config::OptionSet& set, TransformOptions* options) {
  set.Add("transform.max_runs", &options->max_runs, "runs that a process works on at the same time",
          [](const std::int64_t& value) {
            return value >= 1 && value <= 256 ? absl::OkStatus()
                                              : Refuse("must be between 1 and 256");
          });
  set.Add("transform.max_parallel_steps", &options->max_parallel_steps,
          "steps of one run at the same time", [](const std::int64_t& value) {
            return value >= 1 && value <= 64 ? absl::OkStatus()
                                             : Refuse("must be between 1 and 64");
          });
  set.Add("transform.lease_ttl", &options->lease_ttl,
          "time without a sign of life after which another process takes a run over",
          [](const absl::Duration& value) {
            return value >= absl::Seconds(1) && value <= absl::Minutes(10)
                       ? absl::OkStatus()
                       : Refuse("must be between 1s and 10m");
          });
  set.Add("transform.poll_interval", &options->poll_interval,
          "how soon runs, stops and schedules of other processes are seen",
          [](const absl::Duration& value) {
            return value >= absl::Milliseconds(10) && value <= absl::Minutes(1)
                       ? absl::OkStatus()
                       : Refuse("must be between 10ms and 1m");
          });
  set.Add("transform.run_retention", &options->run_retention,
          "how long runs and their steps are kept after their end",
          [](const absl::Duration& value) {
            return value >= absl::Hours(24) && value <= absl::Hours(3660 * 24)
                       ? absl::OkStatus()
                       : Refuse("must be between 1 day and 10 years");
          });
  set.Add("transform.max_waiting_calls", &options->max_waiting_calls,
          "calls that wait for a run's end at the same time", [](const std::int64_t& value) {
            return value >= 1 && value <= 1000 ? absl::OkStatus()
                                               : Refuse("must be between 1 and 1000");
          });
  set.Add("transform.postgres_connections", &options->postgres_connections,
          "connections to PostgreSQL at most", [](const std::int64_t& value) {
            return value >= 2 && value <= 200 ? absl::OkStatus()
                                              : Refuse("must be between 2 and 200");
          });
}

}  // namespace tarn::transform
