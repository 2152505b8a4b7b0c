// ProtoReader's well-known types, each in proto JSON's own form.
#include <unordered_map>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>
#include <google/protobuf/descriptor.h>

#include "common/proto_json/proto_reader.h"

namespace tarn::proto_json {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Ten thousand years, as google/protobuf/duration.proto has it.
constexpr std::int64_t kMaxDurationSeconds = 315'576'000'000;

// Timestamp and Duration have the same two fields. By reflection, since a dynamic message is not of
// the generated class.
void SetSecondsAndNanos(google::protobuf::Message& message, std::int64_t seconds,
                        std::int64_t nanos) {
  const Descriptor* type = message.GetDescriptor();
  message.GetReflection()->SetInt64(&message, type->FindFieldByName("seconds"), seconds);
  message.GetReflection()->SetInt32(&message, type->FindFieldByName("nanos"),
                                    static_cast<std::int32_t>(nanos));
}

// createTime -> create_time. False when it is no path in lowerCamelCase or snake_case.
bool ToSnakeCase(absl::string_view camel, std::string* snake) {
  for (char c : camel) {
    if (c >= 'A' && c <= 'Z') {
      snake->push_back('_');
      snake->push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    } else if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
               c == '*') {
      snake->push_back(c);
    } else {
      return false;
    }
  }
  return !snake->empty();
}

}  // namespace

bool ProtoReader::ReadWellKnown(const Node& node, const std::string& path, Message& message) {
  using Handler = void (ProtoReader::*)(const Node&, const std::string&, Message&);
  static const auto* const kHandlers = new std::unordered_map<std::string, Handler>{
      {"google.protobuf.Timestamp", &ProtoReader::ReadTimestamp},
      {"google.protobuf.Duration", &ProtoReader::ReadDuration},
      {"google.protobuf.FieldMask", &ProtoReader::ReadFieldMask},
      {"google.protobuf.Struct", &ProtoReader::ReadStruct},
      {"google.protobuf.ListValue", &ProtoReader::ReadListValue},
      {"google.protobuf.Value", &ProtoReader::ReadAnyValue}};
  const Descriptor* type = message.GetDescriptor();
  if (!type->full_name().starts_with("google.protobuf.")) return false;
  if (auto it = kHandlers->find(type->full_name()); it != kHandlers->end()) {
    (this->*it->second)(node, path, message);
    return true;
  }
  switch (type->well_known_type()) {
    case Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
    case Descriptor::WELLKNOWNTYPE_FLOATVALUE:
    case Descriptor::WELLKNOWNTYPE_INT64VALUE:
    case Descriptor::WELLKNOWNTYPE_UINT64VALUE:
    case Descriptor::WELLKNOWNTYPE_INT32VALUE:
    case Descriptor::WELLKNOWNTYPE_UINT32VALUE:
    case Descriptor::WELLKNOWNTYPE_STRINGVALUE:
    case Descriptor::WELLKNOWNTYPE_BYTESVALUE:
    case Descriptor::WELLKNOWNTYPE_BOOLVALUE:
      ReadScalar(node, path, message, type->FindFieldByName("value"));
      return true;
    case Descriptor::WELLKNOWNTYPE_ANY:
      Fail(node.line, path, "is of a type (Any) that cannot be given in JSON here");
      return true;
    default:
      return false;
  }
}

void ProtoReader::ReadTimestamp(const Node& node, const std::string& path, Message& message) {
  absl::Time time;
  if (node.kind != Node::Kind::kString ||
      !absl::ParseTime(absl::RFC3339_full, node.text, &time, nullptr) ||
      time < absl::FromUnixSeconds(-62135596800) || time >= absl::FromUnixSeconds(253402300800)) {
    Fail(node.line, path, "must be a time with its zone, such as 2024-01-31T08:00:00Z");
    return;
  }
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  SetSecondsAndNanos(message, seconds,
                     absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds)));
}

void ProtoReader::ReadDuration(const Node& node, const std::string& path, Message& message) {
  absl::Duration duration;
  if (node.kind != Node::Kind::kString || !absl::ParseDuration(node.text, &duration) ||
      absl::AbsDuration(duration) > absl::Seconds(kMaxDurationSeconds)) {
    Fail(node.line, path, "must be a duration with its unit, such as 30s, 1.5s or 1h30m");
    return;
  }
  absl::Duration rest;
  const std::int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &rest);
  SetSecondsAndNanos(message, seconds, absl::ToInt64Nanoseconds(rest));
}

void ProtoReader::ReadFieldMask(const Node& node, const std::string& path, Message& message) {
  if (node.kind != Node::Kind::kString) {
    FailType(node, path, "text: field paths with commas between");
    return;
  }
  const FieldDescriptor* paths = message.GetDescriptor()->FindFieldByName("paths");
  for (absl::string_view item : absl::StrSplit(node.text, ',', absl::SkipEmpty())) {
    std::string snake;
    if (!ToSnakeCase(absl::StripAsciiWhitespace(item), &snake)) {
      Fail(node.line, path, "'" + std::string(item) + "' is not a field's path");
      continue;
    }
    message.GetReflection()->AddString(&message, paths, snake);
  }
}

void ProtoReader::ReadStruct(const Node& node, const std::string& path, Message& message) {
  ReadMap(node, path, message, message.GetDescriptor()->FindFieldByName("fields"));
}

void ProtoReader::ReadListValue(const Node& node, const std::string& path, Message& message) {
  ReadField(node, path, message, message.GetDescriptor()->FindFieldByName("values"));
}

void ProtoReader::ReadAnyValue(const Node& node, const std::string& path, Message& message) {
  const char* field = "null_value";
  switch (node.kind) {
    case Node::Kind::kNull:
      break;
    case Node::Kind::kBool:
      field = "bool_value";
      break;
    case Node::Kind::kNumber:
      field = "number_value";
      break;
    case Node::Kind::kString:
      field = "string_value";
      break;
    case Node::Kind::kList:
      field = "list_value";
      break;
    case Node::Kind::kMap:
      field = "struct_value";
      break;
  }
  ReadValue(node, path, message, message.GetDescriptor()->FindFieldByName(field));
}

}  // namespace tarn::proto_json
