// Events as users see them, and what a user may publish. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/events/event.h"

namespace tarn::alerting {

namespace v1 {
class Event;
}

// Data that is no JSON object comes as {"value": …}.
v1::Event ToProto(const events::Event& event);

// A user's event for the outbox. `field` is its path in the request ("events[2]").
// INVALID_ARGUMENT, INVALID_FIELD lists all that is wrong with it.
absl::StatusOr<events::Event> FromProto(const v1::Event& event, std::string_view field);

// Where to go on after an event: opaque, good for the workspace that it was given in.
std::string EncodePosition(std::string_view workspace, const events::Cursor& cursor);
// INVALID_ARGUMENT, INVALID_POSITION.
absl::StatusOr<events::Cursor> DecodePosition(std::string_view workspace,
                                              std::string_view position);

}  // namespace tarn::alerting
