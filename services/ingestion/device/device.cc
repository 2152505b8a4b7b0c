#include "services/ingestion/device/device.h"

#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kMaxIdBytes = 128;

absl::StatusOr<std::string> ToJson(const google::protobuf::Struct& value) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(value, &json);
  if (!status.ok()) return InvalidArgument("NOT_JSON", "holds a number that JSON does not know");
  return json;
}

}  // namespace

absl::StatusOr<std::string> ParseDeviceName(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> parts, names::Parse("devices/{device}", name));
  return std::move(parts[0]);
}

std::string DeviceIdProblem(std::string_view id) {
  bool good = !id.empty() && id.size() <= kMaxIdBytes &&
              absl::ascii_isalnum(static_cast<unsigned char>(id[0]));
  for (const char c : id) {
    good = good && (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                    std::string_view("._~@-").find(c) != std::string_view::npos);
  }
  if (good) return "";
  return "a device's id is 1 to 128 letters, digits and . _ ~ @ -, a letter or digit first";
}

std::string DeviceTypeProblem(std::string_view type) {
  if (names::ValidateId("type", type).ok()) return "";
  return type.empty() ? "a device needs a type"
                      : "a device's type is a lower-case letter, then up to 62 lower-case letters, "
                        "digits, _ or -";
}

std::string DeviceSizeProblem(const Device& device) {
  if (device.attributes.size() > kMaxDeviceAttributesBytes) {
    return absl::StrCat("the attributes have ", device.attributes.size(),
                        " bytes as JSON; at most ", kMaxDeviceAttributesBytes, " are kept");
  }
  if (device.metadata.size() > kMaxDeviceMetadataBytes) {
    return absl::StrCat("the metadata have ", device.metadata.size(), " bytes as JSON; at most ",
                        kMaxDeviceMetadataBytes, " are kept");
  }
  // PostgreSQL's jsonb holds no NUL, which JSON writes so.
  for (const std::string* json : {&device.attributes, &device.metadata}) {
    if (json->find("\\u0000") != std::string::npos) return "a text holds the character U+0000";
  }
  return "";
}

absl::StatusOr<Device> DeviceFromProto(const v1::Device& proto) {
  std::vector<FieldViolation> violations;
  Device device;
  if (absl::StatusOr<std::string> id = ParseDeviceName(proto.name()); !id.ok()) {
    violations.push_back({"device.name", std::string(id.status().message())});
  } else {
    device.id = *std::move(id);
    if (std::string problem = DeviceIdProblem(device.id); !problem.empty()) {
      violations.push_back({"device.name", std::move(problem)});
    }
  }
  device.type = proto.type();
  if (std::string problem = DeviceTypeProblem(device.type); !problem.empty()) {
    violations.push_back({"device.type", std::move(problem)});
  }
  const auto take = [&](const google::protobuf::Struct& value, const char* field,
                        std::string& json) {
    absl::StatusOr<std::string> text = ToJson(value);
    if (text.ok()) {
      json = *std::move(text);
    } else {
      violations.push_back({field, std::string(text.status().message())});
    }
  };
  take(proto.attributes(), "device.attributes", device.attributes);
  take(proto.metadata(), "device.metadata", device.metadata);
  if (std::string problem = DeviceSizeProblem(device); !problem.empty()) {
    violations.push_back({"device", std::move(problem)});
  }
  if (!violations.empty()) return InvalidFields(std::move(violations));
  return device;
}

absl::StatusOr<v1::Device> DeviceToProto(const Device& device) {
  v1::Device proto;
  proto.set_name(device.name());
  proto.set_type(device.type);
  using google::protobuf::util::JsonStringToMessage;
  if (!JsonStringToMessage(device.attributes, proto.mutable_attributes()).ok() ||
      !JsonStringToMessage(device.metadata, proto.mutable_metadata()).ok()) {
    return Internal("STORED_DEVICE",
                    absl::StrCat("what is stored of ", device.name(), " cannot be read"));
  }
  if (proto.attributes().fields().empty()) proto.clear_attributes();
  if (proto.metadata().fields().empty()) proto.clear_metadata();
  *proto.mutable_create_time() =
      TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(device.create_time));
  *proto.mutable_update_time() =
      TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(device.update_time));
  proto.set_etag(device.etag());
  return proto;
}

}  // namespace tarn::ingestion
