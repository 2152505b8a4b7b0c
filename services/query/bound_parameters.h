// Puts the values of `$name` into a syntax tree as constants, so that a statement that writes can
// have parameters too. Values are constants of the tree: no value is ever read as SQL. Pure; any
// thread.
#pragma once

#include <map>
#include <string>

#include <absl/status/status.h>
#include <nlohmann/json_fwd.hpp>

namespace tarn::query {

// INVALID_ARGUMENT: PARAMETER_MISSING for a parameter without a value, PARAMETER_UNKNOWN for a
// value that the statement does not name, PARAMETER_INVALID for a value that is a list or an
// object.
absl::Status BindParameters(nlohmann::json& tree,
                            const std::map<std::string, nlohmann::json>& values);

}  // namespace tarn::query
