// Statements that change what the catalog holds without writing rows: CREATE and DROP of databases,
// tables and views.
#pragma once

#include <absl/status/status.h>

#include "services/query/statement_session.h"

namespace tarn::query {

// Runs the session's statement, of one of these kinds, to its end. Errors are the catalog's, and
// WRONG_KIND for a DROP or REPLACE of a table as a view, or the other way round.
absl::Status RunChangeStatement(StatementSession& session);

}  // namespace tarn::query
