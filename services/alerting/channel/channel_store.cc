#include "services/alerting/channel/channel_store.h"

#include <absl/strings/str_join.h>

#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

constexpr int kNamedRules = 5;  // in the error's message

std::string NameOf(std::string_view channel_id) {
  return names::Format("channels/{channel}", {channel_id});
}

absl::StatusOr<v1::Channel> ChannelOf(const Row& row) {
  v1::Channel channel;
  TARN_RETURN_IF_ERROR(SpecFromJson(row.Get<std::string>("spec"), &channel));
  channel.set_name(NameOf(row.Get<std::string>("channel_id")));
  channel.set_owner(row.Get<std::string>("owner"));
  channel.set_etag(row.Get<std::string>("etag"));
  SetTimestamp(row.Get<absl::Time>("create_time"), channel.mutable_create_time());
  SetTimestamp(row.Get<absl::Time>("update_time"), channel.mutable_update_time());
  return channel;
}

absl::StatusOr<std::string> SpecOf(const v1::Channel& channel) {
  v1::Channel spec = channel;
  spec.clear_name();
  spec.clear_owner();
  spec.clear_etag();
  spec.clear_create_time();
  spec.clear_update_time();
  return SpecToJson(spec);
}

}  // namespace

absl::StatusOr<v1::Channel> FindChannel(Transaction& txn, std::string_view workspace,
                                        std::string_view channel_id, ChannelLock lock) {
  std::string sql = "SELECT * FROM alerting.channels WHERE workspace = $1 AND channel_id = $2";
  if (lock == ChannelLock::kAgainstDeletion) sql += " FOR KEY SHARE";
  if (lock == ChannelLock::kForUpdate) sql += " FOR UPDATE";
  std::optional<Row> row = txn.Exec(sql, workspace, channel_id).First();
  if (row.has_value()) return ChannelOf(*row);
  return NotFound(
      "CHANNEL_NOT_FOUND",
      "there is no channel " + NameOf(channel_id) + "; ListChannels shows those that exist",
      {{"channel", NameOf(channel_id)}});
}

absl::StatusOr<std::vector<v1::Channel>> ListChannels(Transaction& txn, std::string_view workspace,
                                                      std::string_view after_id, int limit) {
  std::vector<v1::Channel> channels;
  for (Row row : txn.Exec("SELECT * FROM alerting.channels WHERE workspace = $1 AND "
                          "channel_id > $2 ORDER BY channel_id LIMIT $3",
                          workspace, after_id, limit)) {
    TARN_ASSIGN_OR_RETURN(v1::Channel channel, ChannelOf(row));
    channels.push_back(std::move(channel));
  }
  return channels;
}

absl::Status InsertChannel(Transaction& txn, std::string_view workspace,
                           std::string_view channel_id, const v1::Channel& channel) {
  TARN_ASSIGN_OR_RETURN(std::string spec, SpecOf(channel));
  Result inserted = txn.Exec(
      "INSERT INTO alerting.channels (workspace, channel_id, spec, owner, etag, create_time, "
      "update_time) VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7) "
      "ON CONFLICT (workspace, channel_id) DO NOTHING",
      workspace, channel_id, spec, channel.owner(), channel.etag(), TimeOf(channel.create_time()),
      TimeOf(channel.update_time()));
  if (inserted.affected_rows() == 1) return absl::OkStatus();
  return AlreadyExists("CHANNEL_ALREADY_EXISTS",
                       "there is a channel " + channel.name() + " already; update it instead",
                       {{"channel", channel.name()}});
}

absl::Status UpdateChannel(Transaction& txn, std::string_view workspace,
                           std::string_view channel_id, const v1::Channel& channel) {
  TARN_ASSIGN_OR_RETURN(std::string spec, SpecOf(channel));
  txn.Exec(
      "UPDATE alerting.channels SET spec = $3::jsonb, owner = $4, etag = $5, update_time = $6 "
      "WHERE workspace = $1 AND channel_id = $2",
      workspace, channel_id, spec, channel.owner(), channel.etag(), TimeOf(channel.update_time()));
  return absl::OkStatus();
}

absl::Status DeleteChannel(Transaction& txn, std::string_view workspace,
                           std::string_view channel_id) {
  std::vector<std::string> rules;
  for (Row row : txn.Exec("SELECT rule_id FROM alerting.rule_channels WHERE workspace = $1 AND "
                          "channel_id = $2 ORDER BY rule_id LIMIT $3",
                          workspace, channel_id, kNamedRules)) {
    rules.push_back(names::Format("rules/{rule}", {row.Get<std::string>("rule_id")}));
  }
  if (!rules.empty()) {
    return FailedPrecondition("CHANNEL_IN_USE",
                              NameOf(channel_id) + " is named by " + absl::StrJoin(rules, ", ") +
                                  "; take it out of these rules first",
                              {{"channel", NameOf(channel_id)}});
  }
  txn.Exec("DELETE FROM alerting.channels WHERE workspace = $1 AND channel_id = $2", workspace,
           channel_id);
  return absl::OkStatus();
}

}  // namespace tarn::alerting
