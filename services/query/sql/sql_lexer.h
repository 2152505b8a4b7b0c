// Divides SQL text into tokens, just enough for the statement front-end: it knows comments, quoted
// identifiers, string literals (plain, E'…', dollar-quoted), numbers, parameters and punctuation.
// It never interprets an expression; that is the engine's parser. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace tarn::query {

enum class TokenKind { kWord, kQuotedIdentifier, kString, kNumber, kParameter, kPunctuation, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  // A word in upper case, a quoted identifier without its quotes, else as it stands.
  std::string text;
  // Byte offset and length in the source.
  size_t offset = 0;
  size_t length = 0;
};

// The tokens of `sql`, the last one being kEnd. INVALID_ARGUMENT (SQL_ERROR) for a quote or comment
// that does not end.
absl::StatusOr<std::vector<Token>> Tokenize(std::string_view sql);

// "line 3, column 7" for a byte offset.
std::string DescribePosition(std::string_view sql, size_t offset);

}  // namespace tarn::query
