#include "services/catalog/crawl/inferred_type.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace tarn::catalog {
namespace {

bool IsNested(InferredKind kind) {
  return kind == InferredKind::kStruct || kind == InferredKind::kList || kind == InferredKind::kMap;
}

// The kind that holds values of both, for scalars without a declared type.
InferredKind Wider(InferredKind a, InferredKind b) {
  if (a == b || b == InferredKind::kNothing) return a;
  if (a == InferredKind::kNothing) return b;
  const auto are = [&](InferredKind x, InferredKind y) {
    return (a == x && b == y) || (a == y && b == x);
  };
  if (are(InferredKind::kLong, InferredKind::kDouble)) return InferredKind::kDouble;
  if (are(InferredKind::kDate, InferredKind::kTimestamp)) return InferredKind::kTimestamp;
  return InferredKind::kString;
}

bool IsNumber(const ColumnType& type) {
  return type.kind == TypeKind::kInt || type.kind == TypeKind::kLong ||
         type.kind == TypeKind::kFloat || type.kind == TypeKind::kDouble ||
         type.kind == TypeKind::kDecimal;
}

InferredType MergeExact(const InferredType& a, const InferredType& b) {
  if (CanWiden(a.exact, b.exact)) return b;
  if (CanWiden(b.exact, a.exact)) return a;
  if (IsNumber(a.exact) && IsNumber(b.exact)) {
    return {.kind = InferredKind::kExact, .exact = {TypeKind::kDouble}};
  }
  return {.kind = InferredKind::kString};
}

// Merge of two that say something, but for the counts.
InferredType MergeKinds(const InferredType& a, const InferredType& b) {
  if (a.kind != b.kind) {
    if (IsNested(a.kind) || IsNested(b.kind) || a.kind == InferredKind::kExact ||
        b.kind == InferredKind::kExact) {
      return {.kind = InferredKind::kString};
    }
    return {.kind = Wider(a.kind, b.kind)};
  }
  if (a.kind == InferredKind::kExact) return MergeExact(a, b);
  InferredType merged = a;
  for (const auto& [name, part] : b.parts) {
    InferredType& target = merged.Part(name);
    target = Merge(target, part);
  }
  return merged;
}

ColumnType TypeOf(InferredKind kind) {
  switch (kind) {
    case InferredKind::kBoolean:
      return {TypeKind::kBoolean};
    case InferredKind::kLong:
      return {TypeKind::kLong};
    case InferredKind::kDouble:
      return {TypeKind::kDouble};
    case InferredKind::kDate:
      return {TypeKind::kDate};
    case InferredKind::kTimestamp:
      return {TypeKind::kTimestamp};
    case InferredKind::kTimestampTz:
      return {TypeKind::kTimestampTz};
    case InferredKind::kStruct:
      return {TypeKind::kStruct};
    case InferredKind::kList:
      return {TypeKind::kList};
    case InferredKind::kMap:
      return {TypeKind::kMap};
    default:
      return {TypeKind::kString};
  }
}

}  // namespace

void InferredType::Observe(InferredKind value) {
  if (value == InferredKind::kNothing) return;
  ++value_count;
  if (value == kind) return;
  if (IsNested(kind) || kind == InferredKind::kExact) {
    kind = InferredKind::kString;
    parts.clear();
  } else {
    kind = Wider(kind, value);
  }
}

bool InferredType::ObserveNested(InferredKind value) {
  ++value_count;
  if (kind == InferredKind::kNothing) kind = value;
  if (kind == value) return true;
  kind = InferredKind::kString;
  parts.clear();
  return false;
}

InferredType& InferredType::Part(std::string_view name) {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [name](const auto& part) { return part.first == name; });
  if (found != parts.end()) return found->second;
  parts.emplace_back(std::string(name), InferredType{});
  return parts.back().second;
}

InferredType Merge(const InferredType& a, const InferredType& b) {
  if (a.kind == InferredKind::kNothing) return b;
  if (b.kind == InferredKind::kNothing) return a;
  InferredType merged = MergeKinds(a, b);
  merged.value_count = a.value_count + b.value_count;
  return merged;
}

Field FieldOf(const std::string& name, const InferredType& type) {
  Field field{.name = name,
              .type = type.kind == InferredKind::kExact ? type.exact : TypeOf(type.kind)};
  if (type.kind == InferredKind::kStruct && type.parts.empty()) {
    field.type = {TypeKind::kString};  // only {} was seen
  } else if (type.kind == InferredKind::kList && type.parts.empty()) {
    field.fields.push_back(FieldOf("element", {}));
  } else {
    for (const auto& [part, part_type] : type.parts)
      field.fields.push_back(FieldOf(part, part_type));
  }
  return field;
}

InferredType InferredFrom(const Field& field) {
  InferredType type;
  switch (field.type.kind) {
    case TypeKind::kStruct:
      type.kind = InferredKind::kStruct;
      break;
    case TypeKind::kList:
      type.kind = InferredKind::kList;
      break;
    case TypeKind::kMap:
      type.kind = InferredKind::kMap;
      break;
    case TypeKind::kString:
      type.kind = InferredKind::kString;
      break;
    default:
      type.kind = InferredKind::kExact;
      type.exact = field.type;
  }
  for (const Field& part : field.fields) type.parts.emplace_back(part.name, InferredFrom(part));
  return type;
}

void ToJson(const InferredType& type, nlohmann::json& json) {
  json = {{"k", static_cast<int>(type.kind)}, {"n", type.value_count}};
  if (type.kind == InferredKind::kExact) json["t"] = FormatColumnType(type.exact);
  for (const auto& [name, part] : type.parts) {
    nlohmann::json inner;
    ToJson(part, inner);
    json["p"].push_back({name, std::move(inner)});
  }
}

InferredType InferredTypeFromJson(const nlohmann::json& json) {
  InferredType type{.kind = static_cast<InferredKind>(json.at("k").get<int>()),
                    .value_count = json.at("n").get<int64_t>()};
  if (json.contains("t")) {
    type.exact = ParseColumnType(json["t"].get<std::string>()).value_or(ColumnType{});
  }
  if (json.contains("p")) {
    for (const auto& part : json["p"]) {
      type.parts.emplace_back(part.at(0).get<std::string>(), InferredTypeFromJson(part.at(1)));
    }
  }
  return type;
}

}  // namespace tarn::catalog
