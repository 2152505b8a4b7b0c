#include "services/ingestion/record/schema_learner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>

#include "common/table_schema/system_columns.h"
#include "services/ingestion/record/json_cursor.h"
#include "services/ingestion/record/record_check.h"
#include "services/ingestion/record/text_values.h"

namespace tarn::ingestion {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(absl::string_view(a.data(), a.size()),
                                absl::string_view(b.data(), b.size()));
}

}  // namespace

struct SchemaLearner::Type {
  enum class Kind {
    kUnknown,
    kBoolean,
    kLong,
    kDouble,
    kString,
    kStruct,
    kList,
    kMap,
    kOther,  // of a known column: nothing is learnt of it
  };
  Kind kind = Kind::kUnknown;
  // Of a column that is there, without its parts.
  std::optional<table_schema::Field> known;
  std::vector<std::pair<std::string, std::unique_ptr<Type>>> fields;  // kStruct
  std::unique_ptr<Type> element;                                      // kList, kMap: its values
  std::optional<table_schema::Field> key;                             // kMap

  // Takes `seen` where nothing is known yet; a double beats a long that was learnt.
  bool Accept(Kind seen) {
    if (kind == Kind::kUnknown) kind = seen;
    const bool declared = known && !known->learnt();
    if (kind == Kind::kLong && seen == Kind::kDouble && !declared) kind = seen;
    return kind == seen;
  }

  bool IsTyped() const {
    if (known || kind != Kind::kStruct) return kind != Kind::kUnknown;
    return std::any_of(fields.begin(), fields.end(),
                       [](const auto& field) { return field.second->IsTyped(); });
  }

  table_schema::Field ToField(const std::string& name, bool with_untyped) const;
};

table_schema::Field SchemaLearner::Type::ToField(const std::string& name, bool with_untyped) const {
  table_schema::Field field;
  if (known) {
    field = *known;
    if (kind == Kind::kDouble) field.set_type("double");
  } else {
    field.set_name(name);
    field.set_learnt(true);
  }
  // Of a new struct with nothing but untyped fields these are all that there is to say.
  const bool all = with_untyped || !IsTyped();
  switch (kind) {
    case Kind::kStruct:
      for (const auto& [child, type] : fields) {
        if (all || type->IsTyped()) *field.add_fields() = type->ToField(child, with_untyped);
      }
      // {} says nothing of what will be in it.
      field.set_type(field.fields().empty() ? "string" : "struct");
      break;
    case Kind::kList:
      field.set_type("list");
      *field.add_fields() = element ? element->ToField("element", with_untyped)
                                    : Type().ToField("element", with_untyped);
      break;
    case Kind::kMap:
      *field.add_fields() = *key;
      *field.add_fields() = element->ToField("value", with_untyped);
      break;
    case Kind::kBoolean:
    case Kind::kLong:
    case Kind::kDouble:
    case Kind::kString:
    case Kind::kUnknown:
      if (known) break;
      field.set_type(kind == Kind::kBoolean  ? "boolean"
                     : kind == Kind::kLong   ? "long"
                     : kind == Kind::kDouble ? "double"
                                             : "string");
      break;
    case Kind::kOther:
      break;
  }
  return field;
}

