// Runs one statement from its text to its end: parse, bind through the catalog, plan, run in a
// worker, and for a statement that writes, publish the files and commit them. Knows nothing of
// queues, history or RPCs. Thread safe.
#pragma once

#include <functional>
#include <string>

#include <absl/status/status.h>

#include "common/lake/lake_paths.h"
#include "common/rpc/credentials.h"
#include "services/query/catalog_client.h"
#include "services/query/query_spec.h"
#include "services/query/worker_pool.h"

namespace tarn::query {

// Where a statement's rows go. An error of a callback stops the statement.
struct RowSink {
  RowFormat format = RowFormat::kJsonRows;
  std::function<absl::Status(const std::vector<ResultColumnInfo>&)> on_columns;
  std::function<absl::Status(std::string data, int64_t row_count)> on_rows;
};

struct ExecutionContext {
  // Unique; the idempotency key of what the statement commits.
  std::string query_id;
  // Asked for before every call to the catalog, since a token may end while the statement runs.
  // Where none can be had, the old one is given, and the catalog's refusal says so.
  std::function<rpc::Credentials()> credentials;
  StopConditions stop;
};

class StatementExecutor {
 public:
  StatementExecutor(WorkerPool& workers, CatalogClient& catalog, lake::LakePaths lake,
                    int threads_per_query)
      : workers_(workers),
        catalog_(catalog),
        lake_(std::move(lake)),
        threads_per_query_(threads_per_query) {}

  // `outcome` is filled in as far as the statement comes. Errors carry reasons: SQL_ERROR,
  // STATEMENT_NOT_SUPPORTED, FUNCTION_NOT_ALLOWED, TABLE_NOT_FOUND, TABLE_NOT_MANAGED,
  // COLUMN_MISMATCH, TYPE_NOT_SUPPORTED, RESULT_TOO_LARGE, …
  absl::Status Execute(const QuerySpec& spec, const ExecutionContext& context, const RowSink& sink,
                       QueryOutcome* outcome);

 private:
  class Run;

  WorkerPool& workers_;
  CatalogClient& catalog_;
  const lake::LakePaths lake_;
  const int threads_per_query_;
};

}  // namespace tarn::query
