#include "services/cli/resource_text.h"

#include <cstdio>
#include <map>

#include <absl/strings/ascii.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/timestamp.pb.h>

#include "services/cli/display_text.h"
#include "services/cli/resource_name.h"

namespace tarn::cli {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// "EXECUTION_STATE_" of ExecutionState.
std::string EnumPrefix(const EnumDescriptor& type) {
  std::string prefix;
  for (char c : type.name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return prefix + "_";
}

bool IsNumber(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return true;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return field.is_repeated() && !field.is_map();  // shown as its count
    default:
      return false;
  }
}

std::string MapText(const Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  std::map<std::string, std::string> entries;
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, field, i);
    const auto* value = entry.GetDescriptor()->map_value();
    if (value->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
    const auto* entry_reflection = entry.GetReflection();
    entries[entry_reflection->GetString(entry, entry.GetDescriptor()->map_key())] =
        entry_reflection->GetString(entry, value);
  }
  std::string text;
  for (const auto& [key, value] : entries) {
    if (!text.empty()) text += ", ";
    text += key + "=" + value;
  }
  return text;
}

std::string RepeatedText(const Message& message, const FieldDescriptor* field) {
  if (field->is_map()) return MapText(message, field);
  const auto* reflection = message.GetReflection();
  const int size = reflection->FieldSize(message, field);
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return std::to_string(size);
  std::string text;
  for (int i = 0; i < size; ++i) {
    if (i > 0) text += ", ";
    text += reflection->GetRepeatedString(message, field, i);
  }
  return text;
}

std::string DoubleText(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return text;
}

std::string IntegerText(int64_t value, ColumnForm form) {
  return form == ColumnForm::kBytes ? BytesText(value) : WithThousands(value);
}

std::string MessageText(const Message& message) {
  if (message.GetTypeName() != "google.protobuf.Timestamp") return "";
  google::protobuf::Timestamp time;
  time.CopyFrom(message);
  return TimeText(absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()));
}

std::string FieldText(const Message& message, const FieldDescriptor* field, ColumnForm form) {
  if (field->is_repeated()) return RepeatedText(message, field);
  const auto* reflection = message.GetReflection();
  if (field->has_presence() && !reflection->HasField(message, field)) return "";
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = reflection->GetString(message, field);
      return form == ColumnForm::kShortName ? ShortName(text) : text;
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumText(*reflection->GetEnum(message, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field) ? "yes" : "no";
    case FieldDescriptor::CPPTYPE_INT32:
      return IntegerText(reflection->GetInt32(message, field), form);
    case FieldDescriptor::CPPTYPE_INT64:
      return IntegerText(reflection->GetInt64(message, field), form);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return DoubleText(reflection->GetDouble(message, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageText(reflection->GetMessage(message, field));
    default:
      return "";
  }
}

Style StyleOf(std::string_view text) {
  if (text == "succeeded" || text == "delivered" || text == "ok") return Style::kGood;
  if (text == "failed" || text == "firing" || text == "timed out" || text == "critical") {
    return Style::kBad;
  }
  if (text == "pending" || text == "cancelled" || text == "warning") return Style::kWarning;
  return Style::kPlain;
}

std::vector<std::string> PathOf(const KindColumn& column) {
  return absl::StrSplit(absl::string_view(column.path.data(), column.path.size()), '.');
}

}  // namespace

std::string EnumText(const google::protobuf::EnumValueDescriptor& value) {
  if (value.number() == 0) return "";
  const std::string prefix = EnumPrefix(*value.type());
  std::string text = value.name();
  if (text.compare(0, prefix.size(), prefix) == 0) text = text.substr(prefix.size());
  return absl::StrReplaceAll(absl::AsciiStrToLower(text), {{"_", " "}});
}

TableCell FieldCell(const Message& resource, const KindColumn& column) {
  const Message* message = &resource;
  const std::vector<std::string> path = PathOf(column);
  for (size_t i = 0; i < path.size(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(path[i]);
    if (field == nullptr) return {};
    if (i + 1 == path.size()) {
      TableCell cell{.text = OneLine(FieldText(*message, field, column.form))};
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) cell.style = StyleOf(cell.text);
      return cell;
    }
    if (!message->GetReflection()->HasField(*message, field)) return {};
    message = &message->GetReflection()->GetMessage(*message, field);
  }
  return {};
}

std::vector<TableColumn> TableColumnsOf(const Kind& kind) {
  std::vector<TableColumn> columns;
  for (const KindColumn& column : kind.columns) {
    const google::protobuf::Descriptor* type = kind.resource;
    const FieldDescriptor* field = nullptr;
    for (const std::string& name : PathOf(column)) {
      field = type == nullptr ? nullptr : type->FindFieldByName(name);
      type = field == nullptr ? nullptr : field->message_type();
    }
    columns.push_back({.header = std::string(column.header),
                       .right_aligned = field != nullptr && IsNumber(*field)});
  }
  return columns;
}

}  // namespace tarn::cli
