#include "services/alerting/event/event_proto.h"

#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>

#include "tarn/alerting/v1/event.pb.h"

#include "common/ids/ids.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

constexpr size_t kMaxNameBytes = 256;
constexpr size_t kMaxSubjectBytes = 1024;
constexpr size_t kMaxDataBytes = 256 * 1024;

// Tarn's own events name their module; with "//tarn/" before it that is a URI, as CloudEvents asks.
std::string SourceOf(const events::Event& event) {
  return absl::StartsWith(event.type, "tarn.") ? "//tarn/" + event.source : event.source;
}

std::string PositionQuery(std::string_view workspace) {
  return QueryFingerprint({"SubscribeEvents", workspace});
}

}  // namespace

v1::Event ToProto(const events::Event& event) {
  v1::Event proto;
  proto.set_id(event.id);
  proto.set_type(event.type);
  proto.set_source(SourceOf(event));
  proto.set_subject(event.subject);
  SetTimestamp(event.time, proto.mutable_time());
  if (!google::protobuf::util::JsonStringToMessage(event.data, proto.mutable_data()).ok()) {
    proto.clear_data();
    google::protobuf::util::JsonStringToMessage(absl::StrCat("{\"value\":", event.data, "}"),
                                                proto.mutable_data())
        .ok();
  }
  return proto;
}

absl::StatusOr<events::Event> FromProto(const v1::Event& proto, std::string_view field) {
  std::vector<FieldViolation> violations;
  auto refuse = [&](std::string_view name, std::string_view description) {
    violations.push_back({std::string(field) + "." + std::string(name), std::string(description)});
  };
  events::Event event;
  event.id = proto.id().empty() ? NewUuid() : proto.id();
  if (!IsUuid(event.id)) refuse("id", "must be a UUID in lower case, or empty for a new one");
  event.type = proto.type();
  if (event.type.empty()) refuse("type", "is required, as com.example.meter.replaced");
  if (event.type.size() > kMaxNameBytes) refuse("type", "is longer than 256 bytes");
  if (event.type == "tarn" || absl::StartsWith(event.type, "tarn.")) {
    refuse("type", "must not begin with tarn., which is Tarn's own");
  }
  event.source = proto.source();
  if (event.source.empty()) refuse("source", "is required, as //example.com/meters");
  if (event.source.size() > kMaxNameBytes) refuse("source", "is longer than 256 bytes");
  if (absl::StartsWith(event.source, "//tarn/")) {
    refuse("source", "must not begin with //tarn/, which is Tarn's own");
  }
  event.subject = proto.subject();
  if (event.subject.size() > kMaxSubjectBytes) refuse("subject", "is longer than 1 KiB");
  if (proto.has_time()) event.time = TimeOf(proto.time());
  if (proto.has_time() && (event.time < absl::UnixEpoch() - absl::Hours(24 * 365 * 100) ||
                           event.time > absl::UnixEpoch() + absl::Hours(24 * 365 * 1000LL))) {
    refuse("time", "is out of range");
  }
  if (proto.has_data()) {
    event.data.clear();
    if (!google::protobuf::util::MessageToJsonString(proto.data(), &event.data).ok()) {
      refuse("data", "has a number that JSON cannot hold");
    }
    if (event.data.size() > kMaxDataBytes) refuse("data", "is longer than 256 KiB");
  }
  if (violations.empty()) return event;
  return InvalidFields(std::move(violations));
}

std::string EncodePosition(std::string_view workspace, const events::Cursor& cursor) {
  return EncodePageToken(PositionQuery(workspace), absl::StrCat(cursor.xid, ".", cursor.seq));
}

absl::StatusOr<events::Cursor> DecodePosition(std::string_view workspace,
                                              std::string_view position) {
  absl::StatusOr<std::string> text = DecodePageToken(PositionQuery(workspace), position);
  events::Cursor cursor;
  if (text.ok()) {
    std::vector<std::string> parts = absl::StrSplit(*text, '.');
    if (parts.size() == 2 && absl::SimpleAtoi(parts[0], &cursor.xid) &&
        absl::SimpleAtoi(parts[1], &cursor.seq)) {
      return cursor;
    }
  }
  return InvalidArgument("INVALID_POSITION",
                         "after_position is not one that SubscribeEvents gave in this workspace; "
                         "leave it out to begin with what comes now");
}

}  // namespace tarn::alerting