bool IsUsableFieldName(std::string_view name) {
  if (name.empty() || name.size() > kMaxFieldNameBytes) return false;
  if (absl::StartsWith(absl::string_view(name.data(), name.size()), "__tarn_")) return false;
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

SchemaLearner::SchemaLearner() : whole_records_(true), root_(std::make_unique<Type>()) {
  root_->kind = Type::Kind::kStruct;
}

SchemaLearner::SchemaLearner(const table_schema::Fields& known)
    : whole_records_(false), root_(std::make_unique<Type>()) {
  table_schema::Field table;
  table.set_type("struct");
  *table.mutable_fields() = known;
  Know(table, *root_);
}

SchemaLearner::~SchemaLearner() = default;

void SchemaLearner::Know(const table_schema::Field& field, Type& type) {
  using Kind = Type::Kind;
  type.known = field;
  type.known->clear_fields();
  type.kind = field.type() == "boolean"  ? Kind::kBoolean
              : field.type() == "long"   ? Kind::kLong
              : field.type() == "double" ? Kind::kDouble
              : field.type() == "string" ? Kind::kString
              : field.type() == "struct" ? Kind::kStruct
              : field.type() == "list"   ? Kind::kList
              : field.type() == "map"    ? Kind::kMap
                                         : Kind::kOther;
  field_count_ += static_cast<size_t>(field.fields_size());
  if (type.kind == Kind::kStruct) {
    for (const table_schema::Field& child : field.fields()) {
      type.fields.emplace_back(child.name(), std::make_unique<Type>());
      Know(child, *type.fields.back().second);
    }
  } else if (!field.fields().empty()) {
    if (type.kind == Kind::kMap) type.key = field.fields(0);
    type.element = std::make_unique<Type>();
    Know(field.fields(field.fields_size() - 1), *type.element);
  }
}

void SchemaLearner::Observe(std::string_view record) {
  if (CheckRecord(record)) return;
  JsonCursor cursor(record);
  if (cursor.Next().kind == JsonKind::kObjectStart) ObserveMembers(cursor, *root_);
}

void SchemaLearner::ObserveMembers(JsonCursor& cursor, Type& type) {
  const bool top_level = &type == root_.get();
  const bool is_there = type.known.has_value();
  for (JsonToken key = cursor.Next(); key.kind == JsonKind::kKey; key = cursor.Next()) {
    const std::string name = JsonText(key);
    const JsonToken value = cursor.Next();
    auto found = std::find_if(type.fields.begin(), type.fields.end(),
                              [&](const auto& field) { return SameName(field.first, name); });
    const bool exact = found != type.fields.end() && found->first == name;
    const bool fresh = found == type.fields.end();
    const bool skip = (!exact && !fresh) || !IsUsableFieldName(name) ||
                      (top_level && table_schema::IsSystemColumnName(name)) ||
                      (fresh && field_count_ >= kMaxLearntFields) ||
                      (fresh && is_there && value.kind == JsonKind::kNull);
    if (skip) {
      if (!cursor.Skip(value)) return;
      continue;
    }
    if (fresh) {
      ++field_count_;
      has_learnt_ = true;
      type.fields.emplace_back(name, std::make_unique<Type>());
      found = std::prev(type.fields.end());
    }
    ObserveValue(cursor, value, *found->second);
  }
}

void SchemaLearner::ObserveMap(JsonCursor& cursor, Type& type) {
  for (JsonToken key = cursor.Next(); key.kind == JsonKind::kKey; key = cursor.Next()) {
    ObserveValue(cursor, cursor.Next(), *type.element);
  }
}

void SchemaLearner::ObserveValue(JsonCursor& cursor, const JsonToken& first, Type& type) {
  using Kind = Type::Kind;
  switch (first.kind) {
    case JsonKind::kTrue:
    case JsonKind::kFalse:
      type.Accept(Kind::kBoolean);
      break;
    case JsonKind::kNumber: {
      const Kind before = type.kind;
      type.Accept(IsIntegerText(first.raw) ? Kind::kLong : Kind::kDouble);
      has_learnt_ = has_learnt_ || type.kind != before;
      break;
    }
    case JsonKind::kString:
      type.Accept(Kind::kString);
      break;
    case JsonKind::kObjectStart:
      if (type.kind == Kind::kMap) {
        ObserveMap(cursor, type);
      } else if (type.Accept(Kind::kStruct)) {
        ObserveMembers(cursor, type);
      } else {
        cursor.Skip(first);
      }
      break;
    case JsonKind::kArrayStart: {
      if (!type.Accept(Kind::kList)) {
        cursor.Skip(first);
        break;
      }
      if (type.element == nullptr) type.element = std::make_unique<Type>();
      for (JsonToken item = cursor.Next();
           item.kind != JsonKind::kArrayEnd && item.kind != JsonKind::kError;
           item = cursor.Next()) {
        ObserveValue(cursor, item, *type.element);
      }
      break;
    }
    default:
      break;
  }
}

table_schema::Fields SchemaLearner::Columns() const {
  table_schema::Fields columns;
  for (const auto& [name, type] : root_->fields)
    *columns.Add() = type->ToField(name, whole_records_);
  return columns;
}

}  // namespace tarn::ingestion
