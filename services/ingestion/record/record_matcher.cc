#include "services/ingestion/record/record_matcher.h"

#include <cstdio>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/table_schema/system_columns.h"
#include "services/ingestion/record/json_cursor.h"
#include "services/ingestion/record/schema_learner.h"
#include "services/ingestion/record/stream_columns.h"
#include "services/ingestion/record/text_values.h"

namespace tarn::ingestion {
namespace {

using Kind = ColumnKind;

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

}  // namespace

struct RecordMatcher::Column {
  Kind kind = Kind::kStruct;
  std::string type;  // as the catalog writes it, for messages
  bool required = false;
  bool system = false;  // not for records to fill
  bool learnt = false;
  bool holds_struct = false;  // itself or below
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
  UnknownFields::Policy policy;
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

  // A value whose first token was just taken, as it stands in the record; passes over it.
  std::optional<std::string_view> RawValue(const JsonToken& first) {
    const char* begin = cursor.at() - 1;
    if (first.kind == JsonKind::kString) begin = first.raw.data() - 1;
    if (first.kind == JsonKind::kNumber) begin = first.raw.data();
    if (first.kind == JsonKind::kTrue || first.kind == JsonKind::kNull) begin = cursor.at() - 4;
    if (first.kind == JsonKind::kFalse) begin = cursor.at() - 5;
    if (!cursor.Skip(first)) return std::nullopt;
    return std::string_view(begin, static_cast<size_t>(cursor.at() - begin));
  }
  bool captures() const { return policy == UnknownFields::Policy::kCapture; }
  // Tells the capture where the value of `column` stands.
  static FieldCapture::Container ContainerOf(const Column& column) {
    if (column.kind != Kind::kList) return FieldCapture::Container::kObject;
    return column.children[0].kind == Kind::kList ? FieldCapture::Container::kArrayOfArrays
                                                  : FieldCapture::Container::kArrayOfObjects;
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

RecordMatcher::RecordMatcher(const table_schema::Fields& fields, const UnknownFields& unknown)
    : policy_(unknown.policy), root_(std::make_unique<Column>()) {
  table_schema::Field record;
  record.set_type("struct");
  *record.mutable_fields() = fields;
  Build(record, true, *root_);
  if (policy_ != UnknownFields::Policy::kCapture) return;
  const std::optional<size_t> column = root_->Find(unknown.column, 0);
  if (column && root_->children[*column].kind == Kind::kString) {
    capture_column_ = *column;
    root_->children[*column].system = true;
  } else {
    policy_ = UnknownFields::Policy::kRefuse;
  }
}

void RecordMatcher::Build(const table_schema::Field& field, bool top_level, Column& column) {
  column.kind = KindOf(field.type());
  column.type = field.type();
  column.required = field.required();
  column.learnt = field.learnt();
  column.holds_struct = column.kind == Kind::kStruct;
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
    column.holds_struct = column.holds_struct || built.holds_struct;
  }
}

std::optional<RecordError> RecordMatcher::Match(std::string_view record) const {
  Scratch scratch;
  Pass pass{JsonCursor(record), scratch, nullptr, policy_, std::nullopt};
  return Run(record, pass);
}

std::optional<RecordError> RecordMatcher::Read(std::string_view record, Scratch& scratch,
                                               duckdb::ChunkWriter& chunk) const {
  Pass pass{JsonCursor(record), scratch, &chunk, policy_, std::nullopt};
  return Run(record, pass);
}

std::optional<RecordError> RecordMatcher::Run(std::string_view record, Pass& pass) const {
  pass.scratch.seen.resize(field_count_);
  pass.scratch.hints.resize(struct_count_);
  if (pass.captures()) pass.scratch.capture.Begin();
  const JsonToken first = pass.cursor.Next();
  if (first.kind == JsonKind::kObjectStart) {
    pass.Members(*root_, true, nullptr, pass.chunk == nullptr ? 0 : pass.chunk->row());
  } else if (first.kind != JsonKind::kError) {
    pass.Refuse(kNotAnObject, "", "the record is JSON but no object; send {\"name\": value, …}");
  }
  if (!pass.error && pass.cursor.Next().kind == JsonKind::kEnd) {
    if (pass.captures() && pass.chunk != nullptr) {
      duckdb::VectorWriter& out = pass.chunk->column(capture_column_);
      const std::string& captured = pass.scratch.capture.Finish();
      if (captured.empty()) {
        out.SetNull(pass.chunk->row());
      } else {
        out.SetBytes(pass.chunk->row(), pass.scratch.texts.emplace_back(captured));
      }
    }
    return std::nullopt;
  }
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
  Refuse(kUnknownField, name,
         absl::StrCat(top_level ? "the table has no such column; add it to the table"
                                : "the struct has no such field; add it to the table's column",
                      ", or set the stream's new_field_policy to ADD_COLUMN or CAPTURE"));
  error->teaches = policy == UnknownFields::Policy::kLearn;
  return false;
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
      if (captures()) {
        const std::optional<std::string_view> raw = RawValue(value);
        if (!raw) return false;
        scratch.capture.Add(key.raw, *raw);
        continue;
      }
      if (!found && policy == UnknownFields::Policy::kLearn && value.kind == JsonKind::kNull) {
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
    const bool enters = captures() && child.holds_struct;
    if (enters) scratch.capture.Enter(ContainerOf(child), key.raw);
    if (!Value(value, child, writer(index), row)) return InField(name);
    if (enters) scratch.capture.Leave();
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
    const bool enters = captures() && column.children[1].holds_struct;
    if (enters) scratch.capture.Enter(ContainerOf(column.children[1]), key.raw);
    if (!Value(value, column.children[1], out == nullptr ? nullptr : &out->child(1), element)) {
      return InField(name);
    }
    if (enters) scratch.capture.Leave();
  }
  if (out != nullptr) out->EndList(row);
  return true;
}

bool RecordMatcher::Pass::List(const Column& column, Writer out, uint64_t row) {
  if (out != nullptr) out->BeginList(row);
  const bool enters = captures() && column.children[0].holds_struct;
  size_t index = 0;
  for (JsonToken item = cursor.Next(); item.kind != JsonKind::kArrayEnd;
       item = cursor.Next(), ++index) {
    const uint64_t element = out == nullptr ? 0 : out->AppendElement();
    if (enters) scratch.capture.EnterElement(ContainerOf(column.children[0]), index);
    if (!Value(item, column.children[0], out == nullptr ? nullptr : &out->child(0), element)) {
      return InField(absl::StrCat("[", index, "]"));
    }
    if (enters) scratch.capture.Leave();
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
    if (first.kind != JsonKind::kNumber) return Mismatch(first, column);
    if (whole && !IsIntegerText(first.raw)) {
      Mismatch(first, column);
      error->teaches =
          column.learnt && column.kind == Kind::kLong && policy == UnknownFields::Policy::kLearn;
      return false;
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
