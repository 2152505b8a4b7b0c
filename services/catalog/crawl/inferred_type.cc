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
InferredType MergeKinds(InferredType a, const InferredType& b) {
  if (a.kind != b.kind) {
    if (IsNested(a.kind) || IsNested(b.kind) || a.kind == InferredKind::kExact ||
        b.kind == InferredKind::kExact) {
      return {.kind = InferredKind::kString};
    }
    return {.kind = Wider(a.kind, b.kind)};
  }
  if (a.kind == InferredKind::kExact) return MergeExact(a, b);
  for (const auto& [name, part] : b.parts) {
    InferredType& target = a.Part(name);
    target = Merge(std::move(target), part);
  }
  return a;
}

// At most kValueSampleBytes, not cut within a character.
std::string_view SampleOf(std::string_view text) {
  if (text.size() <= kValueSampleBytes) return text;
  size_t end = kValueSampleBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

// The entry of that kind, made when it is missing.
SeenKind& SeenOf(std::vector<SeenKind>& seen, InferredKind kind, std::string_view text) {
  const auto found = std::find_if(seen.begin(), seen.end(),
                                  [kind](const SeenKind& entry) { return entry.kind == kind; });
  if (found != seen.end()) return *found;
  return seen.emplace_back(SeenKind{kind, 0, std::string(SampleOf(text))});
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

void InferredType::Count(InferredKind value, std::string_view text) {
  ++value_count;
  ++SeenOf(seen, value, text).value_count;
}

void InferredType::Observe(InferredKind value, std::string_view text) {
  if (value == InferredKind::kNothing) return;
  Count(value, text);
  if (value == kind) return;
  if (IsNested(kind) || kind == InferredKind::kExact) {
    kind = InferredKind::kString;
    parts.clear();
  } else {
    kind = Wider(kind, value);
  }
}

bool InferredType::ObserveNested(InferredKind value) {
  Count(value, {});
  if (kind == InferredKind::kNothing) kind = value;
  if (kind == value) return true;
  kind = InferredKind::kString;
  parts.clear();
  return false;
}

InferredType& InferredType::Part(std::string_view name) {
  if (next_part >= parts.size() || parts[next_part].first != name) {
    const auto found = std::find_if(parts.begin(), parts.end(),
                                    [name](const auto& part) { return part.first == name; });
    next_part = static_cast<size_t>(found - parts.begin());
    if (found == parts.end()) parts.emplace_back(std::string(name), InferredType{});
  }
  const size_t place = next_part;
  next_part = place + 1 < parts.size() ? place + 1 : 0;
  return parts[place].second;
}

const InferredType* InferredType::FindPart(std::string_view name, size_t place) const {
  if (place < parts.size() && parts[place].first == name) return &parts[place].second;
  for (const auto& [part, type] : parts) {
    if (part == name) return &type;
  }
  return nullptr;
}

InferredType Merge(InferredType a, const InferredType& b) {
  if (a.kind == InferredKind::kNothing) return b;
  if (b.kind == InferredKind::kNothing) return a;
  const int64_t value_count = a.value_count + b.value_count;
  std::vector<SeenKind> seen = std::move(a.seen);
  for (const SeenKind& entry : b.seen) {
    SeenOf(seen, entry.kind, entry.sample).value_count += entry.value_count;
  }
  InferredType merged = MergeKinds(std::move(a), b);
  merged.value_count = value_count;
  merged.seen = std::move(seen);
  return merged;
}

size_t CountColumns(const InferredType& type) {
  size_t count = type.parts.size();
  for (const auto& [name, part] : type.parts) count += CountColumns(part);
  return count;
}

std::string_view KindName(InferredKind kind) {
  switch (kind) {
    case InferredKind::kNothing:
      return "nothing";
    case InferredKind::kBoolean:
      return "boolean";
    case InferredKind::kLong:
      return "long";
    case InferredKind::kDouble:
      return "double";
    case InferredKind::kDate:
      return "date";
    case InferredKind::kTimestamp:
      return "timestamp";
    case InferredKind::kTimestampTz:
      return "timestamptz";
    case InferredKind::kString:
      return "string";
    case InferredKind::kExact:
      return "declared";
    case InferredKind::kStruct:
      return "struct";
    case InferredKind::kList:
      return "list";
    case InferredKind::kMap:
      return "map";
  }
  return "string";
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
  for (const SeenKind& entry : type.seen) {
    json["s"].push_back({static_cast<int>(entry.kind), entry.value_count, entry.sample});
  }
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
  if (json.contains("s")) {
    for (const auto& entry : json["s"]) {
      type.seen.push_back({static_cast<InferredKind>(entry.at(0).get<int>()),
                           entry.at(1).get<int64_t>(), entry.at(2).get<std::string>()});
    }
  }
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
