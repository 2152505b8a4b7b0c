#include "services/alerting/rule/rule_store.h"

#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/channel/channel_validation.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

constexpr std::string_view kSelect =
    "SELECT r.workspace, r.rule_id, r.uid, r.spec, r.owner, r.etag, r.create_time, r.update_time, "
    "r.last_evaluation_time, r.last_error, (SELECT count(*) FROM alerting.alerts a "
    "WHERE a.workspace = r.workspace AND a.rule_id = r.rule_id AND a.state = 3) AS firing_count "
    "FROM alerting.rules r ";

std::string Select(std::string_view condition) {
  return std::string(kSelect) + std::string(condition);
}

absl::StatusOr<StoredRule> RuleOf(const Row& row) {
  StoredRule stored{row.Get<std::string>("workspace"), row.Get<std::string>("rule_id"),
                    row.Get<std::string>("uid")};
  v1::Rule& rule = stored.rule;
  TARN_RETURN_IF_ERROR(SpecFromJson(row.Get<std::string>("spec"), &rule));
  rule.set_name(names::Format("rules/{rule}", {stored.id}));
  rule.set_owner(row.Get<std::string>("owner"));
  rule.set_etag(row.Get<std::string>("etag"));
  SetTimestamp(row.Get<absl::Time>("create_time"), rule.mutable_create_time());
  SetTimestamp(row.Get<absl::Time>("update_time"), rule.mutable_update_time());
  if (auto time = row.Get<std::optional<absl::Time>>("last_evaluation_time"); time.has_value()) {
    SetTimestamp(*time, rule.mutable_last_evaluation_time());
  }
  rule.set_last_error(row.Get<std::string>("last_error"));
  rule.set_firing_count(static_cast<int>(row.Get<int64_t>("firing_count")));
  return stored;
}

// What of the rule is kept as JSON: what a user writes.
absl::StatusOr<std::string> SpecOf(const v1::Rule& rule) {
  v1::Rule spec = rule;
  spec.clear_name();
  spec.clear_owner();
  spec.clear_etag();
  spec.clear_create_time();
  spec.clear_update_time();
  spec.clear_last_evaluation_time();
  spec.clear_last_error();
  spec.clear_firing_count();
  return SpecToJson(spec);
}

// Channels are locked against their deletion, in the order of their ids.
absl::Status WriteChannels(Transaction& txn, const StoredRule& stored) {
  std::vector<std::string> ids;
  for (const std::string& name : stored.rule.channels()) {
    TARN_ASSIGN_OR_RETURN(std::string id, ChannelIdOf(name));
    if (txn.Exec("SELECT 1 FROM alerting.channels WHERE workspace = $1 AND channel_id = $2 "
                 "FOR KEY SHARE",
                 stored.workspace, id)
            .empty()) {
      return NotFound("CHANNEL_NOT_FOUND",
                      "there is no channel " + name + "; make it before the rule that names it",
                      {{"channel", name}});
    }
    ids.push_back(std::move(id));
  }
  txn.Exec("DELETE FROM alerting.rule_channels WHERE workspace = $1 AND rule_id = $2",
           stored.workspace, stored.id);
  txn.Exec(
      "INSERT INTO alerting.rule_channels (workspace, rule_id, channel_id) "
      "SELECT $1, $2, unnest($3::text[])",
      stored.workspace, stored.id, ids);
  return absl::OkStatus();
}

}  // namespace

const LeaseTable& RuleLeases() {
  static const LeaseTable* const table =
      new LeaseTable{"alerting.rules", {"workspace", "rule_id", "uid"}};
  return *table;
}

