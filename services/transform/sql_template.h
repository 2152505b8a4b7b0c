// `${name}` in a step's SQL. It is never text: it becomes the bound parameter `$name`, and its
// value travels beside the statement. Pure functions; any thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace tarn::transform {

struct SqlTemplate {
  // The statement with `$name`, without a closing semicolon.
  std::string sql;
  // The parameters that it names.
  std::set<std::string> parameters;
};

// Finds `${name}` outside of strings ('…', E'…', $$…$$), quoted identifiers and comments.
// INVALID_ARGUMENT: PARAMETER_IN_QUOTES where it stands in a string or a quoted identifier,
// PARAMETER_INVALID where the braces hold no identifier or are not closed.
absl::StatusOr<SqlTemplate> ParseSqlTemplate(std::string_view sql);

// The text of a message with `${name}` replaced by its value. INVALID_ARGUMENT, PARAMETER_UNKNOWN
// for a name that has none.
absl::StatusOr<std::string> FillText(std::string_view text,
                                     const std::map<std::string, std::string>& values);

}  // namespace tarn::transform
