#include "services/ingestion/record/record_matcher.h"

#include <cstdio>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/table_schema/system_columns.h"
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

bool HasMoreDigitsThan(std::string_view text, size_t most) {
  size_t count = 0;
  for (const char c : text) count += c >= '0' && c <= '9' ? 1 : 0;
  return count > most;
}

std::string_view ExpectedOf(Kind kind) {
  switch (kind) {
    case Kind::kBoolean:
      return "true or false";
    case Kind::kInt:
    case Kind::kLong:
      return "a whole number";
    case Kind::kFloat:
    case Kind::kDouble:
    case Kind::kDecimal:
      return "a number";
    case Kind::kString:
      return "text";
    case Kind::kDate:
      return "a date such as 2026-01-31";
    case Kind::kTime:
      return "a time such as 23:59:01.5";
    case Kind::kTimestamp:
      return "a timestamp such as 2026-01-31T23:59:01.5";
    case Kind::kTimestampTz:
      return "a timestamp with an offset such as 2026-01-31T23:59:01.5+02:00";
    case Kind::kUuid:
      return "a UUID";
    case Kind::kStruct:
    case Kind::kMap:
      return "an object";
    case Kind::kList:
      return "an array";
    case Kind::kUnsupported:
      break;
  }
  return "a type that streams fill";
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
      return InvalidFields(
          {{at + ".name",
            "must be 1 to 255 bytes without control characters, and not begin with "
            "__tarn_"}});
    }
    if (!names.insert(absl::AsciiStrToLower(fields[i].name())).second) {
      return InvalidFields({{at + ".name", "is there already (names do not differ by case)"}});
    }
    if (table_schema::IsSystemColumnName(fields[i].name())) {
      return InvalidFields({{at + ".name", "is one of Tarn's own columns; leave it out"}});
    }
    if (absl::Status status = CheckColumn(at, fields[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

struct RecordMatcher::Column {
  Kind kind = Kind::kStruct;
  std::string type;  // as the catalog writes it, for messages
  bool required = false;
  bool system = false;
  int precision = 0;
  int scale = 0;
  std::vector<std::string> names;                   // kStruct
  std::vector<Column> children;                     // kStruct; kList: 1; kMap: key, value
  std::unordered_map<std::string, size_t> by_name;  // kStruct
  std::unordered_map<std::string, size_t> by_lower_name;
  size_t required_count = 0;
  size_t first_field = 0;   // kStruct: where its fields stand in Scratch::seen
  size_t struct_index = 0;  // kStruct: where it stands in Scratch::hints

  // Records mostly have their fields in one order: the field behind the last one is looked at
  // first. nullopt where there is none.
  std::optional<size_t> Find(std::string_view name, size_t hint) const {
    if (hint < names.size() && names[hint] == name) return hint;
    const auto found = by_name.find(std::string(name));
    if (found == by_name.end()) return std::nullopt;
    return found->second;
  }
};

// One record on its way. Its functions are true as long as everything fits; otherwise `error` says
// why not, or the cursor has failed.
struct RecordMatcher::Pass {
  JsonCursor cursor;
  Scratch& scratch;
  duckdb::ChunkWriter* chunk;  // null: nothing is written
  UnknownNull unknown_null;
  std::optional<RecordError> error;

  using Writer = duckdb::VectorWriter*;

  bool Refuse(const char* reason, std::string field, std::string message) {
    error = RecordError{reason, std::move(field), std::move(message)};
    return false;
  }
  bool Mismatch(const JsonToken& first, const Column& column) {
    return Refuse(kTypeMismatch, "",
                  absl::StrCat(Describe(first), " is not ", std::string(ExpectedOf(column.kind)),
                               "; the column has type ", column.type));
  }
  bool OutOfRange(const JsonToken& first, const Column& column) {
    return Refuse(kOutOfRange, "",
                  absl::StrCat(Describe(first), " cannot be held exactly by type ", column.type));
  }
  // Under an error of its value, the path of a field.
  bool InField(std::string_view name) {
    if (error) PrependPath(name, error->field);
    return false;
  }

  // The token's text; written anew where it has escapes, for as long as the scratch stays.
  std::string_view TextOf(const JsonToken& token) {
    if (!token.has_escapes) return token.raw;
    return scratch.texts.emplace_back(JsonText(token));
  }

  bool UnknownField(const Column& column, const std::string& name, bool top_level);
  bool CheckRequired(const Column& column, uint64_t object);
  bool Members(const Column& column, bool top_level, Writer out, uint64_t row);
  bool Map(const Column& column, Writer out, uint64_t row);
  bool List(const Column& column, Writer out, uint64_t row);
  bool Value(const JsonToken& first, const Column& column, Writer out, uint64_t row);
  bool Decimal(const JsonToken& first, const Column& column, Writer out, uint64_t row);
  template <typename T>
  bool Text(const JsonToken& first, const Column& column,
            std::optional<T> (*parse)(std::string_view), Writer out, uint64_t row);
};

RecordMatcher::~RecordMatcher() = default;

RecordMatcher::RecordMatcher(const table_schema::Fields& fields, UnknownNull unknown_null)
    : unknown_null_(unknown_null), root_(std::make_unique<Column>()) {
  table_schema::Field record;
  record.set_type("struct");
  *record.mutable_fields() = fields;
  Build(record, true, *root_);
}

void RecordMatcher::Build(const table_schema::Field& field, bool top_level, Column& column) {
  column.kind = KindOf(field.type());
  column.type = field.type();
  column.required = field.required();
  if (column.kind == Kind::kDecimal) {
    (void)std::sscanf(field.type().c_str(), "decimal(%d,%d)", &column.precision, &column.scale);
  }
  if (column.kind == Kind::kStruct) {
    column.first_field = field_count_;
    field_count_ += static_cast<size_t>(field.fields_size());
    column.struct_index = struct_count_++;
  }
  for (const table_schema::Field& child : field.fields()) {
    column.by_name.emplace(child.name(), column.names.size());
    column.by_lower_name.emplace(absl::AsciiStrToLower(child.name()), column.names.size());
    column.names.push_back(child.name());
    Column& built = column.children.emplace_back();
    Build(child, false, built);
    built.system = top_level && table_schema::IsSystemColumn(child);
    if (child.required() && !built.system) ++column.required_count;
  }
}

std::optional<RecordError> RecordMatcher::Match(std::string_view record) const {
  Scratch scratch;
  Pass pass{JsonCursor(record), scratch, nullptr, unknown_null_, std::nullopt};
  return Run(record, pass);
}

std::optional<RecordError> RecordMatcher::Read(std::string_view record, Scratch& scratch,
                                               duckdb::ChunkWriter& chunk) const {
  Pass pass{JsonCursor(record), scratch, &chunk, unknown_null_, std::nullopt};
  return Run(record, pass);
}

std::optional<RecordError> RecordMatcher::Run(std::string_view record, Pass& pass) const {
  pass.scratch.seen.resize(field_count_);
  pass.scratch.hints.resize(struct_count_);
  const JsonToken first = pass.cursor.Next();
  if (first.kind == JsonKind::kObjectStart) {
    pass.Members(*root_, true, nullptr, pass.chunk == nullptr ? 0 : pass.chunk->row());
  } else if (first.kind != JsonKind::kError) {
    pass.Refuse(kNotAnObject, "", "the record is JSON but no object; send {\"name\": value, …}");
  }
  if (!pass.error && pass.cursor.Next().kind == JsonKind::kEnd) return std::nullopt;
  // A record that is no JSON at all is called so, whatever was wrong before.
  if (std::optional<RecordError> invalid = CheckJson(record)) return invalid;
  return std::move(pass.error);
}

bool RecordMatcher::Pass::UnknownField(const Column& column, const std::string& name,
                                       bool top_level) {
  if (!IsUsableFieldName(name)) {
    return Refuse(kInvalidFieldName, Excerpt(name),
                  "no column can have the name of this field: it is empty, longer than "
                  "255 bytes, holds control characters or begins with __tarn_");
  }
  if (top_level && table_schema::IsSystemColumnName(name)) {
    return Refuse(kInvalidFieldName, name,
                  "the name is one of Tarn's own columns, which records do not fill; call the "
                  "field otherwise");
  }
  const auto similar = column.by_lower_name.find(absl::AsciiStrToLower(name));
  if (similar != column.by_lower_name.end()) {
    return Refuse(
        kUnknownField, name,
        absl::StrCat("the field differs only by case from the column \"",
                     column.names[similar->second], "\"; names must agree in every letter"));
  }
  return Refuse(kUnknownField, name,
                top_level ? "the table has no such column; add it to the table, or set "
                            "the stream's new_field_policy to ADD_COLUMN"
                          : "the struct has no such field; add it to the table's schema "
                            "(only top-level columns are added by ADD_COLUMN)");
}

bool RecordMatcher::Pass::CheckRequired(const Column& column, uint64_t object) {
  for (size_t i = 0; i < column.children.size(); ++i) {
    const Column& child = column.children[i];
    if (child.required && !child.system && scratch.seen[column.first_field + i] != object) {
      return Refuse(kMissingField, column.names[i], "the column must not be NULL");
    }
  }
  return Refuse(kMissingField, "", "a column that must not be NULL is null");
}

bool RecordMatcher::Pass::Members(const Column& column, bool top_level, Writer out, uint64_t row) {
  const uint64_t object = ++scratch.object_count;
  const bool writes = chunk != nullptr;
  const auto writer = [&](size_t i) -> Writer {
    if (!writes) return nullptr;
    return top_level ? &chunk->column(i) : &out->child(i);
  };
  size_t field_seen = 0;
  size_t required_seen = 0;
  size_t hint = scratch.hints[column.struct_index];
  for (JsonToken key = cursor.Next(); key.kind != JsonKind::kObjectEnd; key = cursor.Next()) {
    if (key.kind != JsonKind::kKey) return false;
    const std::string decoded = key.has_escapes ? JsonText(key) : std::string();
    const std::string_view name = key.has_escapes ? decoded : key.raw;
    const JsonToken value = cursor.Next();
    if (value.kind == JsonKind::kError) return false;
    const std::optional<size_t> found = column.Find(name, hint);
    if (!found || column.children[*found].system) {
      if (!found && top_level && unknown_null == UnknownNull::kIgnore &&
          value.kind == JsonKind::kNull) {
        continue;
      }
      return UnknownField(column, std::string(name), top_level);
    }
    const size_t index = *found;
    hint = index + 1 == column.children.size() ? 0 : index + 1;
    uint64_t& seen = scratch.seen[column.first_field + index];
    if (seen == object) {
      return Refuse(kDuplicateField, std::string(name), "the record has this field twice");
    }
    seen = object;
    ++field_seen;
    const Column& child = column.children[index];
    if (child.required && value.kind != JsonKind::kNull) ++required_seen;
    if (!Value(value, child, writer(index), row)) return InField(name);
  }
  scratch.hints[column.struct_index] = hint;
  if (required_seen < column.required_count) return CheckRequired(column, object);
  if (writes && field_seen < column.children.size()) {
    for (size_t i = 0; i < column.children.size(); ++i) {
      if (scratch.seen[column.first_field + i] != object && !column.children[i].system) {
        writer(i)->SetNull(row);
      }
    }
  }
  return true;
}

bool RecordMatcher::Pass::Map(const Column& column, Writer out, uint64_t row) {
  std::unordered_set<std::string> keys;
  if (out != nullptr) out->BeginList(row);
  for (JsonToken key = cursor.Next(); key.kind != JsonKind::kObjectEnd; key = cursor.Next()) {
    if (key.kind != JsonKind::kKey) return false;
    const std::string_view name = TextOf(key);
    if (!keys.emplace(name).second) {
      return Refuse(kDuplicateField, std::string(name), "the map has this key twice");
    }
    const JsonToken value = cursor.Next();
    uint64_t element = 0;
    if (out != nullptr) {
      element = out->AppendElement();
      out->child(0).SetBytes(element, name);
    }
    if (!Value(value, column.children[1], out == nullptr ? nullptr : &out->child(1), element)) {
      return InField(name);
    }
  }
  if (out != nullptr) out->EndList(row);
  return true;
}

bool RecordMatcher::Pass::List(const Column& column, Writer out, uint64_t row) {
  if (out != nullptr) out->BeginList(row);
  int index = 0;
  for (JsonToken item = cursor.Next(); item.kind != JsonKind::kArrayEnd;
       item = cursor.Next(), ++index) {
    const uint64_t element = out == nullptr ? 0 : out->AppendElement();
    if (!Value(item, column.children[0], out == nullptr ? nullptr : &out->child(0), element)) {
      return InField(absl::StrCat("[", index, "]"));
    }
  }
  if (out != nullptr) out->EndList(row);
  return true;
}

bool RecordMatcher::Pass::Decimal(const JsonToken& first, const Column& column, Writer out,
                                  uint64_t row) {
  const bool is_text = first.kind == JsonKind::kString;
  if (!is_text && first.kind != JsonKind::kNumber) return Mismatch(first, column);
  if (!is_text && HasMoreDigitsThan(first.raw, kExactDoubleDigits)) {
    return Refuse(
        kOutOfRange, "",
        absl::StrCat(Describe(first), " has more than 15 digits; send it as text in quotes"));
  }
  const std::optional<absl::int128> value =
      DecimalFromText(is_text ? TextOf(first) : first.raw, column.precision, column.scale);
  if (!value) return OutOfRange(first, column);
  if (out != nullptr) out->SetDecimal(row, *value);
  return true;
}

template <typename T>
bool RecordMatcher::Pass::Text(const JsonToken& first, const Column& column,
                               std::optional<T> (*parse)(std::string_view), Writer out,
                               uint64_t row) {
  if (first.kind != JsonKind::kString) return Mismatch(first, column);
  const std::optional<T> value = parse(TextOf(first));
  if (!value) return Mismatch(first, column);
  if (out == nullptr) return true;
  if constexpr (std::is_same_v<T, int32_t>) {
    out->SetInt32(row, *value);
  } else if constexpr (std::is_same_v<T, absl::uint128>) {
    out->SetUuid(row, *value);
  } else {
    out->SetInt64(row, *value);
  }
  return true;
}

bool RecordMatcher::Pass::Value(const JsonToken& first, const Column& column, Writer out,
                                uint64_t row) {
  if (first.kind == JsonKind::kError) return false;
  if (first.kind == JsonKind::kNull) {
    if (out != nullptr) out->SetNull(row);
    return true;
  }
  // A number as the column's type: a mismatch, out of range, or written.
  const auto number = [&](auto parse, bool whole, auto set) {
    if (first.kind != JsonKind::kNumber || (whole && !IsIntegerText(first.raw))) {
      return Mismatch(first, column);
    }
    const auto value = parse(first.raw);
    if (!value) return OutOfRange(first, column);
    if (out != nullptr) set(*value);
    return true;
  };
  switch (column.kind) {
    case Kind::kBoolean:
      if (first.kind != JsonKind::kTrue && first.kind != JsonKind::kFalse) break;
      if (out != nullptr) out->SetBool(row, first.kind == JsonKind::kTrue);
      return true;
    case Kind::kInt:
      return number(IntFromNumber, true, [&](int32_t v) { out->SetInt32(row, v); });
    case Kind::kLong:
      return number(LongFromNumber, true, [&](int64_t v) { out->SetInt64(row, v); });
    case Kind::kFloat:
      return number(FloatFromNumber, false, [&](float v) { out->SetFloat(row, v); });
    case Kind::kDouble:
      return number(DoubleFromNumber, false, [&](double v) { out->SetDouble(row, v); });
    case Kind::kDecimal:
      return Decimal(first, column, out, row);
    case Kind::kString:
      if (first.kind != JsonKind::kString) break;
      if (out != nullptr) out->SetBytes(row, TextOf(first));
      return true;
    case Kind::kDate:
      return Text(first, column, DateFromText, out, row);
    case Kind::kTime:
      return Text(first, column, TimeFromText, out, row);
    case Kind::kTimestamp:
      return Text(first, column, TimestampFromText, out, row);
    case Kind::kTimestampTz:
      return Text(first, column, TimestampTzFromText, out, row);
    case Kind::kUuid:
      return Text(first, column, UuidFromText, out, row);
    case Kind::kStruct:
      if (first.kind != JsonKind::kObjectStart) break;
      if (out != nullptr) out->SetStruct(row);
      return Members(column, false, out, row);
    case Kind::kMap:
      if (first.kind != JsonKind::kObjectStart) break;
      return Map(column, out, row);
    case Kind::kList:
      if (first.kind != JsonKind::kArrayStart) break;
      return List(column, out, row);
    case Kind::kUnsupported:
      break;
  }
  return Mismatch(first, column);
}

}  // namespace tarn::ingestion
