#include "services/transform/sql_template.h"

#include <algorithm>
#include <optional>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::transform {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

bool IsIdentifierStart(char c) { return absl::ascii_isalpha(c) || c == '_'; }
bool IsIdentifierPart(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// One line for people: "line 3".
std::string LineOf(std::string_view sql, size_t position) {
  return absl::StrCat("line ", 1 + std::count(sql.begin(), sql.begin() + position, '\n'));
}

class Scanner {
 public:
  explicit Scanner(std::string_view sql) : sql_(sql) {}

  absl::StatusOr<SqlTemplate> Scan() {
    while (at_ < sql_.size()) {
      const char c = sql_[at_];
      if (c == '\'') {
        TARN_RETURN_IF_ERROR(Quoted('\'', IsEscapeString()));
      } else if (c == '"') {
        TARN_RETURN_IF_ERROR(Quoted('"', false));
      } else if (StartsWith("--")) {
        CopyTo(std::min(sql_.find('\n', at_), sql_.size()));
      } else if (StartsWith("/*")) {
        BlockComment();
      } else if (StartsWith("${")) {
        TARN_RETURN_IF_ERROR(Parameter());
      } else if (c == '$' && !FollowsIdentifier() && !DollarTag().empty()) {
        TARN_RETURN_IF_ERROR(DollarQuoted(DollarTag()));
      } else {
        result_.sql += c;
        ++at_;
        if (!absl::ascii_isspace(c)) MarkSignificant(c);
      }
    }
    // A statement may be put into another one, where a closing semicolon would end it.
    if (semicolon_.has_value()) result_.sql.erase(*semicolon_, 1);
    return std::move(result_);
  }

 private:
  bool StartsWith(std::string_view text) const { return sql_.substr(at_).starts_with(text); }
  bool FollowsIdentifier() const { return at_ > 0 && IsIdentifierPart(sql_[at_ - 1]); }

  // Whether the quote at hand is that of E'…', in which a backslash escapes.
  bool IsEscapeString() const {
    if (at_ == 0 || absl::ascii_tolower(sql_[at_ - 1]) != 'e') return false;
    return at_ == 1 || !IsIdentifierPart(sql_[at_ - 2]);
  }

  void MarkSignificant(char c) {
    if (c == ';') {
      semicolon_ = result_.sql.size() - 1;
    } else {
      semicolon_.reset();
    }
  }

  void CopyTo(size_t end) {
    result_.sql += sql_.substr(at_, end - at_);
    at_ = end;
  }

  absl::Status RefuseParametersBefore(size_t end) const {
    const size_t found = sql_.substr(0, end).find("${", at_);
    if (found == std::string_view::npos) return absl::OkStatus();
    const size_t close = std::min(sql_.find('}', found), end - 1);
    return InvalidArgument(
        "PARAMETER_IN_QUOTES",
        absl::StrCat(LineOf(sql_, found), ": ", View(sql_.substr(found, close + 1 - found)),
                     " stands inside quotes, where it would be plain text; write it without "
                     "quotes (it is a value, not text), and join texts with ||"));
  }

  absl::Status Quoted(char quote, bool backslash) {
    size_t end = at_ + 1;
    while (end < sql_.size()) {
      if (backslash && sql_[end] == '\\') {
        end += 2;
      } else if (sql_[end] != quote) {
        ++end;
      } else if (end + 1 < sql_.size() && sql_[end + 1] == quote) {
        end += 2;
      } else {
        break;
      }
    }
    end = std::min(end + 1, sql_.size());
    TARN_RETURN_IF_ERROR(RefuseParametersBefore(end));
    CopyTo(end);
    MarkSignificant(quote);
    return absl::OkStatus();
  }

  // "$$" or "$tag$" at hand, or "".
  std::string_view DollarTag() const {
    size_t end = at_ + 1;
    if (end < sql_.size() && IsIdentifierStart(sql_[end])) {
      while (end < sql_.size() && IsIdentifierPart(sql_[end])) ++end;
    }
    if (end >= sql_.size() || sql_[end] != '$') return {};
    return sql_.substr(at_, end + 1 - at_);
  }

  absl::Status DollarQuoted(std::string_view tag) {
    const size_t close = sql_.find(tag, at_ + tag.size());
    const size_t end = close == std::string_view::npos ? sql_.size() : close + tag.size();
    TARN_RETURN_IF_ERROR(RefuseParametersBefore(end));
    CopyTo(end);
    MarkSignificant('$');
    return absl::OkStatus();
  }

  // Comments nest, as in the engine's parser.
  void BlockComment() {
    int depth = 0;
    size_t end = at_;
    while (end < sql_.size()) {
      const std::string_view rest = sql_.substr(end);
      if (rest.starts_with("/*")) {
        ++depth;
        end += 2;
      } else if (rest.starts_with("*/")) {
        end += 2;
        if (--depth == 0) break;
      } else {
        ++end;
      }
    }
    CopyTo(std::min(end, sql_.size()));
  }

  absl::Status Parameter() {
    size_t end = at_ + 2;
    if (end < sql_.size() && IsIdentifierStart(sql_[end])) {
      while (end < sql_.size() && IsIdentifierPart(sql_[end])) ++end;
    }
    if (end == at_ + 2 || end >= sql_.size() || sql_[end] != '}') {
      return InvalidArgument(
          "PARAMETER_INVALID",
          absl::StrCat(LineOf(sql_, at_), ": ${ must be followed by a parameter's name and }"));
    }
    const std::string_view name = sql_.substr(at_ + 2, end - at_ - 2);
    // An identifier or a number just before would run into the parameter.
    if (FollowsIdentifier()) result_.sql += ' ';
    absl::StrAppend(&result_.sql, "$", View(name));
    if (end + 1 < sql_.size() && IsIdentifierPart(sql_[end + 1])) result_.sql += ' ';
    result_.parameters.emplace(name);
    at_ = end + 1;
    MarkSignificant('$');
    return absl::OkStatus();
  }

  const std::string_view sql_;
  size_t at_ = 0;
  SqlTemplate result_;
  // Where the last significant character is a semicolon.
  std::optional<size_t> semicolon_;
};

}  // namespace

absl::StatusOr<SqlTemplate> ParseSqlTemplate(std::string_view sql) { return Scanner(sql).Scan(); }

absl::StatusOr<std::string> FillText(std::string_view text,
                                     const std::map<std::string, std::string>& values) {
  std::string filled;
  for (;;) {
    const size_t open = text.find("${");
    const size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) {
      filled += text;
      return filled;
    }
    const std::string name(text.substr(open + 2, close - open - 2));
    auto value = values.find(name);
    if (value == values.end()) {
      return InvalidArgument(
          "PARAMETER_UNKNOWN",
          absl::StrCat("the message names ${", name,
                       "}, which is no parameter of the pipeline; besides parameters there are "
                       "${pipeline}, ${run}, ${state} and ${error}"),
          {{"parameter", name}});
    }
    filled += text.substr(0, open);
    filled += value->second;
    text.remove_prefix(close + 1);
  }
}

}  // namespace tarn::transform
