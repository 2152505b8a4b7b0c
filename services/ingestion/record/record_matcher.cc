#include "services/ingestion/record/record_matcher.h"

#include <cstdio>
#include <unordered_set>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "services/ingestion/record/json_cursor.h"
#include "services/ingestion/record/schema_learner.h"
#include "services/ingestion/record/text_values.h"

namespace tarn::ingestion {
namespace {

enum class Kind {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestampTz,
  kString,
  kUuid,
  kStruct,
  kList,
  kMap,
  kUnsupported,
};

Kind KindOf(const std::string& type) {
  static const auto* const kKinds =
      new std::unordered_map<std::string, Kind>{{"boolean", Kind::kBoolean},
                                                {"int", Kind::kInt},
                                                {"long", Kind::kLong},
                                                {"float", Kind::kFloat},
                                                {"double", Kind::kDouble},
                                                {"date", Kind::kDate},
                                                {"time", Kind::kTime},
                                                {"timestamp", Kind::kTimestamp},
                                                {"timestamptz", Kind::kTimestampTz},
                                                {"string", Kind::kString},
                                                {"uuid", Kind::kUuid},
                                                {"struct", Kind::kStruct},
                                                {"list", Kind::kList},
                                                {"map", Kind::kMap}};
  if (type.rfind("decimal(", 0) == 0) return Kind::kDecimal;
  const auto found = kKinds->find(type);
  return found == kKinds->end() ? Kind::kUnsupported : found->second;
}

// At most so many digits of a JSON number survive the engine's way through a double.
constexpr size_t kExactDoubleDigits = 15;

std::string Excerpt(std::string_view text) {
  constexpr size_t kMax = 60;
  if (text.size() <= kMax) return std::string(text);
  size_t end = kMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return absl::StrCat(std::string(text.substr(0, end)), "…");
}

std::string Describe(const JsonToken& token) {
  switch (token.kind) {
    case JsonKind::kObjectStart:
      return "an object";
    case JsonKind::kArrayStart:
      return "an array";
    case JsonKind::kTrue:
      return "true";
    case JsonKind::kFalse:
      return "false";
    case JsonKind::kNumber:
      return absl::StrCat("the number ", Excerpt(token.raw));
    case JsonKind::kString:
      return absl::StrCat("the text \"", Excerpt(token.raw), "\"");
    default:
      return "null";
  }
}

// "data" before "co" is "data.co", before "[3]" "data[3]".
void PrependPath(std::string_view name, std::string& path) {
  const bool joined = path.empty() || path[0] == '[';
  path = absl::StrCat(std::string(name), joined ? "" : ".", path);
}

size_t CountDigits(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += c >= '0' && c <= '9' ? 1 : 0;
  return count;
}

absl::Status CheckColumn(const std::string& path, const table_schema::Field& field) {
  const auto refuse = [&](std::string_view description) {
    return InvalidFields({{path, std::string(description)}});
  };
  if (field.required() && path.find(".fields[") != std::string::npos) {
    return refuse("a field inside a struct cannot be required in a stream");
  }
  switch (KindOf(field.type())) {
    case Kind::kUnsupported:
      return refuse(absl::StrCat("a stream cannot fill a column of type \"", field.type(),
                                 "\"; it fills boolean, int, long, float, double, decimal(p,s), "
                                 "date, time, timestamp, timestamptz, string, uuid, struct, list "
                                 "and map"));
    case Kind::kStruct:
      if (field.fields().empty()) return refuse("a struct needs fields");
      break;
    case Kind::kList:
      if (field.fields_size() != 1) return refuse("a list needs one field, called element");
      break;
    case Kind::kMap:
      if (field.fields_size() != 2 || field.fields(0).type() != "string") {
        return refuse("a map needs the fields key and value, and the key must be a string");
      }
      break;
    default:
      if (!field.fields().empty()) return refuse("only struct, list and map have fields");
  }
  for (int i = 0; i < field.fields_size(); ++i) {
    if (absl::Status status = CheckColumn(absl::StrCat(path, ".fields[", i, "]"), field.fields(i));
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckStreamColumns(std::string_view path, const table_schema::Fields& fields) {
  std::unordered_set<std::string> names;
  for (int i = 0; i < fields.size(); ++i) {
    const std::string at = absl::StrCat(std::string(path), "[", i, "]");
    if (!IsUsableFieldName(fields[i].name())) {
      return InvalidFields({{at + ".name", "must be 1 to 255 bytes without control characters"}});
    }
    if (!names.insert(absl::AsciiStrToLower(fields[i].name())).second) {
      return InvalidFields({{at + ".name", "is there already (names do not differ by case)"}});
    }
    if (absl::Status status = CheckColumn(at, fields[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

struct RecordMatcher::Column {
  Kind kind = Kind::kStruct;
  std::string type;  // as the catalog writes it, for messages
  bool required = false;
  int precision = 0;
  int scale = 0;
  std::vector<std::string> names;                   // kStruct
  std::vector<Column> children;                     // kStruct; kList: 1; kMap: key, value
  std::unordered_map<std::string, size_t> by_name;  // kStruct
  std::unordered_map<std::string, size_t> by_lower_name;
  size_t required_count = 0;
};

RecordMatcher::~RecordMatcher() = default;

RecordMatcher::RecordMatcher(const table_schema::Fields& fields, UnknownNull unknown_null)
    : unknown_null_(unknown_null), root_(std::make_unique<Column>()) {
  table_schema::Field record;
  record.set_type("struct");
  *record.mutable_fields() = fields;
  Build(record, *root_);
}

void RecordMatcher::Build(const table_schema::Field& field, Column& column) {
  column.kind = KindOf(field.type());
  column.type = field.type();
  column.required = field.required();
  if (column.kind == Kind::kDecimal) {
    (void)std::sscanf(field.type().c_str(), "decimal(%d,%d)", &column.precision, &column.scale);
  }
  for (const table_schema::Field& child : field.fields()) {
    column.by_name.emplace(child.name(), column.names.size());
    column.by_lower_name.emplace(absl::AsciiStrToLower(child.name()), column.names.size());
    column.names.push_back(child.name());
    Build(child, column.children.emplace_back());
    if (child.required()) ++column.required_count;
  }
}

std::optional<RecordError> RecordMatcher::Match(std::string_view record) const {
  JsonCursor cursor(record);
  const JsonToken first = cursor.Next();
  Result error;
  if (first.kind == JsonKind::kObjectStart) {
    error = MatchMembers(cursor, *root_, true);
  } else if (first.kind != JsonKind::kError) {
    error = RecordError{kNotAnObject, "", "the record is no JSON object"};
  }
  if (!error && cursor.error().empty()) cursor.Next();  // what follows the object
  if (!cursor.error().empty()) {
    return RecordError{kInvalidJson, "", "the record is not JSON: " + cursor.error()};
  }
  return error;
}

std::optional<RecordError> RecordMatcher::MatchMembers(JsonCursor& cursor, const Column& column,
                                                       bool top_level) const {
  std::vector<bool> seen(column.children.size());
  size_t required_seen = 0;
  for (JsonToken key = cursor.Next(); key.kind == JsonKind::kKey; key = cursor.Next()) {
    const std::string name = JsonText(key);
    const JsonToken value = cursor.Next();
    const auto found = column.by_name.find(name);
    if (found == column.by_name.end()) {
      if (top_level && unknown_null_ == UnknownNull::kIgnore && value.kind == JsonKind::kNull) {
        continue;
      }
      if (!IsUsableFieldName(name)) {
        return RecordError{kInvalidFieldName, Excerpt(name),
                           "no column can have the name of this field: it is empty, longer than "
                           "255 bytes or holds control characters"};
      }
      const auto similar = column.by_lower_name.find(absl::AsciiStrToLower(name));
      if (similar != column.by_lower_name.end()) {
        return RecordError{
            kUnknownField, name,
            absl::StrCat("the field differs only by case from the column \"",
                         column.names[similar->second], "\"; names must agree in every letter")};
      }
      return RecordError{kUnknownField, name,
                         top_level ? "the table has no such column; add it to the table, or set "
                                     "the stream's new_field_policy to ADD_COLUMN"
                                   : "the struct has no such field; add it to the table's schema "
                                     "(only top-level columns are added by ADD_COLUMN)"};
    }
    const size_t index = found->second;
    if (seen[index]) {
      return RecordError{kDuplicateField, name, "the record has this field twice"};
    }
    seen[index] = true;
    const Column& child = column.children[index];
    if (child.required && value.kind != JsonKind::kNull) ++required_seen;
    if (Result error = MatchValue(cursor, value, child)) {
      PrependPath(name, error->field);
      return error;
    }
  }
  if (required_seen < column.required_count && cursor.error().empty()) {
    for (size_t i = 0; i < column.children.size(); ++i) {
      if (column.children[i].required && !seen[i]) {
        return RecordError{kMissingField, column.names[i], "the column must not be NULL"};
      }
    }
    return RecordError{kMissingField, "", "a column that must not be NULL is null"};
  }
  return std::nullopt;
}

std::optional<RecordError> RecordMatcher::MatchMap(JsonCursor& cursor, const Column& column) const {
  std::unordered_set<std::string> keys;
  for (JsonToken key = cursor.Next(); key.kind == JsonKind::kKey; key = cursor.Next()) {
    const std::string name = JsonText(key);
    if (!keys.insert(name).second) {
      return RecordError{kDuplicateField, name, "the map has this key twice"};
    }
    if (Result error = MatchValue(cursor, cursor.Next(), column.children[1])) {
      PrependPath(name, error->field);
      return error;
    }
  }
  return std::nullopt;
}

std::optional<RecordError> RecordMatcher::MatchValue(JsonCursor& cursor, const JsonToken& first,
                                                     const Column& column) const {
  if (first.kind == JsonKind::kNull || first.kind == JsonKind::kError) return std::nullopt;
  const auto mismatch = [&](std::string_view expected) {
    return RecordError{kTypeMismatch, "",
                       absl::StrCat(Describe(first), " is not ", std::string(expected),
                                    "; the column has type ", column.type)};
  };
  const auto out_of_range = [&] {
    return RecordError{
        kOutOfRange, "",
        absl::StrCat(Describe(first), " cannot be held exactly by type ", column.type)};
  };
  const bool is_number = first.kind == JsonKind::kNumber;
  const bool is_text = first.kind == JsonKind::kString;
  // Texts that mean something have no need of escapes; where they have, the engine sees the same.
  const auto check_text = [&](bool (*fits)(std::string_view), std::string_view expected) -> Result {
    if (!is_text || !fits(JsonText(first))) return mismatch(expected);
    return std::nullopt;
  };
  switch (column.kind) {
    case Kind::kBoolean:
      if (first.kind == JsonKind::kTrue || first.kind == JsonKind::kFalse) return std::nullopt;
      return mismatch("true or false");
    case Kind::kInt:
    case Kind::kLong:
      if (!is_number || !IsIntegerText(first.raw)) return mismatch("a whole number");
      if (!FitsInteger(first.raw, column.kind == Kind::kInt ? 4 : 8)) return out_of_range();
      return std::nullopt;
    case Kind::kFloat:
      if (!is_number) return mismatch("a number");
      if (!FitsFloat(first.raw)) return out_of_range();
      return std::nullopt;
    case Kind::kDouble:
      if (!is_number) return mismatch("a number");
      if (!FitsDouble(first.raw)) return out_of_range();
      return std::nullopt;
    case Kind::kDecimal: {
      if (!is_number && !is_text) return mismatch("a number");
      const std::string text = is_text ? JsonText(first) : std::string(first.raw);
      if (is_number && CountDigits(text) > kExactDoubleDigits) {
        return RecordError{
            kOutOfRange, "",
            absl::StrCat(Describe(first), " has more than 15 digits; send it as text in quotes")};
      }
      if (!FitsDecimal(text, column.precision, column.scale)) return out_of_range();
      return std::nullopt;
    }
    case Kind::kString:
      if (!is_text) return mismatch("text");
      return std::nullopt;
    case Kind::kDate:
      return check_text(IsDateText, "a date such as 2026-01-31");
    case Kind::kTime:
      return check_text(IsTimeText, "a time such as 23:59:01.5");
    case Kind::kTimestamp:
      return check_text(IsTimestampText, "a timestamp such as 2026-01-31T23:59:01.5");
    case Kind::kTimestampTz:
      return check_text(IsTimestampTzText,
                        "a timestamp with an offset such as 2026-01-31T23:59:01.5+02:00");
    case Kind::kUuid:
      return check_text(IsUuidText, "a UUID");
    case Kind::kStruct:
      if (first.kind != JsonKind::kObjectStart) return mismatch("an object");
      return MatchMembers(cursor, column, false);
    case Kind::kMap:
      if (first.kind != JsonKind::kObjectStart) return mismatch("an object");
      return MatchMap(cursor, column);
    case Kind::kList: {
      if (first.kind != JsonKind::kArrayStart) return mismatch("an array");
      int index = 0;
      for (JsonToken item = cursor.Next();
           item.kind != JsonKind::kArrayEnd && item.kind != JsonKind::kError;
           item = cursor.Next(), ++index) {
        if (Result error = MatchValue(cursor, item, column.children[0])) {
          PrependPath(absl::StrCat("[", index, "]"), error->field);
          return error;
        }
      }
      return std::nullopt;
    }
    case Kind::kUnsupported:
      return mismatch("a type that streams fill");
  }
  return std::nullopt;
}

}  // namespace tarn::ingestion
