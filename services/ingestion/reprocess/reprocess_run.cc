#include "services/ingestion/reprocess/reprocess_run.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/clock/clock.h"
#include "common/failpoint/failpoint.h"
#include "common/rpc/client.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/activity/activity_compiler.h"
#include "services/ingestion/delivery/destination_table.h"
#include "services/ingestion/raw/raw_copy_lanes.h"
#include "services/ingestion/reprocess/raw_conversion.h"
#include "services/ingestion/reprocess/row_replacement.h"
#include "services/ingestion/wal/log_id.h"

namespace tarn::ingestion {
namespace {

using catalog::v1::CommitTableRequest;

constexpr int kMaxConversions = 5;
constexpr int kMaxPlans = 20;
constexpr absl::Duration kLookPause = absl::Milliseconds(200);
constexpr rpc::RetryPolicy kBackoff{.max_attempts = 1000,
                                    .initial_backoff = absl::Milliseconds(100),
                                    .max_backoff = absl::Seconds(5)};
// Beneath what a message of the house may have (common/rpc).
constexpr size_t kMaxCommitBytes = 15u << 20;

// Whether nobody knows if the request was done, or the other side may be well again soon.
bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

bool IsConflict(const absl::Status& status) { return ErrorReason(status) == "COMMIT_CONFLICT"; }
bool IsSchemaChange(const absl::Status& status) { return ErrorReason(status) == "SCHEMA_CHANGED"; }

}  // namespace

ReprocessRun::ReprocessRun(const ReprocessDependencies& dependencies, const Lease& lease,
                           ReprocessJob job, std::function<absl::Status()> stop)
    : deps_(dependencies), lease_(lease), job_(std::move(job)), stop_(std::move(stop)) {}

absl::Status ReprocessRun::Run() {
  TARN_ASSIGN_OR_RETURN(const Stream stream, deps_.streams.Get(job_.workspace, job_.stream_id));
  if (stream.uid != job_.stream_uid) return StreamNotFound(job_.stream_id);
  for (const std::string& destination : job_.destinations) {
    TARN_RETURN_IF_ERROR(Annotate(RunDestination(stream, destination), destination));
  }
  return absl::OkStatus();
}

absl::Status ReprocessRun::Report(v1::ReprocessPhase phase, const std::string& message) {
  job_.resource.set_phase(phase);
  job_.resource.set_message(message);
  return deps_.store.SetProgress(lease_, job_.resource);
}

absl::Status ReprocessRun::RunDestination(const Stream& stream, const std::string& destination) {
  TARN_ASSIGN_OR_RETURN(const std::optional<ReprocessCommit> stored,
                        deps_.outcomes.FindCommit(job_.id, destination));
  if (stored) {
    // Somebody was killed behind it: it may be done.
    absl::Status sent =
        stored->done ? absl::OkStatus() : Send(stream, *stored, /*may_be_done=*/true);
    if (sent.ok()) sent = deps_.outcomes.Complete(lease_, job_, destination);
    read_before_ += stored->records_read;
    if (!IsConflict(sent) && !IsSchemaChange(sent)) return sent;
    read_before_ -= stored->records_read;
  }
  DestinationTable table(deps_.catalog);
  for (int attempt = 1;; ++attempt) {
    TARN_ASSIGN_OR_RETURN(const LogLimits limits, WaitForLogs(stream, destination));
    TARN_RETURN_IF_ERROR(Report(v1::REPROCESS_PHASE_CONVERTING));
    TARN_RETURN_IF_ERROR(deps_.outcomes.Begin(lease_, destination));
    ReprocessCommit counts;
    TARN_ASSIGN_OR_RETURN(const CommitTableRequest converted,
                          Convert(stream, destination, limits, table, counts));
    const absl::Status replaced = Replace(stream, destination, converted, limits, counts);
    if (replaced.ok()) {
      read_before_ += counts.records_read;
      return absl::OkStatus();
    }
    const bool again = IsSchemaChange(replaced) || ErrorReason(replaced) == "LOG_MOVED";
    if (!again || attempt == kMaxConversions) return replaced;
    table.HasChanged();
  }
}

// ---- Waiting ------------------------------------------------------------------------------------

absl::StatusOr<ReprocessRun::LogLimits> ReprocessRun::WaitForLogs(const Stream& stream,
                                                                  const std::string& destination) {
  std::optional<std::string> told;
  while (true) {
    TARN_RETURN_IF_ERROR(stop_());
    LogLimits limits;
    TARN_ASSIGN_OR_RETURN(const std::string missing, LookAtLogs(stream, destination, limits));
    if (missing.empty()) return limits;
    if (told != missing) TARN_RETURN_IF_ERROR(Report(v1::REPROCESS_PHASE_WAITING, missing));
    told = missing;
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kLookPause));
  }
}

