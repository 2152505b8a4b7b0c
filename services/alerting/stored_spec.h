// How a resource's proto is kept in a jsonb column, its times, and updates by field mask. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace google::protobuf {
class Duration;
class FieldMask;
class Message;
class Timestamp;
}  // namespace google::protobuf

namespace tarn::alerting {

// Proto JSON of `message`. INVALID_ARGUMENT, INVALID_FIELD for what JSON cannot hold.
absl::StatusOr<std::string> SpecToJson(const google::protobuf::Message& message);
// Replaces `message`. Fields that this release does not know are passed over, so that it can run
// beside a later one. INTERNAL, STORED_SPEC.
absl::Status SpecFromJson(std::string_view json, google::protobuf::Message* message);

// Puts the fields of `wanted` that `mask` names into `target`; every one of `fields` when it is
// empty. `fields` are the names of those that may change. INVALID_ARGUMENT, INVALID_FIELD for
// another name.
absl::Status ApplyUpdate(const google::protobuf::Message& wanted,
                         const google::protobuf::FieldMask& mask,
                         std::span<const std::string_view> fields,
                         google::protobuf::Message* target);

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* proto);
absl::Time TimeOf(const google::protobuf::Timestamp& proto);
absl::Duration DurationOf(const google::protobuf::Duration& proto);

}  // namespace tarn::alerting
