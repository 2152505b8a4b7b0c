// Channels in PostgreSQL. Every function runs in the caller's transaction. Channels are given with
// their secrets: mask them before they are shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/alerting/v1/channel.pb.h"

#include "common/postgres/transaction.h"

namespace tarn::alerting {

enum class ChannelLock {
  kNone,
  kAgainstDeletion,  // others may read and lock it so, too
  kForUpdate,
};

// NOT_FOUND, CHANNEL_NOT_FOUND where there is none.
absl::StatusOr<v1::Channel> FindChannel(Transaction& txn, std::string_view workspace,
                                        std::string_view channel_id,
                                        ChannelLock lock = ChannelLock::kNone);
// By name, those after `after_id`.
absl::StatusOr<std::vector<v1::Channel>> ListChannels(Transaction& txn, std::string_view workspace,
                                                      std::string_view after_id, int limit);
// ALREADY_EXISTS, CHANNEL_ALREADY_EXISTS.
absl::Status InsertChannel(Transaction& txn, std::string_view workspace,
                           std::string_view channel_id, const v1::Channel& channel);
absl::Status UpdateChannel(Transaction& txn, std::string_view workspace,
                           std::string_view channel_id, const v1::Channel& channel);
// FAILED_PRECONDITION, CHANNEL_IN_USE while rules name it. The caller has locked it for update.
absl::Status DeleteChannel(Transaction& txn, std::string_view workspace,
                           std::string_view channel_id);

}  // namespace tarn::alerting
