// ProtoReader's scalars: numbers, switches, text, bytes and enums.
#include <cmath>
#include <limits>
#include <optional>

#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/descriptor.h>

#include "common/names/nearest_name.h"
#include "common/proto_json/proto_reader.h"

namespace tarn::proto_json {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

// A whole number; also as 1.0 or 1e3 where a double holds it exactly.
template <typename Int>
std::optional<Int> ParseInt(const Node& node) {
  if (node.kind != Node::Kind::kNumber && node.kind != Node::Kind::kString) return std::nullopt;
  Int value;
  if (absl::SimpleAtoi(node.text, &value)) return value;
  double number;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (absl::SimpleAtod(node.text, &number) && number == std::trunc(number) &&
      std::abs(number) <= kExact &&
      number >= static_cast<double>(std::numeric_limits<Int>::min()) &&
      number <= static_cast<double>(std::numeric_limits<Int>::max())) {
    return static_cast<Int>(number);
  }
  return std::nullopt;
}

std::optional<double> ParseDouble(const Node& node) {
  double value;
  if ((node.kind != Node::Kind::kNumber && node.kind != Node::Kind::kString) ||
      !absl::SimpleAtod(node.text, &value)) {
    return std::nullopt;
  }
  const bool says_infinity = node.text == "Infinity" || node.text == "-Infinity";
  if (std::isinf(value) && !says_infinity) return std::nullopt;  // 1e400
  return value;
}

std::string EnumNames(const EnumDescriptor* type) {
  std::string names;
  for (int i = 0; i < type->value_count(); ++i) {
    absl::StrAppend(&names, i == 0 ? "" : ", ", type->value(i)->name());
  }
  return names;
}

// The reflection calls for a field of one type, singular or repeated.
#define TARN_SET_OR_ADD(Type, value)                                \
  do {                                                              \
    if (field->is_repeated()) {                                     \
      message.GetReflection()->Add##Type(&message, field, (value)); \
    } else {                                                        \
      message.GetReflection()->Set##Type(&message, field, (value)); \
    }                                                               \
  } while (false)

}  // namespace

void ProtoReader::ReadScalar(const Node& node, const std::string& path, Message& message,
                             const Field* field) {
  switch (field->cpp_type()) {
    case Field::CPPTYPE_INT32:
      if (auto value = ParseInt<std::int32_t>(node)) {
        TARN_SET_OR_ADD(Int32, *value);
      } else {
        Fail(node.line, path, "must be a whole number from -2147483648 to 2147483647");
      }
      break;
    case Field::CPPTYPE_INT64:
      if (auto value = ParseInt<std::int64_t>(node)) {
        TARN_SET_OR_ADD(Int64, *value);
      } else {
        Fail(node.line, path, "must be a whole number of 64 bits");
      }
      break;
    case Field::CPPTYPE_UINT32:
      if (auto value = ParseInt<std::uint32_t>(node)) {
        TARN_SET_OR_ADD(UInt32, *value);
      } else {
        Fail(node.line, path, "must be a whole number from 0 to 4294967295");
      }
      break;
    case Field::CPPTYPE_UINT64:
      if (auto value = ParseInt<std::uint64_t>(node)) {
        TARN_SET_OR_ADD(UInt64, *value);
      } else {
        Fail(node.line, path, "must be a whole number of 64 bits, not negative");
      }
      break;
    case Field::CPPTYPE_DOUBLE:
      if (auto value = ParseDouble(node)) {
        TARN_SET_OR_ADD(Double, *value);
      } else {
        Fail(node.line, path, "must be a number");
      }
      break;
    case Field::CPPTYPE_FLOAT: {
      const auto value = ParseDouble(node);
      if (value.has_value() && (std::isinf(*value) || std::isnan(*value) ||
                                std::abs(*value) <= std::numeric_limits<float>::max())) {
        TARN_SET_OR_ADD(Float, static_cast<float>(*value));
      } else {
        Fail(node.line, path, "must be a number of single precision");
      }
      break;
    }
    case Field::CPPTYPE_BOOL:
      if (node.kind == Node::Kind::kBool) {
        TARN_SET_OR_ADD(Bool, node.text == "true");
      } else {
        FailType(node, path, "true or false");
      }
      break;
    case Field::CPPTYPE_ENUM:
      ReadEnum(node, path, message, field);
      break;
    case Field::CPPTYPE_STRING: {
      if (node.kind != Node::Kind::kString) {
        const bool scalar = node.kind == Node::Kind::kNumber || node.kind == Node::Kind::kBool;
        FailType(node, path, scalar ? "text (put it in quotes)" : "text");
        break;
      }
      if (field->type() != Field::TYPE_BYTES) {
        TARN_SET_OR_ADD(String, node.text);
        break;
      }
      std::string bytes;
      if (absl::Base64Unescape(node.text, &bytes) ||
          absl::WebSafeBase64Unescape(node.text, &bytes)) {
        TARN_SET_OR_ADD(String, bytes);
      } else {
        Fail(node.line, path, "must be bytes in base64");
      }
      break;
    }
    case Field::CPPTYPE_MESSAGE:
      break;  // ReadValue sends messages elsewhere
  }
}

void ProtoReader::ReadEnum(const Node& node, const std::string& path, Message& message,
                           const Field* field) {
  const EnumDescriptor* type = field->enum_type();
  const EnumValueDescriptor* value = nullptr;
  if (type->full_name() == "google.protobuf.NullValue" && node.kind == Node::Kind::kNull) {
    value = type->value(0);
  } else if (node.kind == Node::Kind::kString) {
    value = type->FindValueByName(node.text);
  } else if (node.kind == Node::Kind::kNumber) {
    if (auto number = ParseInt<std::int32_t>(node)) value = type->FindValueByNumber(*number);
  } else {
    FailType(node, path, "one of " + EnumNames(type));
    return;
  }
  if (value != nullptr) {
    TARN_SET_OR_ADD(Enum, value);
    return;
  }
  std::vector<std::string> known;
  for (int i = 0; i < type->value_count(); ++i) known.push_back(type->value(i)->name());
  std::string description = absl::StrCat("'", node.text, "' is not one of ", EnumNames(type));
  description += names::DidYouMean(node.text, known);
  Fail(node.line, path, std::move(description));
}

#undef TARN_SET_OR_ADD

}  // namespace tarn::proto_json
