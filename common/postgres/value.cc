#include <charconv>
#include <cmath>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/postgres/postgres_error.h"
#include "common/postgres/result_rows.h"
#include "common/status/error.h"

namespace tarn {
namespace {

[[noreturn]] void Fault(const std::string& message) {
  throw postgres_internal::StatusException(Internal("POSTGRES_RESULT", message));
}

template <typename T>
bool ParseNumber(std::string_view text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseTimestamp(std::string_view text, absl::Time& time) {
  if (text == "infinity" || text == "-infinity") {
    time = text[0] == '-' ? absl::InfinitePast() : absl::InfiniteFuture();
    return true;
  }
  std::string error;
  absl::string_view view(text.data(), text.size());
  return absl::ParseTime("%Y-%m-%d %H:%M:%E*S%Ez", view, &time, &error) ||
         absl::ParseTime("%Y-%m-%d %H:%M:%E*S", view, &time, &error);  // timestamp without zone
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool ParseBytes(std::string_view text, std::string& out) {
  if (text.size() % 2 != 0 || text.substr(0, 2) != "\\x") return false;
  out.clear();
  out.reserve(text.size() / 2 - 1);
  for (size_t i = 2; i < text.size(); i += 2) {
    int high = HexDigit(text[i]), low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return true;
}

// PostgreSQL's array text: {a,"b \"c\"",d}. One dimension; an unquoted NULL is refused.
bool ParseArray(std::string_view text, std::vector<std::string>& out) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return false;
  text = text.substr(1, text.size() - 2);
  size_t i = 0;
  while (i < text.size()) {
    std::string element;
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        element.push_back(text[i]);
      }
      if (i == text.size()) return false;
      ++i;
    } else {
      while (i < text.size() && text[i] != ',') element.push_back(text[i++]);
      if (element == "NULL" || element.empty() || element.front() == '{') return false;
    }
    out.push_back(std::move(element));
    if (i == text.size()) break;
    if (text[i++] != ',' || i == text.size()) return false;
  }
  return true;
}

}  // namespace

Param::Param(double value) {
  if (std::isnan(value)) {
    text_ = "NaN";
  } else if (std::isinf(value)) {
    text_ = value > 0 ? "Infinity" : "-Infinity";
  } else {
    char buffer[32];
    text_ = std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  }
}

Param::Param(absl::Time value) {
  if (value == absl::InfiniteFuture()) {
    text_ = "infinity";
  } else if (value == absl::InfinitePast()) {
    text_ = "-infinity";
  } else {
    text_ = absl::FormatTime("%Y-%m-%d %H:%M:%E6S+00", value, absl::UTCTimeZone());
  }
}

Param::Param(const Bytes& value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex = "\\x";
  hex.reserve(2 + 2 * value.data.size());
  for (unsigned char c : value.data) {
    hex.push_back(kDigits[c >> 4]);
    hex.push_back(kDigits[c & 15]);
  }
  text_ = std::move(hex);
}

Param::Param(const std::vector<std::string>& values) {
  std::string text = "{";
  for (const std::string& value : values) {
    if (text.size() > 1) text.push_back(',');
    text.push_back('"');
    for (char c : value) {
      if (c == '"' || c == '\\') text.push_back('\\');
      text.push_back(c);
    }
    text.push_back('"');
  }
  text.push_back('}');
  text_ = std::move(text);
}

Param::Param(const std::vector<int64_t>& values) {
  std::string text = "{";
  for (int64_t value : values) absl::StrAppend(&text, text.size() > 1 ? "," : "", value);
  text.push_back('}');
  text_ = std::move(text);
}

int Row::Column(std::string_view name) const {
  const pqxx::result& rows = rows_->rows;
  for (int column = 0; column < static_cast<int>(rows.columns()); ++column) {
    if (name == rows.column_name(column)) return column;
  }
  Fault("the statement returned no column " + std::string(name));
}

std::optional<std::string_view> Row::Text(int column) const {
  const pqxx::result& rows = rows_->rows;
  if (index_ >= rows.size() || column < 0 || column >= static_cast<int>(rows.columns())) {
    Fault(absl::StrCat("the statement returned no row ", index_, " column ", column));
  }
  pqxx::field field = rows[static_cast<pqxx::result::size_type>(index_)][column];
  if (field.is_null()) return std::nullopt;
  return std::string_view(field.c_str(), field.size());
}

template <typename T>
T Row::Parse(int column) const {
  std::optional<std::string_view> text = Text(column);
  std::string name = rows_->rows.column_name(column);
  if (!text.has_value()) Fault("column " + name + " is NULL where a value was expected");
  T value{};
  bool ok = false;
  if constexpr (std::is_same_v<T, std::string>) {
    value = std::string(*text);
    ok = true;
  } else if constexpr (std::is_same_v<T, bool>) {
    value = *text == "t";
    ok = *text == "t" || *text == "f";
  } else if constexpr (std::is_same_v<T, double>) {
    ok = absl::SimpleAtod(absl::string_view(text->data(), text->size()), &value);
  } else if constexpr (std::is_integral_v<T>) {
    ok = ParseNumber(*text, value);
  } else if constexpr (std::is_same_v<T, absl::Time>) {
    ok = ParseTimestamp(*text, value);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    ok = ParseBytes(*text, value.data);
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    ok = ParseArray(*text, value);
  } else {
    std::vector<std::string> elements;
    ok = ParseArray(*text, elements);
    for (const std::string& element : elements) {
      ok = ok && ParseNumber(element, value.emplace_back());
    }
  }
  if (!ok) Fault("column " + name + " is not of the type that was asked for");
  return value;
}

template bool Row::Parse<bool>(int) const;
template int32_t Row::Parse<int32_t>(int) const;
template int64_t Row::Parse<int64_t>(int) const;
template double Row::Parse<double>(int) const;
template std::string Row::Parse<std::string>(int) const;
template absl::Time Row::Parse<absl::Time>(int) const;
template Bytes Row::Parse<Bytes>(int) const;
template std::vector<std::string> Row::Parse<std::vector<std::string>>(int) const;
template std::vector<int64_t> Row::Parse<std::vector<int64_t>>(int) const;

size_t Result::size() const { return rows_->rows.size(); }

int64_t Result::affected_rows() const { return static_cast<int64_t>(rows_->rows.affected_rows()); }

Row Result::One() const {
  if (size() != 1) Fault(absl::StrCat("one row was expected, not ", size()));
  return (*this)[0];
}

std::optional<Row> Result::First() const {
  if (empty()) return std::nullopt;
  return (*this)[0];
}

}  // namespace tarn
