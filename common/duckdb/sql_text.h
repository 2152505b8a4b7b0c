// Names and text as they are written into SQL. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tarn::duckdb {

// `name` as an identifier that means exactly itself: always in double quotes. NUL bytes, which the
// engine cannot hold in SQL, are left out.
std::string QuoteIdentifier(std::string_view name);

// `text` as a string literal in single quotes. NUL bytes are written as chr(0), so that the result
// is an expression rather than a literal only for text that holds one.
std::string QuoteLiteral(std::string_view text);

// `path` so that the engine reads the file of exactly this name, even if it holds *, ? or [, which
// would otherwise stand for other names.
std::string ExactPath(std::string_view path);

// ['a', 'b'], a list of string literals.
std::string QuoteLiteralList(const std::vector<std::string>& texts);

}  // namespace tarn::duckdb
