#include "services/transform/run_store.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/events/event.h"
#include "common/idempotency/idempotency.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/transform/pipeline.h"

namespace tarn::transform::run_store {
namespace {

using nlohmann::json;

constexpr std::string_view kSelectRun =
    "SELECT workspace, run_id, pipeline_id, state, spec, parameters, trigger, owner, created_at, "
    "started_at, ended_at, error, stop_requested, version FROM transform.runs ";

constexpr std::string_view kSelectSteps =
    "SELECT run_id, step_id, state, attempt, not_before, statement, work, output, row_count, "
    "error, created_at, started_at, attempt_started_at, ended_at FROM transform.step_runs ";

std::string SelectRun(std::string_view rest) { return std::string(kSelectRun) + std::string(rest); }
std::string SelectSteps(std::string_view rest) {
  return std::string(kSelectSteps) + std::string(rest);
}

// Messages may hold octets of data that are not UTF-8.
std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// PostgreSQL's jsonb holds no NUL.
std::string WithoutNul(std::string text) {
  std::replace(text.begin(), text.end(), '\0', '?');
  return text;
}

std::optional<std::string> ErrorJson(const std::optional<WorkError>& error) {
  if (!error.has_value()) return std::nullopt;
  return Dump(json{{"code", static_cast<int>(error->code)},
                   {"reason", error->reason},
                   {"message", WithoutNul(error->message)},
                   {"metadata", error->metadata}});
}

std::optional<WorkError> ReadError(const std::optional<std::string>& text) {
  if (!text.has_value()) return std::nullopt;
  const json value = json::parse(*text);
  return WorkError{.code = static_cast<absl::StatusCode>(value.value("code", 2)),
                   .reason = value.value("reason", ""),
                   .message = value.value("message", ""),
                   .metadata = value.value("metadata", std::map<std::string, std::string>{})};
}

RunRecord ReadRun(const Row& row) {
  RunRecord run;
  run.workspace = row.Get<std::string>("workspace");
  run.id = row.Get<std::string>("run_id");
  run.pipeline_id = row.Get<std::string>("pipeline_id");
  run.state = StateFromText(row.Get<std::string>("state"));
  run.spec.ParseFromString(row.Get<Bytes>("spec").data);
  run.parameters = json::parse(row.Get<std::string>("parameters")).get<ParameterValues>();
  run.trigger = row.Get<std::string>("trigger");
  run.owner = row.Get<std::string>("owner");
  run.created_at = row.Get<absl::Time>("created_at");
  run.started_at = row.Get<std::optional<absl::Time>>("started_at");
  run.ended_at = row.Get<std::optional<absl::Time>>("ended_at");
  run.error = ReadError(row.Get<std::optional<std::string>>("error"));
  run.stop_requested = row.Get<bool>("stop_requested");
  run.version = row.Get<int64_t>("version");
  return run;
}

StepRecord ReadStep(const Row& row) {
  StepRecord step;
  step.id = row.Get<std::string>("step_id");
  step.state = StateFromText(row.Get<std::string>("state"));
  step.attempt = row.Get<int>("attempt");
  step.not_before = row.Get<std::optional<absl::Time>>("not_before");
  step.statement = row.Get<std::string>("statement");
  step.work = row.Get<std::string>("work");
  step.output = row.Get<std::string>("output");
  step.row_count = row.Get<int64_t>("row_count");
  step.error = ReadError(row.Get<std::optional<std::string>>("error"));
  step.created_at = row.Get<absl::Time>("created_at");
  step.started_at = row.Get<std::optional<absl::Time>>("started_at");
  step.attempt_started_at = row.Get<std::optional<absl::Time>>("attempt_started_at");
  step.ended_at = row.Get<std::optional<absl::Time>>("ended_at");
  return step;
}

// "tarn.transform.run.succeeded" and what readers want to know.
absl::Status AppendRunEvent(Transaction& txn, const RunRecord& run, std::string_view what) {
  json data = {{"run", RunName(run.pipeline_id, run.id)},
               {"trigger", run.trigger},
               {"state", StateText(run.state)},
               {"parameters", run.parameters}};
  if (run.error.has_value()) {
    data["reason"] = run.error->reason;
    data["message"] = WithoutNul(run.error->message);
  }
  return events::Append(txn, {.workspace = run.workspace,
                              .type = "tarn.transform.run." + std::string(what),
                              .source = "transform",
                              .subject = PipelineName(run.pipeline_id),
                              .data = Dump(data)});
}

std::string_view EndEvent(ExecutionState state) {
  switch (state) {
    case ExecutionState::kSucceeded:
      return "succeeded";
    case ExecutionState::kCancelled:
      return "cancelled";
    default:
      return "failed";
  }
}

void WriteEnd(Transaction& txn, const RunRecord& run) {
  txn.Exec(
      "UPDATE transform.runs SET state = $3, ended_at = $4, error = $5::jsonb, version = version + "
      "1 WHERE workspace = $1 AND run_id = $2",
      run.workspace, run.id, StateText(run.state), run.ended_at, ErrorJson(run.error));
}

}  // namespace

const LeaseTable& Leases() {
  static const LeaseTable& table = *new LeaseTable{"transform.runs", {"workspace", "run_id"}};
  return table;
}

void Insert(Transaction& txn, const RunRecord& run) {
  txn.Exec(
      "INSERT INTO transform.runs (workspace, run_id, pipeline_id, state, spec, parameters, "
      "trigger, owner, created_at) VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9)",
      run.workspace, run.id, run.pipeline_id, StateText(run.state),
      Bytes{idempotency::Serialize(run.spec)}, Dump(run.parameters), run.trigger, run.owner,
      run.created_at);
  std::vector<std::string> ids;
  for (const StepRecord& step : run.steps) ids.push_back(step.id);
  txn.Exec(
      "INSERT INTO transform.step_runs (workspace, run_id, step_id, ordinal, state, created_at) "
      "SELECT $1, $2, s.id, s.ordinal, 'QUEUED', $4 FROM unnest($3::text[]) WITH ORDINALITY AS "
      "s (id, ordinal)",
      run.workspace, run.id, ids, run.created_at);
}

std::optional<RunRecord> Find(Transaction& txn, const std::string& workspace,
                              const std::string& pipeline_id, const std::string& run_id) {
  // The run before its steps: what is read of them is at least as new as its version.
  Result rows = txn.Exec(SelectRun("WHERE workspace = $1 AND run_id = $2 AND (pipeline_id = $3 OR "
                                   "$3 = '')"),
                         workspace, run_id, pipeline_id);
  if (rows.empty()) return std::nullopt;
  RunRecord run = ReadRun(rows[0]);
  for (Row row : txn.Exec(SelectSteps("WHERE workspace = $1 AND run_id = $2 ORDER BY ordinal"),
                          workspace, run_id)) {
    run.steps.push_back(ReadStep(row));
  }
  return run;
}

std::vector<RunRecord> List(Transaction& txn, const RunFilter& filter, int limit) {
  std::vector<RunRecord> runs;
  std::vector<std::string> ids;
  for (Row row : txn.Exec(
           SelectRun("WHERE workspace = $1 AND ($2 = '' OR pipeline_id = $2) AND ($3 = '' OR state "
                     "= $3) AND ($4 = '' OR run_id < $4) ORDER BY run_id DESC LIMIT $5"),
           filter.workspace, filter.pipeline_id, StateText(filter.state), filter.before_id,
           limit)) {
    runs.push_back(ReadRun(row));
    ids.push_back(runs.back().id);
  }
  std::map<std::string, std::vector<StepRecord>> steps;
  for (Row row :
       txn.Exec(SelectSteps("WHERE workspace = $1 AND run_id = ANY ($2::text[]) ORDER BY ordinal"),
                filter.workspace, ids)) {
    steps[row.Get<std::string>("run_id")].push_back(ReadStep(row));
  }
  for (RunRecord& run : runs) run.steps = std::move(steps[run.id]);
  return runs;
}

std::optional<RunVersion> FindVersion(Transaction& txn, const std::string& workspace,
                                      const std::string& run_id) {
  Result rows = txn.ExecPrepared(
      "SELECT version, state FROM transform.runs WHERE workspace = $1 AND run_id = $2", workspace,
      run_id);
  if (rows.empty()) return std::nullopt;
  return RunVersion{rows[0].Get<int64_t>("version"),
                    IsTerminal(StateFromText(rows[0].Get<std::string>("state")))};
}

bool HasActive(Transaction& txn, const std::string& workspace, const std::string& pipeline_id) {
  return !txn.Exec(
                 "SELECT 1 FROM transform.runs WHERE workspace = $1 AND pipeline_id = $2 AND state "
                 "IN ('QUEUED', 'RUNNING') LIMIT 1",
                 workspace, pipeline_id)
              .empty();
}

bool LockQueuedLike(Transaction& txn, const RunRecord& run) {
  // An event's subject may differ: what waits will see what either told of.
  const std::string kind = run.trigger.substr(0, run.trigger.find('/'));
  return !txn.Exec(
                 "SELECT 1 FROM transform.runs WHERE workspace = $1 AND pipeline_id = $2 AND state "
                 "= 'QUEUED' AND split_part(trigger, '/', 1) = $3 AND parameters = $4::jsonb "
                 "ORDER BY run_id LIMIT 1 FOR UPDATE",
                 run.workspace, run.pipeline_id, kind, Dump(run.parameters))
              .empty();
}

absl::Status RequestStop(Transaction& txn, const std::string& workspace,
                         const std::string& pipeline_id, const std::string& run_id,
                         absl::Time now) {
  Result locked = txn.Exec(SelectRun("WHERE workspace = $1 AND run_id = $2 AND pipeline_id = $3 "
                                     "FOR UPDATE"),
                           workspace, run_id, pipeline_id);
  if (locked.empty()) {
    return NotFound("RUN_NOT_FOUND", "there is no run " + RunName(pipeline_id, run_id) +
                                         "; ListRuns shows those of the pipeline");
  }
  RunRecord run = ReadRun(locked[0]);
  if (IsTerminal(run.state)) return absl::OkStatus();
  if (run.state == ExecutionState::kRunning) {
    txn.Exec(
        "UPDATE transform.runs SET stop_requested = true, version = version + 1 WHERE workspace = "
        "$1 AND run_id = $2",
        workspace, run_id);
    return absl::OkStatus();
  }
  run.state = ExecutionState::kCancelled;
  run.ended_at = now;
  run.error = WorkError{.code = absl::StatusCode::kCancelled,
                        .reason = "RUN_STOPPED",
                        .message = "the run was stopped before it began"};
  WriteEnd(txn, run);
  txn.Exec(
      "UPDATE transform.step_runs SET state = 'CANCELLED', ended_at = $3, error = $4::jsonb WHERE "
      "workspace = $1 AND run_id = $2",
      workspace, run_id, now, ErrorJson(run.error));
  return AppendRunEvent(txn, run, "cancelled");
}

absl::StatusOr<std::optional<Lease>> ClaimNext(Transaction& txn, std::string_view holder,
                                               absl::Duration ttl, absl::Time now) {
  // Only the oldest waiting run of a pipeline: so that two claims at the same time cannot both
  // count on the last free place.
  static constexpr std::string_view kMayRun =
      "l.state IN ('QUEUED', 'RUNNING') AND (l.state = 'RUNNING' OR (l.state = 'QUEUED' "
      "AND NOT EXISTS (SELECT 1 FROM transform.runs o WHERE o.workspace = l.workspace AND "
      "o.pipeline_id = l.pipeline_id AND o.state = 'QUEUED' AND o.run_id < l.run_id) "
      "AND (SELECT count(*) FROM transform.runs r WHERE r.workspace = l.workspace AND "
      "r.pipeline_id = l.pipeline_id AND r.state = 'RUNNING') < (SELECT p.max_concurrent_runs FROM "
      "transform.pipelines p WHERE p.workspace = l.workspace AND p.pipeline_id = l.pipeline_id)))";
  std::optional<Lease> lease = tarn::ClaimNext(
      txn, Leases(), holder, ttl,
      {.where = std::string(kMayRun), .params = {}, .order_by = "l.state DESC, l.run_id"});
  if (!lease.has_value()) return lease;
  Result begun = txn.Exec(
      "UPDATE transform.runs SET state = 'RUNNING', started_at = $3, version = version + 1 WHERE "
      "workspace = $1 AND run_id = $2 AND state = 'QUEUED'",
      lease->key[0], lease->key[1], now);
  if (begun.affected_rows() == 1) {
    RunRecord run = ReadRun(
        txn.Exec(SelectRun("WHERE workspace = $1 AND run_id = $2"), lease->key[0], lease->key[1])
            .One());
    TARN_RETURN_IF_ERROR(AppendRunEvent(txn, run, "started"));
  }
  return lease;
}

absl::StatusOr<bool> StopRequested(Transaction& txn, const Lease& lease) {
  Result rows = txn.ExecPrepared(
      "SELECT stop_requested FROM transform.runs WHERE workspace = $1 AND run_id = $2 AND "
      "lease_epoch = $3",
      lease.key[0], lease.key[1], lease.epoch);
  if (rows.empty()) return LeaseLost(Leases(), lease);
  return rows[0].Get<bool>("stop_requested");
}

absl::Status SaveStep(Transaction& txn, const Lease& lease, const StepRecord& step) {
  TARN_RETURN_IF_ERROR(CheckLease(txn, Leases(), lease));
  txn.Exec(
      "UPDATE transform.step_runs SET state = $4, attempt = $5, not_before = $6, statement = $7, "
      "work = $8, output = $9, row_count = $10, error = $11::jsonb, started_at = $12, "
      "attempt_started_at = $13, ended_at = $14 WHERE workspace = $1 AND run_id = $2 AND step_id = "
      "$3",
      lease.key[0], lease.key[1], step.id, StateText(step.state), step.attempt, step.not_before,
      step.statement, step.work, step.output, step.row_count, ErrorJson(step.error),
      step.started_at, step.attempt_started_at, step.ended_at);
  if (!step.work.empty()) {
    txn.Exec(
        "INSERT INTO transform.step_works (workspace, work, pipeline_id, run_id, step_id) SELECT "
        "$1, $4, pipeline_id, $2, $3 FROM transform.runs WHERE workspace = $1 AND run_id = $2 ON "
        "CONFLICT DO NOTHING",
        lease.key[0], lease.key[1], step.id, step.work);
  }
  txn.Exec("UPDATE transform.runs SET version = version + 1 WHERE workspace = $1 AND run_id = $2",
           lease.key[0], lease.key[1]);
  return absl::OkStatus();
}

absl::Status Finish(Transaction& txn, const Lease& lease, const RunRecord& run) {
  TARN_RETURN_IF_ERROR(CheckLease(txn, Leases(), lease));
  WriteEnd(txn, run);
  TARN_RETURN_IF_ERROR(AppendRunEvent(txn, run, EndEvent(run.state)));
  return Release(txn, Leases(), lease);
}

int64_t DeleteEnded(Transaction& txn, absl::Time before, int limit) {
  // Rows that another process removes at the same time are left to it.
  return static_cast<int64_t>(
      txn.Exec(
             "DELETE FROM transform.runs WHERE (workspace, run_id) IN (SELECT workspace, run_id "
             "FROM transform.runs WHERE ended_at < $1 AND state NOT IN ('QUEUED', 'RUNNING') ORDER "
             "BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING run_id",
             before, limit)
          .size());
}

}  // namespace tarn::transform::run_store
