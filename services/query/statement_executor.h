// Runs one statement from its text to its end: tells what it is and hands it to those who run such
// statements (read_statements, change_statements, write_statement). Knows nothing of queues,
// history or RPCs. Thread safe.
#pragma once

#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/query/statement_session.h"

namespace tarn::query {

class StatementExecutor {
 public:
  StatementExecutor(WorkerPool& workers, CatalogClient& catalog, lake::LakePaths lake,
                    int threads_per_query)
      : resources_{workers, catalog, std::move(lake), threads_per_query} {}

  // `outcome` is filled in as far as the statement comes. Errors carry reasons: SQL_ERROR,
  // STATEMENT_NOT_SUPPORTED, FUNCTION_NOT_ALLOWED, TABLE_NOT_FOUND, TABLE_NOT_MANAGED,
  // COLUMN_MISMATCH, TYPE_NOT_SUPPORTED, RESULT_TOO_LARGE, …
  absl::Status Execute(const QuerySpec& spec, const ExecutionContext& context, const RowSink& sink,
                       QueryOutcome* outcome);

  // What the statement of a query that was begun at `begin` has committed, whoever ran it; nothing
  // where it has not, or writes no rows. Errors: those of the catalog.
  absl::StatusOr<std::optional<QueryOutcome>> FindCommitted(const QuerySpec& spec,
                                                            const std::string& query_id,
                                                            absl::Time begin,
                                                            const rpc::Credentials& credentials);

 private:
  ExecutionResources resources_;
};

}  // namespace tarn::query
