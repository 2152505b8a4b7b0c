// Statements that write rows: CREATE TABLE AS, INSERT and INSERT OVERWRITE.
//
// A worker writes Parquet into a staging folder beside the table; the files are flushed, renamed
// and committed in one call. A kill between any two of these leaves garbage that no snapshot names.
#pragma once

#include <absl/status/status.h>

#include "services/query/statement_session.h"

namespace tarn::query {

// Runs the session's statement, of one of these kinds, to its end. A statement that is cancelled,
// whose time is over or whose query is no longer this process's (ExecutionContext::before_commit)
// is not committed. FAILED_PRECONDITION TABLE_NOT_MANAGED, ALREADY_EXISTS TABLE_EXISTS, ABORTED
// COMMIT_CONFLICT, and the errors of PlanWrite.
absl::Status RunWriteStatement(StatementSession& session);

}  // namespace tarn::query
