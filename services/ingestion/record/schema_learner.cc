#include "services/ingestion/record/schema_learner.h"

#include <algorithm>
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
  enum class Kind { kUnknown, kBoolean, kLong, kDouble, kString, kStruct, kList };
  Kind kind = Kind::kUnknown;
  std::vector<std::pair<std::string, std::unique_ptr<Type>>> fields;  // kStruct
  std::unique_ptr<Type> element;                                      // kList

  // Takes `seen` where nothing is known yet; a double beats a long.
  bool Accept(Kind seen) {
    if (kind == Kind::kUnknown) kind = seen;
    if (kind == Kind::kLong && seen == Kind::kDouble) kind = seen;
    return kind == seen;
  }

  table_schema::Field ToField(const std::string& name) const {
    table_schema::Field field;
    field.set_name(name);
    switch (kind) {
      case Kind::kBoolean:
        field.set_type("boolean");
        break;
      case Kind::kLong:
        field.set_type("long");
        break;
      case Kind::kDouble:
        field.set_type("double");
        break;
      case Kind::kStruct:
        if (fields.empty()) {
          field.set_type("string");  // {} says nothing of what will be in it
          break;
        }
        field.set_type("struct");
        for (const auto& [child, type] : fields) *field.add_fields() = type->ToField(child);
        break;
      case Kind::kList:
        field.set_type("list");
        *field.add_fields() = element ? element->ToField("element") : Type().ToField("element");
        break;
      default:
        field.set_type("string");
    }
    return field;
  }
};

bool IsUsableFieldName(std::string_view name) {
  if (name.empty() || name.size() > kMaxFieldNameBytes) return false;
  if (absl::StartsWith(absl::string_view(name.data(), name.size()), "__tarn_")) return false;
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

SchemaLearner::SchemaLearner(Scope scope, const table_schema::Fields& known)
    : scope_(scope), root_(std::make_unique<Type>()) {
  for (const table_schema::Field& field : known) {
    known_.push_back(absl::AsciiStrToLower(field.name()));
  }
  root_->kind = Type::Kind::kStruct;
  field_count_ = known_.size();
}

SchemaLearner::~SchemaLearner() = default;

bool SchemaLearner::IsKnown(std::string_view name) const {
  return std::any_of(known_.begin(), known_.end(),
                     [&](const std::string& known) { return SameName(known, name); });
}

void SchemaLearner::Observe(std::string_view record) {
  if (CheckRecord(record)) return;
  JsonCursor cursor(record);
  if (cursor.Next().kind == JsonKind::kObjectStart) ObserveMembers(cursor, *root_, true);
}

void SchemaLearner::ObserveMembers(JsonCursor& cursor, Type& type, bool top_level) {
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
                      (top_level && scope_ == Scope::kNewFields && fresh &&
                       (value.kind == JsonKind::kNull || IsKnown(name)));
    if (skip) {
      if (!cursor.Skip(value)) return;
      continue;
    }
    if (fresh) {
      ++field_count_;
      type.fields.emplace_back(name, std::make_unique<Type>());
      found = std::prev(type.fields.end());
    }
    ObserveValue(cursor, value, *found->second);
  }
}

void SchemaLearner::ObserveValue(JsonCursor& cursor, const JsonToken& first, Type& type) {
  using Kind = Type::Kind;
  switch (first.kind) {
    case JsonKind::kTrue:
    case JsonKind::kFalse:
      type.Accept(Kind::kBoolean);
      break;
    case JsonKind::kNumber:
      type.Accept(IsIntegerText(first.raw) ? Kind::kLong : Kind::kDouble);
      break;
    case JsonKind::kString:
      type.Accept(Kind::kString);
      break;
    case JsonKind::kObjectStart:
      if (type.Accept(Kind::kStruct)) {
        ObserveMembers(cursor, type, false);
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
  for (const auto& [name, type] : root_->fields) *columns.Add() = type->ToField(name);
  return columns;
}

}  // namespace tarn::ingestion
