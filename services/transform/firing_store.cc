#include "services/transform/firing_store.h"

#include <nlohmann/json.hpp>

namespace tarn::transform::firing_store {

void Insert(Transaction& txn, const Firing& firing, absl::Time now) {
  txn.Exec(
      "INSERT INTO transform.firings (workspace, pipeline_id, event_id, trigger, parameters, "
      "causes, created_at) VALUES ($1, $2, $3, $4, $5::jsonb, $6::text[], $7) ON CONFLICT DO "
      "NOTHING",
      firing.workspace, firing.pipeline_id, firing.event_id, firing.trigger,
      nlohmann::json(firing.parameters).dump(), firing.causes, now);
}

std::optional<Firing> TakeNext(Transaction& txn) {
  Result taken = txn.Exec(
      "WITH next AS MATERIALIZED (SELECT f.workspace, f.pipeline_id, f.event_id, EXISTS (SELECT 1 "
      "FROM transform.step_works w WHERE w.workspace = f.workspace AND w.pipeline_id = "
      "f.pipeline_id AND w.work = ANY (f.causes)) AS own FROM transform.firings f WHERE f.causes = "
      "'{}' OR EXISTS (SELECT 1 FROM transform.step_works w WHERE w.workspace = f.workspace AND "
      "w.work = ANY (f.causes)) OR NOT EXISTS (SELECT 1 FROM transform.runs r JOIN "
      "transform.step_runs s USING (workspace, run_id) WHERE r.workspace = f.workspace AND "
      "r.pipeline_id = f.pipeline_id AND r.state = 'RUNNING' AND s.state = 'RUNNING' AND s.work = "
      "'') ORDER BY f.created_at, f.event_id LIMIT 1 FOR UPDATE OF f SKIP LOCKED) DELETE FROM "
      "transform.firings f USING next WHERE f.workspace = next.workspace AND f.pipeline_id = "
      "next.pipeline_id AND f.event_id = next.event_id RETURNING f.workspace, f.pipeline_id, "
      "f.event_id, f.trigger, f.parameters, f.causes, next.own");
  if (taken.empty()) return std::nullopt;
  const Row row = taken.One();
  return Firing{
      .workspace = row.Get<std::string>("workspace"),
      .pipeline_id = row.Get<std::string>("pipeline_id"),
      .event_id = row.Get<std::string>("event_id"),
      .trigger = row.Get<std::string>("trigger"),
      .parameters =
          nlohmann::json::parse(row.Get<std::string>("parameters")).get<ParameterValues>(),
      .causes = row.Get<std::vector<std::string>>("causes"),
      .own = row.Get<bool>("own")};
}

}  // namespace tarn::transform::firing_store
