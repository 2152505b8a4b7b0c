// The rules for channels, and what of them is a secret. Pure.
#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::alerting {

namespace v1 {
class Channel;
}

// Checks every field that a user may write. `allowed_hosts` is empty for any.
// INVALID_ARGUMENT, INVALID_FIELD lists all that is wrong.
absl::Status ValidateChannel(const v1::Channel& channel,
                             const std::vector<std::string>& allowed_hosts);

// The channel's id. INVALID_ARGUMENT where `name` is no `channels/{channel}`.
absl::StatusOr<std::string> ChannelIdOf(const std::string& name);

// Hides what is secret in a channel that is shown: of Slack's address all but its origin, and the
// values of headers that carry credentials.
void MaskSecrets(v1::Channel* channel);

// Puts the secrets of `stored` back where `channel` has their masks, so that a channel that was
// read can be written again.
void RestoreSecrets(const v1::Channel& stored, v1::Channel* channel);

}  // namespace tarn::alerting
