// What one statement has while it runs: the worker that it leased, the catalog with its caller's
// token, and the way from the text of a query to a tree with every table bound to its files. One
// thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "common/lake/lake_paths.h"
#include "common/rpc/credentials.h"
#include "common/sql_expression/table_binder.h"
#include "services/query/catalog_client.h"
#include "services/query/query_spec.h"
#include "services/query/sql/scan_predicates.h"
#include "services/query/sql/statement.h"
#include "services/query/worker/worker_protocol.pb.h"
#include "services/query/worker_pool.h"

namespace tarn::query {

using sql_expression::TableReader;

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
  // Asked before a commit, when the files stand: an error, and nothing is committed. Optional.
  std::function<absl::Status()> before_commit;
  StopConditions stop;
};

// What all statements run on; outlives them.
struct ExecutionResources {
  WorkerPool& workers;
  CatalogClient& catalog;
  const lake::LakePaths lake;
  const int threads_per_query;
};

class StatementSession {
 public:
  // All references outlive the session. `statement` has its target's database filled in.
  StatementSession(ExecutionResources& resources, const QuerySpec& spec,
                   const ExecutionContext& context, const RowSink& sink, Statement statement,
                   QueryOutcome& outcome)
      : resources_(resources),
        spec_(spec),
        context_(context),
        sink_(sink),
        statement_(std::move(statement)),
        outcome_(outcome),
        export_folder_(
            spec.export_format.empty()
                ? ""
                : lake::LakePaths::Results(spec.workspace, absl::Now(), context.query_id)) {}

  const QuerySpec& spec() const { return spec_; }
  const ExecutionContext& context() const { return context_; }
  const RowSink& sink() const { return sink_; }
  const Statement& statement() const { return statement_; }
  QueryOutcome& outcome() { return outcome_; }
  CatalogClient& catalog() { return resources_.catalog; }
  const lake::LakePaths& lake() const { return resources_.lake; }
  rpc::Credentials credentials() const { return context_.credentials(); }

  // The idempotency key of a change of the catalog that is no commit.
  std::string RequestId() const;
  // Of a commit: the same for every try of one piece of work, which may be several queries.
  std::string CommitKey() const;

  // Where an export writes its file, relative to the lake's root; empty for other statements.
  const std::string& export_folder() const { return export_folder_; }

  // The worker, leased at the first call. That of an export may write into its folder.
  absl::StatusOr<WorkerProcess*> Worker();

  // The statement's embedded query, parsed, with parameters and tables bound, ready to get an
  // output. What it reads and when it was ready is noted in the outcome.
  absl::StatusOr<worker::Execute> BoundQuery();
  // When BoundQuery was done; infinitely past before.
  absl::Time execution_begin() const { return execution_begin_; }

  // The snapshot at which BoundQuery reads the statement's own target, where it reads the newest.
  std::optional<int64_t> read_of_target() const { return read_of_target_; }

 private:
  absl::StatusOr<WorkerPool::Lease> LeaseWorker();
  absl::StatusOr<nlohmann::json> Bind(const std::string& sql, const std::string& default_database,
                                      bool with_parameters, int depth);
  // The node that reads one table or view, with those of its system columns that are named.
  // Files in which no row can meet the conjuncts are left out.
  absl::StatusOr<TableReader> Reader(const TableReference& reference,
                                     const std::vector<std::string>& system_columns,
                                     const std::vector<Conjunct>& conjuncts, int depth);
  // However often a table is planned, a statement sees one snapshot of it. A view has no files.
  absl::StatusOr<PlannedScan> Plan(const TableReference& reference,
                                   const std::vector<Conjunct>& conjuncts);
  // The snapshot that was asked for, or the one that was read before.
  absl::StatusOr<::tarn::catalog::v1::PlanScanRequest> ScanRequest(const TableReference& reference);
  void NoteScan(const TableReference& reference, const PlannedScan& scan);
  absl::StatusOr<nlohmann::json> ParseNode(const std::string& sql);

  ExecutionResources& resources_;
  const QuerySpec& spec_;
  const ExecutionContext& context_;
  const RowSink& sink_;
  const Statement statement_;
  QueryOutcome& outcome_;
  const std::string export_folder_;
  std::optional<WorkerPool::Lease> worker_;
  // What was read of each table: 0 stands for a table before its first commit.
  std::map<TableReference, int64_t> snapshots_;
  std::map<std::tuple<TableReference, std::vector<std::string>, std::vector<Conjunct>>, TableReader>
      readers_;
  std::optional<int64_t> read_of_target_;
  absl::Time execution_begin_ = absl::InfinitePast();
};

}  // namespace tarn::query
