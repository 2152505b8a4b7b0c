// Which system columns (common/table_schema/system_columns.h) a query names. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace tarn::query {

// The system columns that `tree` names anywhere: only those must be readable, and only then must
// `*` be kept from them.
std::vector<std::string> SystemColumnsNamed(const nlohmann::json& tree);

}  // namespace tarn::query
