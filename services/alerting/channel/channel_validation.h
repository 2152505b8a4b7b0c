// The rules for channels, and what of them is a secret. Pure.
#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/alerting/delivery/receiver_policy.h"

namespace tarn::auth {
struct Caller;
}

namespace tarn::alerting {

namespace v1 {
class Channel;
}

// What the operator allows channels.
struct ChannelLimits {
  ReceiverPolicy receivers;
  // Whether alerting.secret_folder is set.
  bool secret_files = false;
};

// Checks every field that a user may write. INVALID_ARGUMENT, INVALID_FIELD lists all that is
// wrong.
absl::Status ValidateChannel(const v1::Channel& channel, const ChannelLimits& limits);

// The channel's id. INVALID_ARGUMENT where `name` is no `channels/{channel}`.
absl::StatusOr<std::string> ChannelIdOf(const std::string& name);

// Hides what is secret in a channel that is shown: of Slack's address all but its origin, and the
// values of headers that carry credentials; of a webhook's address, too, all but its origin for
// those who are neither the channel's owner nor administrators: many a receiver takes its path or
// query for a credential.
void MaskSecrets(const auth::Caller& viewer, v1::Channel* channel);

// Puts the secrets of `stored` back where `channel` has their masks, so that a channel that was
// read can be written again.
void RestoreSecrets(const v1::Channel& stored, v1::Channel* channel);

}  // namespace tarn::alerting