absl::StatusOr<std::string> ReprocessRun::LookAtLogs(const Stream& stream,
                                                     const std::string& destination,
                                                     LogLimits& limits) {
  TARN_ASSIGN_OR_RETURN(const auto confirmations, deps_.store.Confirmations(job_.id));
  for (const ReprocessStore::Confirmation& each : confirmations) {
    limits.limits[each.log_id] = each.position;
  }
  TARN_ASSIGN_OR_RETURN(const auto logs, deps_.store.Logs(deps_.away_after));
  for (const ReprocessStore::LogState& log : logs) {
    for (const std::string& lane : CopiedLaneKeys(stream.uid)) {
      const std::string log_id = LogIdOf(log.wal_uuid, lane);
      if (limits.limits.contains(log_id)) continue;
      if (!log.is_away) {
        return absl::StrCat("waits until log ", log.wal_uuid,
                            " has delivered and copied what arrived before the end");
      }
      // Nobody delivers from it: what its table has, the copies must have.
      TARN_ASSIGN_OR_RETURN(const ReprocessStore::CopiedState copied,
                            deps_.store.Copied(stream.uid, log_id, {destination}));
      const auto position = deps_.catalog.GetLogPosition(stream, destination, log_id);
      if (!position.ok() && !IsMissingTable(position.status())) return position.status();
      const uint64_t delivered = position.ok() ? position->value_or(0) : 0;
      if (copied.raw_position && *copied.raw_position < delivered) {
        return absl::StrCat("waits for the instance that has log ", log.wal_uuid,
                            ": not all that it delivered is in the raw copies");
      }
      limits.limits[log_id] = copied.raw_position ? delivered : 0;
      limits.away[log_id] = delivered;
    }
  }
  TARN_ASSIGN_OR_RETURN(const int64_t replayed,
                        deps_.outcomes.TakeDeadLetters(lease_, job_, destination));
  if (replayed == 0) return std::string();
  return absl::StrCat("waits until ", replayed,
                      " dead letters that were put back are delivered to ", destination);
}

absl::StatusOr<bool> ReprocessRun::AwayLogsStayed(const Stream& stream,
                                                  const std::string& destination,
                                                  const LogLimits& limits) {
  for (const auto& [log_id, position] : limits.away) {
    const auto now = deps_.catalog.GetLogPosition(stream, destination, log_id);
    if (!now.ok() && !IsMissingTable(now.status())) return now.status();
    if ((now.ok() ? now->value_or(0) : 0) != position) return false;
  }
  return true;
}

// ---- Converting ---------------------------------------------------------------------------------

absl::StatusOr<CommitTableRequest> ReprocessRun::Convert(const Stream& stream,
                                                         const std::string& destination,
                                                         const LogLimits& limits,
                                                         DestinationTable& table,
                                                         ReprocessCommit& counts) {
  RawConversion conversion({deps_.converter, deps_.lake, deps_.activities, deps_.work_folder},
                           stream, destination, table);
  TARN_RETURN_IF_ERROR(conversion.Begin());
  const absl::Status converted = conversion.Convert(
      {job_.range_start, job_.range_end, limits.limits},
      [&](const RawConversion::Progress& progress) -> absl::Status {
        TARN_FAILPOINT("ingestion.reprocess.after_batch");
        TARN_RETURN_IF_ERROR(stop_());
        TARN_RETURN_IF_ERROR(
            deps_.outcomes.AddDeadLetters(lease_, destination, progress.dead_letters));
        counts.records_read = progress.records_read;
        counts.rows_written = progress.rows_written;
        v1::ReprocessStatistics& statistics = *job_.resource.mutable_statistics();
        statistics.set_records_read(read_before_ + progress.records_read);
        const int64_t micros = absl::ToUnixMicros(progress.read_until);
        statistics.mutable_read_until()->set_seconds(micros / 1'000'000);
        statistics.mutable_read_until()->set_nanos(static_cast<int>(micros % 1'000'000) * 1000);
        return Report(v1::REPROCESS_PHASE_CONVERTING);
      });
  TARN_RETURN_IF_ERROR(converted);
  return conversion.TakeCommit();
}

