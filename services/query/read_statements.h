// Statements that return rows: SELECT (also into a file), EXPLAIN, DESCRIBE and SHOW.
#pragma once

#include <absl/status/status.h>

#include "services/query/statement_session.h"

namespace tarn::query {

// Runs the session's statement, of one of these kinds, to its end; rows go to the session's sink.
absl::Status RunReadStatement(StatementSession& session);

}  // namespace tarn::query
