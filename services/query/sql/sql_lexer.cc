#include "services/query/sql/sql_lexer.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"

namespace tarn::query {
namespace {

bool IsWordStart(char c) { return absl::ascii_isalpha(c) || c == '_' || (c & 0x80) != 0; }
bool IsWordPart(char c) { return IsWordStart(c) || absl::ascii_isdigit(c) || c == '$'; }

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (true) {
      absl::Status skipped = SkipBlanks();
      if (!skipped.ok()) return skipped;
      if (at_ >= sql_.size()) break;
      absl::Status status = Next();
      if (!status.ok()) return status;
    }
    tokens_.push_back({TokenKind::kEnd, "", sql_.size(), 0});
    return std::move(tokens_);
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  absl::Status Unterminated(std::string_view what, size_t offset) const {
    return InvalidArgument("SQL_ERROR",
                           absl::StrCat("a ", std::string(what), " that begins at ",
                                        DescribePosition(sql_, offset), " does not end"));
  }

  void Add(TokenKind kind, std::string text, size_t begin) {
    tokens_.push_back({kind, std::move(text), begin, at_ - begin});
  }

  // Skips white space, `-- …` and nested `/* … */`.
  absl::Status SkipBlanks() {
    while (at_ < sql_.size()) {
      if (absl::ascii_isspace(Peek())) {
        ++at_;
      } else if (Peek() == '-' && Peek(1) == '-') {
        while (at_ < sql_.size() && Peek() != '\n') ++at_;
      } else if (Peek() == '/' && Peek(1) == '*') {
        const size_t begin = at_;
        int depth = 0;
        do {
          if (at_ >= sql_.size()) return Unterminated("comment", begin);
          if (Peek() == '/' && Peek(1) == '*') {
            ++depth;
            at_ += 2;
          } else if (Peek() == '*' && Peek(1) == '/') {
            --depth;
            at_ += 2;
          } else {
            ++at_;
          }
        } while (depth > 0);
      } else {
        break;
      }
    }
    return absl::OkStatus();
  }

  absl::Status Next() {
    const size_t begin = at_;
    const char c = Peek();
    if ((c == 'e' || c == 'E') && Peek(1) == '\'') return EscapedString();
    if (IsWordStart(c)) {
      while (IsWordPart(Peek())) ++at_;
      Add(TokenKind::kWord, absl::AsciiStrToUpper(std::string(sql_.substr(begin, at_ - begin))),
          begin);
      return absl::OkStatus();
    }
    if (c == '"') return Quoted('"', TokenKind::kQuotedIdentifier, "quoted identifier");
    if (c == '\'') return Quoted('\'', TokenKind::kString, "string");
    if (c == '$') return Dollar();
    if (absl::ascii_isdigit(c) || (c == '.' && absl::ascii_isdigit(Peek(1)))) {
      while (IsWordPart(Peek()) || Peek() == '.' ||
             ((Peek() == '+' || Peek() == '-') && absl::ascii_tolower(sql_[at_ - 1]) == 'e')) {
        ++at_;
      }
      Add(TokenKind::kNumber, std::string(sql_.substr(begin, at_ - begin)), begin);
      return absl::OkStatus();
    }
    ++at_;
    Add(c == '?' ? TokenKind::kParameter : TokenKind::kPunctuation, std::string(1, c), begin);
    return absl::OkStatus();
  }

  absl::Status Quoted(char quote, TokenKind kind, std::string_view what) {
    const size_t begin = at_++;
    std::string text;
    while (true) {
      if (at_ >= sql_.size()) return Unterminated(what, begin);
      if (Peek() == quote) {
        if (Peek(1) != quote) break;
        ++at_;
      }
      text.push_back(sql_[at_++]);
    }
    ++at_;
    Add(kind, std::move(text), begin);
    return absl::OkStatus();
  }

  absl::Status EscapedString() {
    const size_t begin = at_;
    at_ += 2;
    while (true) {
      if (at_ >= sql_.size()) return Unterminated("string", begin);
      if (Peek() == '\\') {
        at_ += 2;
      } else if (Peek() == '\'' && Peek(1) == '\'') {
        at_ += 2;
      } else if (Peek() == '\'') {
        break;
      } else {
        ++at_;
      }
    }
    ++at_;
    Add(TokenKind::kString, std::string(sql_.substr(begin, at_ - begin)), begin);
    return absl::OkStatus();
  }

  // `$name` and `$1` are parameters; `$$…$$` and `$tag$…$tag$` are strings.
  absl::Status Dollar() {
    const size_t begin = at_++;
    while (absl::ascii_isalnum(Peek()) || Peek() == '_') ++at_;
    if (Peek() != '$' || (at_ > begin + 1 && absl::ascii_isdigit(sql_[begin + 1]))) {
      Add(TokenKind::kParameter, std::string(sql_.substr(begin, at_ - begin)), begin);
      return absl::OkStatus();
    }
    ++at_;
    const std::string_view tag = sql_.substr(begin, at_ - begin);
    const size_t end = sql_.find(tag, at_);
    if (end == std::string_view::npos) return Unterminated("string", begin);
    const std::string text(sql_.substr(at_, end - at_));
    at_ = end + tag.size();
    Add(TokenKind::kString, text, begin);
    return absl::OkStatus();
  }

  const std::string_view sql_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view sql) { return Lexer(sql).Run(); }

std::string DescribePosition(std::string_view sql, size_t offset) {
  size_t line = 1;
  size_t column = 1;
  for (size_t i = 0; i < offset && i < sql.size(); ++i) {
    if (sql[i] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return absl::StrCat("line ", line, ", column ", column);
}

}  // namespace tarn::query