absl::StatusOr<StoredRule> FindRule(Transaction& txn, std::string_view workspace,
                                    std::string_view rule_id, RowLock lock) {
  std::string condition = "WHERE r.workspace = $1 AND r.rule_id = $2";
  if (lock == RowLock::kForUpdate) condition += " FOR UPDATE OF r";
  std::optional<Row> row = txn.Exec(Select(condition), workspace, rule_id).First();
  if (row.has_value()) return RuleOf(*row);
  const std::string name = names::Format("rules/{rule}", {rule_id});
  return NotFound("RULE_NOT_FOUND",
                  "there is no rule " + name + "; ListRules shows those that exist",
                  {{"rule", name}});
}

absl::StatusOr<std::vector<v1::Rule>> ListRules(Transaction& txn, std::string_view workspace,
                                                std::string_view after_id, int limit) {
  std::vector<v1::Rule> rules;
  for (Row row :
       txn.Exec(Select("WHERE r.workspace = $1 AND r.rule_id > $2 ORDER BY r.rule_id LIMIT $3"),
                workspace, after_id, limit)) {
    TARN_ASSIGN_OR_RETURN(StoredRule stored, RuleOf(row));
    rules.push_back(std::move(stored.rule));
  }
  return rules;
}

absl::Status InsertRule(Transaction& txn, const StoredRule& stored, absl::Time next_evaluation) {
  const v1::Rule& rule = stored.rule;
  TARN_ASSIGN_OR_RETURN(std::string spec, SpecOf(rule));
  Result inserted = txn.Exec(
      "INSERT INTO alerting.rules (workspace, rule_id, uid, spec, owner, etag, create_time, "
      "update_time, paused, next_evaluation_time) "
      "VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9, $10) "
      "ON CONFLICT (workspace, rule_id) DO NOTHING",
      stored.workspace, stored.id, stored.uid, spec, rule.owner(), rule.etag(),
      TimeOf(rule.create_time()), TimeOf(rule.update_time()), rule.paused(), next_evaluation);
  if (inserted.affected_rows() == 0) {
    return AlreadyExists("RULE_ALREADY_EXISTS",
                         "there is a rule " + rule.name() + " already; update it instead",
                         {{"rule", rule.name()}});
  }
  return WriteChannels(txn, stored);
}

absl::Status UpdateRule(Transaction& txn, const StoredRule& stored,
                        std::optional<absl::Time> next_evaluation) {
  const v1::Rule& rule = stored.rule;
  TARN_ASSIGN_OR_RETURN(std::string spec, SpecOf(rule));
  txn.Exec(
      "UPDATE alerting.rules SET spec = $3::jsonb, owner = $4, etag = $5, update_time = $6, "
      "paused = $7, next_evaluation_time = coalesce($8, next_evaluation_time) "
      "WHERE workspace = $1 AND rule_id = $2",
      stored.workspace, stored.id, spec, rule.owner(), rule.etag(), TimeOf(rule.update_time()),
      rule.paused(), next_evaluation);
  return WriteChannels(txn, stored);
}

void DeleteRule(Transaction& txn, std::string_view workspace, std::string_view rule_id) {
  txn.Exec("DELETE FROM alerting.rules WHERE workspace = $1 AND rule_id = $2", workspace, rule_id);
}

std::optional<Lease> ClaimDueRule(Transaction& txn, std::string_view holder, absl::Duration ttl,
                                  absl::Time now) {
  return ClaimNext(txn, RuleLeases(), holder, ttl,
                   {.where = "NOT l.paused AND l.next_evaluation_time <= $1",
                    .params = {now},
                    .order_by = "l.next_evaluation_time"});
}

void RecordEvaluation(Transaction& txn, const StoredRule& rule, absl::Time time,
                      std::string_view error, std::optional<absl::Time> next_evaluation) {
  txn.Exec(
      "UPDATE alerting.rules SET last_evaluation_time = $3, last_error = $4, "
      "next_evaluation_time = coalesce($5, next_evaluation_time) "
      "WHERE workspace = $1 AND rule_id = $2",
      rule.workspace, rule.id, time, error, next_evaluation);
}

}  // namespace tarn::alerting
