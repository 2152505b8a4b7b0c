// The `wait` of GetCrawl and GetMaintenanceJob.
#pragma once

#include <algorithm>
#include <functional>

#include <absl/status/statusor.h>
#include <absl/time/clock.h>
#include <google/protobuf/duration.pb.h>

#include "common/rpc/call_context.h"
#include "services/catalog/change_signal.h"

namespace tarn::catalog {

inline constexpr absl::Duration kMaxJobWait = absl::Seconds(30);
inline constexpr absl::Duration kJobPoll = absl::Milliseconds(100);

// Reads until the job's `execution` has ended, the wait (at most kMaxJobWait) is over or the client
// has gone; gives what it read last. Jobs may end in other processes, so it polls as well.
template <typename Job>
absl::StatusOr<Job> WaitForEnd(const rpc::CallContext& call, ChangeSignal& jobs,
                               const google::protobuf::Duration& wait,
                               const std::function<absl::StatusOr<Job>()>& read) {
  const absl::Duration limit =
      std::min(kMaxJobWait, absl::Seconds(wait.seconds()) + absl::Nanoseconds(wait.nanos()));
  const absl::Time deadline = absl::Now() + limit;
  while (true) {
    const uint64_t seen = jobs.count();
    absl::StatusOr<Job> job = read();
    const absl::Duration left = deadline - absl::Now();
    if (!job.ok() || job->execution.ended() || left <= absl::ZeroDuration() || call.IsCancelled()) {
      return job;
    }
    jobs.WaitPast(seen, std::min(left, kJobPoll));
  }
}

}  // namespace tarn::catalog
