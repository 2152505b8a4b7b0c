#include "services/ingestion/payload/csv_reader.h"

#include <algorithm>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/payload/json_text.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {
namespace {

constexpr char kInvalidCsv[] = "INVALID_CSV";

// Digits from `at` on; how many.
size_t Digits(std::string_view text, size_t at) {
  const size_t begin = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return at - begin;
}

// Whether the text is a number by JSON's grammar, and if so whether it is an integer.
bool IsJsonNumber(std::string_view text, bool* integer) {
  *integer = true;
  size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const size_t whole = Digits(text, at);
  if (whole == 0 || (whole > 1 && text[at] == '0')) return false;
  at += whole;
  if (at < text.size() && text[at] == '.') {
    *integer = false;
    const size_t fraction = Digits(text, at + 1);
    if (fraction == 0) return false;
    at += 1 + fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    *integer = false;
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const size_t exponent = Digits(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

std::string Unquoted(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    out.push_back(text[i]);
    if (text[i] == '"') ++i;  // the second of two
  }
  return out;
}

}  // namespace

absl::Status CheckCsvHeader(const std::vector<std::string>& names) {
  const auto invalid = [](const std::string& what) {
    return InvalidArgument("PAYLOAD_INVALID", absl::StrCat("the CSV header ", what));
  };
  if (names.size() > kMaxCsvFields) {
    return invalid(absl::StrCat("has ", names.size(), " names; at most ", kMaxCsvFields));
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) return invalid(absl::StrCat("has no name for field ", i + 1));
    if (!IsUtf8(names[i])) return invalid(absl::StrCat("is not UTF-8 in field ", i + 1));
    if (names[i].size() > 255) {
      return invalid(absl::StrCat("has a name of more than 255 bytes in field ", i + 1));
    }
    if (!seen.insert(names[i]).second) {
      return invalid(absl::StrCat("has the name \"", names[i], "\" twice"));
    }
  }
  return absl::OkStatus();
}

CsvReader::CsvReader(std::vector<std::string> header, char delimiter,
                     const google::protobuf::RepeatedPtrField<catalog::v1::Field>& columns)
    : delimiter_(delimiter) {
  for (const catalog::v1::Field& column : columns) {
    const std::string& type = column.type();
    ValueKind kind = ValueKind::kText;
    if (type == "int" || type == "long") {
      kind = ValueKind::kInteger;
    } else if (type == "float" || type == "double" || type.rfind("decimal", 0) == 0) {
      kind = ValueKind::kNumber;
    } else if (type == "boolean") {
      kind = ValueKind::kBoolean;
    }
    kinds_.emplace_back(absl::AsciiStrToLower(column.name()), kind);
  }
  columns_ = ColumnsOf(header);
}

std::vector<CsvReader::Column> CsvReader::ColumnsOf(const std::vector<std::string>& header) const {
  std::vector<Column> columns;
  columns.reserve(header.size());
  for (const std::string& name : header) {
    Column& column = columns.emplace_back();
    column.opening = columns.size() == 1 ? "{" : ",";
    AppendJsonString(name, column.opening);
    column.opening.push_back(':');
    const std::string lower = absl::AsciiStrToLower(name);
    const auto known = std::find_if(kinds_.begin(), kinds_.end(),
                                    [&](const auto& kind) { return kind.first == lower; });
    if (known != kinds_.end()) column.kind = known->second;
  }
  return columns;
}

void CsvReader::TakeRow(std::string_view& rest, Row& row) const {
  row.fields.clear();
  row.error.clear();
  size_t at = 0;
  const auto fail = [&](std::string_view what) {
    row.error = what;
    const size_t end = rest.find('\n', at);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  };
  // Behind a field: whether the row goes on, ends, or neither may be.
  enum class After { kField, kEnd, kWrong };
  const auto after = [&] {
    if (at == rest.size()) return After::kEnd;
    if (rest[at] == delimiter_) return ++at, After::kField;
    if (rest[at] == '\n') return ++at, After::kEnd;
    if (rest[at] == '\r' && (at + 1 == rest.size() || rest[at + 1] == '\n')) {
      at = std::min(at + 2, rest.size());
      return After::kEnd;
    }
    return After::kWrong;
  };
  while (true) {
    Field field;
    if (at < rest.size() && rest[at] == '"') {
      field.quoted = true;
      const size_t begin = ++at;
      while (true) {
        at = rest.find('"', at);
        if (at == std::string_view::npos) {
          // What follows the quote may be many rows, or one: nobody can say.
          at = rest.size();
          return fail("a quoted field has no end");
        }
        if (at + 1 == rest.size() || rest[at + 1] != '"') break;
        field.has_quotes = true;
        at += 2;
      }
      field.text = rest.substr(begin, at - begin);
      ++at;
    } else {
      const size_t begin = at;
      while (at < rest.size() && rest[at] != delimiter_ && rest[at] != '\n' && rest[at] != '"') {
        ++at;
      }
      if (at < rest.size() && rest[at] == '"') {
        return fail("a quote stands within a field that does not begin with one");
      }
      // A CR before the end is part of the line break.
      if (at > begin && rest[at - 1] == '\r' && (at == rest.size() || rest[at] == '\n')) --at;
      field.text = rest.substr(begin, at - begin);
    }
    row.fields.push_back(field);
    if (row.fields.size() > kMaxCsvFields) return fail("the row has more than 1,000 fields");
    switch (after()) {
      case After::kField:
        continue;
      case After::kEnd:
        break;
      case After::kWrong:
        return fail("something stands behind a field's closing quote");
    }
    break;
  }
  rest.remove_prefix(at);
  if (row.fields.size() == 1 && row.fields[0].text.empty() && !row.fields[0].quoted) {
    row.fields.clear();  // an empty line
  }
}

bool CsvReader::AppendValue(const Field& field, ValueKind kind, std::string& scratch,
                            std::string& out) {
  std::string_view text = field.text;
  if (text.empty() && !field.quoted) {
    out += "null";
    return true;
  }
  bool integer = false;
  const bool plain = (kind == ValueKind::kBoolean && (text == "true" || text == "false")) ||
                     ((kind == ValueKind::kNumber || kind == ValueKind::kInteger) &&
                      IsJsonNumber(text, &integer) && (integer || kind == ValueKind::kNumber));
  if (plain) {
    out += text;
    return true;
  }
  if (!IsUtf8(text)) return false;
  if (field.has_quotes) {
    scratch = Unquoted(text);
    text = scratch;
  }
  AppendJsonString(text, out);
  return true;
}

absl::StatusOr<PayloadRecords> CsvReader::Read(std::string_view payload,
                                               RecordChecks checks) const {
  PayloadRecords result;
  RecordSorter sorter(checks, result);
  std::string_view rest = payload;
  Row row;
  std::string scratch;
  std::vector<Column> own_columns;
  const std::vector<Column>* columns = &columns_;
  if (columns_.empty()) {
    while (!rest.empty() && row.empty()) TakeRow(rest, row);
    if (!row.error.empty()) {
      return InvalidArgument("PAYLOAD_INVALID", absl::StrCat("the CSV header: ", row.error));
    }
    std::vector<std::string> header;
    for (const Field& field : row.fields) {
      header.push_back(field.has_quotes ? Unquoted(field.text) : std::string(field.text));
    }
    TARN_RETURN_IF_ERROR(CheckCsvHeader(header));
    own_columns = ColumnsOf(header);
    columns = &own_columns;
  }
  while (!rest.empty()) {
    const size_t row_offset = payload.size() - rest.size();
    TakeRow(rest, row);
    if (row.empty()) continue;
    const size_t begin = result.text.size();
    size_t bad_field = 0;
    if (row.error.empty() && row.fields.size() != columns->size()) {
      row.error =
          absl::StrCat("the row has ", row.fields.size(), " fields, the header ", columns->size());
    }
    if (row.error.empty()) {
      for (size_t i = 0; i < columns->size() && bad_field == 0; ++i) {
        result.text += (*columns)[i].opening;
        if (!AppendValue(row.fields[i], (*columns)[i].kind, scratch, result.text))
          bad_field = i + 1;
      }
      result.text += '}';
      if (result.text.size() > kMaxCsvTextBytes) {
        return InvalidArgument("REQUEST_TOO_LARGE",
                               absl::StrCat("the rows have more than ", kMaxCsvTextBytes,
                                            " bytes as JSON objects. Send several requests"));
      }
    }
    if (bad_field != 0) row.error = absl::StrCat("field ", bad_field, " is not UTF-8");
    bool taken = false;
    if (row.error.empty()) {
      taken = sorter.Add(begin, result.text.size() - begin);
    } else {
      result.text.erase(begin);
      taken =
          sorter.Refuse(kInvalidCsv, absl::StrCat(row.error, ", in the row at byte ", row_offset));
    }
    if (!taken) return RecordSorter::Overflow();
  }
  return result;
}

}  // namespace tarn::ingestion
