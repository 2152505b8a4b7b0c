// The second look at a query, after its tables were bound: whatever the binder has missed must not
// reach a file or the engine's own tables. It trusts nothing of the binder's idea of scopes: the
// text that is going to run is parsed anew, and every name that is left must be that of a common
// table expression which the engine could take for nothing else.
#pragma once

#include <string_view>

#include <absl/status/status.h>
#include <nlohmann/json_fwd.hpp>

namespace tarn::query {

// `tree` is that of the text that runs. INTERNAL (UNBOUND_TABLE) for a table or a table function
// that only a fault of the binder can have left.
absl::Status CheckBound(const nlohmann::json& tree);

// `tree` is that of "SELECT CAST(NULL AS <type>)" with a type that a user wrote: it is one
// expression and reads nothing. INVALID_ARGUMENT (SQL_ERROR).
absl::Status CheckIsOneCast(const nlohmann::json& tree);

}  // namespace tarn::query
