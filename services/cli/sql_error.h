// Where in a statement an error is. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace tarn::cli {

// The line of `sql` that the error's metadata names ("line", "column", from 1), with a caret under
// the column:
//     SELECT nope FROM t
//            ^
// "" where the error names no place in the statement.
std::string PointAtError(std::string_view sql, const absl::Status& status);

// Whether the statement only reads, by its first word: then it may be sent twice.
bool IsReadOnly(std::string_view sql);

}  // namespace tarn::cli
