#include "services/alerting/stored_spec.h"

#include <algorithm>
#include <vector>

#include <absl/strings/str_cat.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/json_util.h>

#include "common/status/error.h"

namespace tarn::alerting {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Clears the oneof of `field`, so that taking over one member drops another.
void ClearField(Message* target, const FieldDescriptor* field) {
  const Reflection* reflection = target->GetReflection();
  if (field->real_containing_oneof() != nullptr) {
    reflection->ClearOneof(target, field->real_containing_oneof());
  } else {
    reflection->ClearField(target, field);
  }
}

}  // namespace

absl::StatusOr<std::string> SpecToJson(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (status.ok()) return json;
  return InvalidArgument("INVALID_FIELD", absl::StrCat("a field has a value out of its range: ",
                                                       status.message().ToString()));
}

absl::Status SpecFromJson(std::string_view json, Message* message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), message, options);
  if (status.ok()) return absl::OkStatus();
  return Internal("STORED_SPEC", absl::StrCat("a stored ", message->GetDescriptor()->name(),
                                              " cannot be read: ", status.message().ToString()));
}

absl::Status ApplyUpdate(const Message& wanted, const google::protobuf::FieldMask& mask,
                         std::span<const std::string_view> fields, Message* target) {
  std::vector<std::string_view> names(fields.begin(), fields.end());
  if (mask.paths_size() > 0) {
    names.assign(mask.paths().begin(), mask.paths().end());
    for (std::string_view name : names) {
      if (std::find(fields.begin(), fields.end(), name) != fields.end()) continue;
      return InvalidFields({{"update_mask", absl::StrCat("names ", std::string(name),
                                                         ", which is no field that can be "
                                                         "changed as a whole")}});
    }
  }
  std::vector<const FieldDescriptor*> changed;
  for (std::string_view name : names) {
    changed.push_back(target->GetDescriptor()->FindFieldByName(std::string(name)));
    ClearField(target, changed.back());
  }
  google::protobuf::FieldMask taken;
  std::vector<const FieldDescriptor*> present;
  wanted.GetReflection()->ListFields(wanted, &present);
  for (const FieldDescriptor* field : changed) {
    if (std::find(present.begin(), present.end(), field) != present.end()) {
      taken.add_paths(field->name());
    }
  }
  if (taken.paths_size() > 0) {
    google::protobuf::util::FieldMaskUtil::MergeMessageTo(wanted, taken, {}, target);
  }
  return absl::OkStatus();
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* proto) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto->set_seconds(seconds);
  proto->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

absl::Time TimeOf(const google::protobuf::Timestamp& proto) {
  return absl::FromUnixSeconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

absl::Duration DurationOf(const google::protobuf::Duration& proto) {
  return absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

}  // namespace tarn::alerting
