#include "common/duckdb/row_writer.h"

#include <charconv>
#include <cmath>
#include <set>

#include "common/duckdb/value_text.h"

namespace tarn::duckdb {
namespace {

constexpr int64_t kMaxSafeInteger = (int64_t{1} << 53) - 1;

template <typename T>
void AppendNumber(T v, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr);
}

template <typename Write>
void Quoted(std::string& out, Write write) {
  out += '"';
  write();
  out += '"';
}

// Text of a value that needs no escaping in JSON, or false for kinds that are written otherwise.
bool AppendPlain(const ColumnView& column, uint64_t row, std::string& out) {
  switch (column.type().kind) {
    case TypeKind::kUuid:
      AppendUuid(column.GetUuid(row), out);
      return true;
    case TypeKind::kDecimal:
      AppendDecimal(column.GetDecimal(row), out);
      return true;
    case TypeKind::kBlob:
      AppendBase64(column.Bytes(row), out);
      return true;
    case TypeKind::kBit:
      out += column.BitText(row);
      return true;
    case TypeKind::kBigNum:
      out += column.BigNumText(row);
      return true;
    case TypeKind::kDate:
      AppendDate(column.GetDate(row), out);
      return true;
    case TypeKind::kTime:
    case TypeKind::kTimeNs:
    case TypeKind::kTimeTz:
      AppendTimeOfDay(column.GetTime(row), out);
      return true;
    case TypeKind::kTimestampS:
    case TypeKind::kTimestampMs:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestampTz:
      AppendTimestamp(column.GetTimestamp(row), out);
      return true;
    case TypeKind::kInterval:
      AppendInterval(column.GetInterval(row), out);
      return true;
    default:
      return false;
  }
}

void AppendJsonMap(const ColumnView& column, uint64_t row, std::string& out) {
  out += '{';
  const ColumnView::Span span = column.Elements(row);
  std::string key;
  // Keys that differ as values may be equal as text (1 and 1.0 in a union); engines' maps hold each
  // value once, so a repeated text is rare and JSON readers keep the last.
  for (uint64_t i = span.begin; i < span.begin + span.length; ++i) {
    if (i > span.begin) out += ',';
    key.clear();
    AppendTextValue(column.child(0), i, key);
    AppendJsonString(key, out);
    out += ':';
    AppendJsonValue(column.child(1), i, out);
  }
  out += '}';
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(start, i - start));
    start = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text.substr(start));
  out += '"';
}

void AppendJsonValue(const ColumnView& column, uint64_t row, std::string& out) {
  if (column.IsNull(row)) {
    out += "null";
    return;
  }
  switch (column.type().kind) {
    case TypeKind::kInvalid:
    case TypeKind::kNull:
      out += "null";
      return;
    case TypeKind::kBoolean:
      out += column.Bool(row) ? "true" : "false";
      return;
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInteger:
    case TypeKind::kUTinyInt:
    case TypeKind::kUSmallInt:
    case TypeKind::kUInteger:
      AppendNumber(column.Int64(row), out);
      return;
    case TypeKind::kBigInt:
    case TypeKind::kUBigInt:
    case TypeKind::kHugeInt: {
      const absl::int128 v = column.Int128(row);
      if (v >= -kMaxSafeInteger && v <= kMaxSafeInteger) {
        AppendNumber(static_cast<int64_t>(v), out);
      } else {
        Quoted(out, [&] { AppendInt128(v, out); });
      }
      return;
    }
    case TypeKind::kUHugeInt: {
      const absl::uint128 v = column.Uint128(row);
      if (v <= static_cast<uint64_t>(kMaxSafeInteger)) {
        AppendNumber(static_cast<uint64_t>(v), out);
      } else {
        Quoted(out, [&] { AppendUint128(v, out); });
      }
      return;
    }
    case TypeKind::kFloat:
      if (std::isfinite(column.Float(row))) {
        AppendFloat(column.Float(row), out);
      } else {
        Quoted(out, [&] { AppendFloat(column.Float(row), out); });
      }
      return;
    case TypeKind::kDouble:
      if (std::isfinite(column.Double(row))) {
        AppendDouble(column.Double(row), out);
      } else {
        Quoted(out, [&] { AppendDouble(column.Double(row), out); });
      }
      return;
    case TypeKind::kVarchar:
      if (column.type().alias == "JSON") {
        out += column.Bytes(row);
      } else {
        AppendJsonString(column.Bytes(row), out);
      }
      return;
    case TypeKind::kEnum:
      AppendJsonString(column.EnumLabel(row), out);
      return;
    case TypeKind::kList:
    case TypeKind::kArray: {
      out += '[';
      const ColumnView::Span span = column.Elements(row);
      for (uint64_t i = span.begin; i < span.begin + span.length; ++i) {
        if (i > span.begin) out += ',';
        AppendJsonValue(column.child(0), i, out);
      }
      out += ']';
      return;
    }
    case TypeKind::kStruct:
      out += '{';
      for (size_t i = 0; i < column.child_count(); ++i) {
        if (i > 0) out += ',';
        const std::string& name = column.type().child_names[i];
        AppendJsonString(name.empty() ? std::to_string(i + 1) : name, out);
        out += ':';
        AppendJsonValue(column.child(i), row, out);
      }
      out += '}';
      return;
    case TypeKind::kMap:
      AppendJsonMap(column, row, out);
      return;
    case TypeKind::kUnion:
      AppendJsonValue(column.child(column.UnionTag(row)), row, out);
      return;
    default:
      Quoted(out, [&] { AppendPlain(column, row, out); });
  }
}

