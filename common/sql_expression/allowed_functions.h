// The functions that users' SQL may call. The engine has others: some read files or settings, run
// text as SQL, show hidden values (stats), sleep or write. What is not on the list does not run, so
// that an upgrade of the engine opens nothing. Names are in lower case. Pure; any thread.
#pragma once

#include <string_view>

namespace tarn::sql_expression {

// Scalar functions, operators, aggregates, window functions and the engine's own scalar macros.
bool IsAllowedFunction(std::string_view name);

// Functions in FROM: none of them reads anything.
bool IsAllowedTableFunction(std::string_view name);

}  // namespace tarn::sql_expression
