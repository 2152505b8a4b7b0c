#include "services/transform/pipeline_store.h"

#include <set>

#include "common/idempotency/idempotency.h"

namespace tarn::transform::pipeline_store {
namespace {

constexpr std::string_view kSelect =
    "SELECT workspace, pipeline_id, spec, owner, etag, created_at, updated_at, next_run_at FROM "
    "transform.pipelines ";

std::string Select(std::string_view rest) { return std::string(kSelect) + std::string(rest); }

StoredPipeline ReadPipeline(const Row& row) {
  StoredPipeline pipeline;
  pipeline.workspace = row.Get<std::string>("workspace");
  pipeline.id = row.Get<std::string>("pipeline_id");
  pipeline.spec.ParseFromString(row.Get<Bytes>("spec").data);
  pipeline.owner = row.Get<std::string>("owner");
  pipeline.etag = row.Get<std::string>("etag");
  pipeline.created_at = row.Get<absl::Time>("created_at");
  pipeline.updated_at = row.Get<absl::Time>("updated_at");
  pipeline.next_run_at = row.Get<std::optional<absl::Time>>("next_run_at");
  return pipeline;
}

std::vector<StoredPipeline> ReadAll(const Result& rows) {
  std::vector<StoredPipeline> pipelines;
  for (Row row : rows) pipelines.push_back(ReadPipeline(row));
  return pipelines;
}

std::optional<StoredPipeline> ReadFirst(const Result& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadPipeline(rows[0]);
}

Bytes SpecOf(const StoredPipeline& pipeline) {
  return Bytes{idempotency::Serialize(pipeline.spec)};
}

void InsertTriggers(Transaction& txn, const StoredPipeline& pipeline) {
  std::set<std::string> types;
  for (const v1::EventTrigger& trigger : pipeline.spec.triggers()) {
    types.insert(trigger.event_type());
  }
  for (const std::string& type : types) {
    txn.Exec(
        "INSERT INTO transform.triggers (workspace, pipeline_id, event_type) VALUES ($1, $2, $3)",
        pipeline.workspace, pipeline.id, type);
  }
}

}  // namespace

bool Insert(Transaction& txn, const StoredPipeline& pipeline) {
  Result inserted = txn.Exec(
      "INSERT INTO transform.pipelines (workspace, pipeline_id, spec, owner, paused, "
      "max_concurrent_runs, etag, created_at, updated_at, next_run_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
      pipeline.workspace, pipeline.id, SpecOf(pipeline), pipeline.owner, pipeline.spec.paused(),
      pipeline.spec.max_concurrent_runs(), pipeline.etag, pipeline.created_at, pipeline.updated_at,
      pipeline.next_run_at);
  if (inserted.affected_rows() == 0) return false;
  InsertTriggers(txn, pipeline);
  return true;
}

std::optional<StoredPipeline> Find(Transaction& txn, const std::string& workspace,
                                   const std::string& id, Lock lock) {
  return ReadFirst(txn.Exec(
      Select(lock == Lock::kForUpdate ? "WHERE workspace = $1 AND pipeline_id = $2 FOR UPDATE"
                                      : "WHERE workspace = $1 AND pipeline_id = $2"),
      workspace, id));
}

std::vector<StoredPipeline> List(Transaction& txn, const std::string& workspace,
                                 const std::string& after_id, int limit) {
  return ReadAll(txn.Exec(Select("WHERE workspace = $1 AND pipeline_id COLLATE \"C\" > $2 "
                                 "ORDER BY pipeline_id COLLATE \"C\" LIMIT $3"),
                          workspace, after_id, limit));
}

void Update(Transaction& txn, const StoredPipeline& pipeline) {
  txn.Exec(
      "UPDATE transform.pipelines SET spec = $3, owner = $4, paused = $5, max_concurrent_runs = "
      "$6, etag = $7, updated_at = $8, next_run_at = $9 WHERE workspace = $1 AND pipeline_id = $2",
      pipeline.workspace, pipeline.id, SpecOf(pipeline), pipeline.owner, pipeline.spec.paused(),
      pipeline.spec.max_concurrent_runs(), pipeline.etag, pipeline.updated_at,
      pipeline.next_run_at);
  txn.Exec("DELETE FROM transform.triggers WHERE workspace = $1 AND pipeline_id = $2",
           pipeline.workspace, pipeline.id);
  InsertTriggers(txn, pipeline);
}

void Delete(Transaction& txn, const std::string& workspace, const std::string& id) {
  txn.Exec("DELETE FROM transform.pipelines WHERE workspace = $1 AND pipeline_id = $2", workspace,
           id);
}

std::optional<StoredPipeline> LockNextDue(Transaction& txn, absl::Time now) {
  return ReadFirst(txn.Exec(Select("WHERE next_run_at <= $1 AND NOT paused ORDER BY next_run_at "
                                   "LIMIT 1 FOR UPDATE SKIP LOCKED"),
                            now));
}

void SetNextRun(Transaction& txn, const std::string& workspace, const std::string& id,
                const std::optional<absl::Time>& time) {
  txn.Exec(
      "UPDATE transform.pipelines SET next_run_at = $3 WHERE workspace = $1 AND pipeline_id = $2",
      workspace, id, time);
}

std::vector<StoredPipeline> ListByTrigger(Transaction& txn, const std::string& workspace,
                                          const std::string& event_type) {
  return ReadAll(txn.Exec(Select("WHERE workspace = $1 AND NOT paused AND pipeline_id IN (SELECT "
                                 "t.pipeline_id FROM transform.triggers t WHERE t.workspace = $1 "
                                 "AND t.event_type = $2) ORDER BY pipeline_id"),
                          workspace, event_type));
}

}  // namespace tarn::transform::pipeline_store