void AppendTextValue(const ColumnView& column, uint64_t row, std::string& out) {
  if (column.IsNull(row)) return;
  switch (column.type().kind) {
    case TypeKind::kVarchar:
      out += column.Bytes(row);
      return;
    case TypeKind::kEnum:
      out += column.EnumLabel(row);
      return;
    case TypeKind::kBigInt:
    case TypeKind::kUBigInt:
    case TypeKind::kHugeInt:
      AppendInt128(column.Int128(row), out);
      return;
    case TypeKind::kUHugeInt:
      AppendUint128(column.Uint128(row), out);
      return;
    case TypeKind::kFloat:
      AppendFloat(column.Float(row), out);
      return;
    case TypeKind::kDouble:
      AppendDouble(column.Double(row), out);
      return;
    case TypeKind::kUnion:
      AppendTextValue(column.child(column.UnionTag(row)), row, out);
      return;
    case TypeKind::kInvalid:
    case TypeKind::kNull:
      return;
    default:
      if (!AppendPlain(column, row, out)) AppendJsonValue(column, row, out);
  }
}

JsonRowWriter::JsonRowWriter(const Schema& schema) {
  std::set<std::string> taken;
  for (const Column& column : schema) {
    std::string name = column.name;
    for (int n = 2; !taken.insert(name).second; ++n) name = column.name + "_" + std::to_string(n);
    names_.push_back(name);
    std::string key;
    AppendJsonString(name, key);
    keys_.push_back(key + ":");
  }
}

void JsonRowWriter::AppendRow(const Chunk& chunk, uint64_t row, std::string& out) const {
  out += '{';
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (i > 0) out += ',';
    out += keys_[i];
    AppendJsonValue(chunk.column(i), row, out);
  }
  out += '}';
}

void CsvRowWriter::AppendField(std::string_view text, std::string& out) const {
  bool quote = text.empty() || text.front() == ' ' || text.back() == ' ';
  for (char c : text) {
    quote = quote || c == separator_ || c == '"' || c == '\r' || c == '\n';
  }
  if (!quote) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void CsvRowWriter::AppendHeader(const Schema& schema, std::string& out) const {
  for (size_t i = 0; i < schema.size(); ++i) {
    if (i > 0) out += separator_;
    AppendField(schema[i].name, out);
  }
  out += "\r\n";
}

void CsvRowWriter::AppendRow(const Chunk& chunk, uint64_t row, std::string& out) const {
  std::string text;
  for (size_t i = 0; i < chunk.column_count(); ++i) {
    if (i > 0) out += separator_;
    if (chunk.column(i).IsNull(row)) continue;
    text.clear();
    AppendTextValue(chunk.column(i), row, text);
    AppendField(text, out);
  }
  out += "\r\n";
}

}  // namespace tarn::duckdb