// ---- Committing ---------------------------------------------------------------------------------

absl::Status ReprocessRun::Replace(const Stream& stream, const std::string& destination,
                                   const CommitTableRequest& converted, const LogLimits& limits,
                                   ReprocessCommit counts) {
  RowReplacer replacer(deps_.catalog, deps_.lake, deps_.converter.engine());
  for (int plan = 1;; ++plan) {
    TARN_RETURN_IF_ERROR(stop_());
    absl::StatusOr<RowReplacement> replacement =
        replacer.Plan(stream, destination, job_.range_start, job_.range_end, stop_);
    // Without a table there is nothing to replace, and nothing was written.
    if (IsMissingTable(replacement.status()) && converted.added_files().empty()) {
      replacement = RowReplacement();
    }
    TARN_RETURN_IF_ERROR(replacement.status());
    TARN_ASSIGN_OR_RETURN(const bool stayed, AwayLogsStayed(stream, destination, limits));
    if (!stayed) {
      return Aborted("LOG_MOVED", "an instance that was away delivers again; try once more");
    }
    counts.request.reset();
    counts.rows_replaced = replacement->rows_replaced;
    if (!converted.added_files().empty() || !replacement->removed_paths.empty()) {
      CommitTableRequest& request = counts.request.emplace(converted);
      request.set_table(destination);
      request.set_operation(catalog::v1::SNAPSHOT_OPERATION_OVERWRITE);
      request.set_base_snapshot_id(replacement->base_snapshot_id);
      for (catalog::v1::DataFile& file : replacement->kept_rows) {
        *request.add_added_files() = std::move(file);
      }
      for (std::string& path : replacement->removed_paths) {
        request.add_removed_paths(std::move(path));
      }
      // One for all tries: only one of them can be done, whoever sends it.
      request.set_request_id(absl::StrCat("reprocess:", job_.id));
      (*request.mutable_summary())["stream"] = stream.name();
      (*request.mutable_summary())["reprocess"] = job_.id;
      if (request.ByteSizeLong() > kMaxCommitBytes) {
        return FailedPrecondition(
            "RANGE_TOO_LARGE",
            absl::StrCat("the commit would change ",
                         request.added_files_size() + request.removed_paths_size(),
                         " files, which is too much for one; choose a shorter range, or have the "
                         "table compacted before"));
      }
    }
    TARN_RETURN_IF_FAILPOINT("ingestion.reprocess.before_store");
    TARN_RETURN_IF_ERROR(deps_.outcomes.StoreCommit(lease_, destination, counts));
    TARN_RETURN_IF_ERROR(Report(v1::REPROCESS_PHASE_COMMITTING));
    const absl::Status sent = Send(stream, counts, /*may_be_done=*/false);
    if (sent.ok()) {
      TARN_RETURN_IF_FAILPOINT("ingestion.reprocess.after_commit");
      return deps_.outcomes.Complete(lease_, job_, destination);
    }
    if (!IsConflict(sent) || plan == kMaxPlans) return sent;
  }
}

absl::Status ReprocessRun::Send(const Stream& stream, const ReprocessCommit& commit,
                                bool may_be_done) {
  if (!commit.request) return absl::OkStatus();
  TARN_RETURN_IF_FAILPOINT("ingestion.reprocess.before_commit");
  for (int attempt = 1;; ++attempt) {
    const absl::Status sent = deps_.catalog.Commit(stream, *commit.request).status();
    // Whoever is not let in learns nothing of what was done before.
    const bool is_open =
        may_be_done && (absl::IsPermissionDenied(sent) || absl::IsUnauthenticated(sent));
    if (sent.ok() || (!IsTransient(sent) && !is_open)) return sent;
    may_be_done = true;
    TARN_RETURN_IF_ERROR(Report(v1::REPROCESS_PHASE_COMMITTING,
                                absl::StrCat("tries to commit again: ", ErrorReason(sent), ": ",
                                             std::string(sent.message()))));
    // Whoever wants it to be cancelled comes too late: it may be done already.
    const absl::Status stopped = stop_();
    if (!stopped.ok() && ErrorReason(stopped) != "REPROCESS_CANCELLED") return stopped;
    SystemClock().SleepFor(rpc::RetryBackoff(kBackoff, std::min(attempt, 10)));
  }
}

}  // namespace tarn::ingestion
