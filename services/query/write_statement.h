// Statements that write rows: CREATE TABLE AS, INSERT and INSERT OVERWRITE.
//
// A worker writes Parquet into a staging folder beside the table; the files are flushed, renamed
// and committed in one call. A kill between any two of these leaves garbage that no snapshot names.
#pragma once

#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/query/statement_session.h"

namespace tarn::query {

// Runs the session's statement, of one of these kinds, to its end. A statement that is cancelled,
// whose time is over or whose query is no longer this process's (ExecutionContext::before_commit)
// is not committed. FAILED_PRECONDITION TABLE_NOT_MANAGED, ALREADY_EXISTS TABLE_EXISTS, ABORTED
// COMMIT_CONFLICT, and the errors of PlanWrite.
absl::Status RunWriteStatement(StatementSession& session);

// The snapshot that a query has committed to its target since `begin`, by what its summary says;
// nothing when there is none, or no such table.
absl::StatusOr<std::optional<::tarn::catalog::v1::Snapshot>> FindCommitOf(
    const std::string& query_id, const SqlName& target, absl::Time begin, CatalogClient& catalog,
    const rpc::Credentials& credentials);

}  // namespace tarn::query
