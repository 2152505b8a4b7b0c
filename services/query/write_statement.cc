#include "services/query/write_statement.h"

#include <filesystem>
#include <optional>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/failpoint/failpoint.h"
#include "common/lake/durable_file.h"
#include "common/lake/parquet_writer.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/query/table_writer.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace wire = worker;

// Where a snapshot's summary names the query that made it.
constexpr char kSummaryKey[] = "query";
// And what asked for the query: a pipeline's step.
constexpr char kCauseKey[] = "cause";
// What the clocks of two hosts may differ by.
constexpr absl::Duration kClockSkew = absl::Minutes(1);

std::string TargetName(const Statement& statement) {
  return absl::StrCat(statement.target.database, ".", statement.target.table);
}

// The target as it stands; nothing where CREATE TABLE AS is to make it.
absl::StatusOr<std::optional<catalog::Table>> FindTarget(StatementSession& session) {
  const Statement& statement = session.statement();
  absl::StatusOr<catalog::Table> found = session.catalog().GetTable(
      statement.target.database, statement.target.table, session.credentials());
  if (found.ok()) return std::optional(*std::move(found));
  if (absl::IsNotFound(found.status()) && statement.kind == StatementKind::kCreateTableAs) {
    return std::nullopt;
  }
  return found.status();
}

// CREATE TABLE AS of a table that is there: an error, unless this very piece of work has made it.
absl::Status TableIsThere(StatementSession& session, const catalog::Table& existing) {
  const Statement& statement = session.statement();
  if (statement.if_exists) return absl::OkStatus();
  absl::Status exists =
      AlreadyExists("TABLE_EXISTS", absl::StrCat("table ", TargetName(statement),
                                                 " exists; use CREATE OR REPLACE TABLE or INSERT "
                                                 "INTO"));
  if (existing.type() != catalog::TABLE_TYPE_MANAGED) return exists;
  // The first try's commit, when there was one; the catalog makes nothing where the table is there.
  catalog::CommitTableRequest commit;
  commit.set_table(existing.name());
  commit.set_operation(catalog::SNAPSHOT_OPERATION_OVERWRITE);
  commit.set_request_id(session.CommitKey());
  catalog::Table* same = commit.mutable_create_or_replace();
  same->set_name(existing.name());
  same->set_uid(existing.uid());
  same->set_type(existing.type());
  *same->mutable_schema() = existing.schema();
  *same->mutable_partition_fields() = existing.partition_fields();
  commit.set_create_only(true);
  absl::StatusOr<catalog::CommitTableResponse> first =
      session.catalog().CommitTable(commit, session.credentials());
  if (absl::IsAlreadyExists(first.status())) return exists;
  TARN_RETURN_IF_ERROR(first.status());
  session.outcome().written_snapshot =
      absl::StrCat(TargetName(statement), "@", first->snapshot().snapshot_id());
  return absl::OkStatus();
}

// What an overwrite replaces. Planned after the query was bound: what the query reads is never
// newer than this.
absl::StatusOr<PlannedScan> PlanBase(StatementSession& session, const catalog::Table& existing) {
  catalog::PlanScanRequest request;
  request.set_table(existing.name());
  TARN_ASSIGN_OR_RETURN(PlannedScan base,
                        session.catalog().PlanScan(request, session.credentials()));
  const int64_t now = base.table.current_snapshot().snapshot_id();
  if (session.read_of_target().value_or(now) != now) {
    return Aborted("COMMIT_CONFLICT",
                   "the table was changed while the statement was planned; run it again");
  }
  return base;
}

// Has the worker write the files and moves them to where the table's files are.
absl::StatusOr<wire::Done> WriteFiles(StatementSession& session, wire::Execute execute,
                                      const TableWrite& write) {
  const std::string staging =
      absl::StrCat(std::filesystem::path(write.location).parent_path().string(), "/staging/",
                   session.context().query_id);
  TARN_ASSIGN_OR_RETURN(std::filesystem::path staging_folder, session.lake().Join(staging));
  TARN_ASSIGN_OR_RETURN(std::filesystem::path data_folder, session.lake().Join(write.location));
  // Nobody else uses this id: what stands there is of an attempt that was killed.
  lake::RemoveStaging(staging_folder);
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(staging_folder.parent_path()));
  wire::TableOutput* output = execute.mutable_table();
  output->set_directory(staging_folder.string());
  *output->mutable_fields() = write.fields;
  for (const std::string& source : write.sources) output->add_sources(source);
  *output->mutable_partition_fields() = write.partition_fields;
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, session.Worker());
  absl::StatusOr<wire::Done> done = worker->Execute(execute, session.context().stop, {});
  if (done.ok()) {
    if (absl::Status published = PublishFiles(*done, staging_folder, data_folder);
        !published.ok()) {
      done = published;
    }
  }
  lake::RemoveStaging(staging_folder);
  return done;
}

// Whoever failed, cancelled or timed out the query while its files were published was told that it
// has ended: then it must not commit.
absl::Status MayCommit(const ExecutionContext& context) {
  if (context.before_commit) TARN_RETURN_IF_ERROR(context.before_commit());
  if (context.stop.cancelled != nullptr && *context.stop.cancelled) {
    return MakeError(absl::StatusCode::kCancelled, "QUERY_CANCELLED", "the query was cancelled");
  }
  if (absl::Now() >= context.stop.deadline) {
    return DeadlineExceeded("QUERY_TIMED_OUT",
                            "the query's time was over; narrow it, or ask for a longer timeout");
  }
  return absl::OkStatus();
}

// Whether a call that ended so may have been done.
bool LeavesDoubt(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsUnknown(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsCancelled(status);
}

}  // namespace

absl::Status RunWriteStatement(StatementSession& session) {
  const Statement& statement = session.statement();
  TARN_ASSIGN_OR_RETURN(std::optional<catalog::Table> existing, FindTarget(session));
  if (existing.has_value() && statement.kind == StatementKind::kCreateTableAs &&
      !statement.or_replace) {
    return TableIsThere(session, *existing);
  }
  if (existing.has_value() && existing->type() != catalog::TABLE_TYPE_MANAGED) {
    return FailedPrecondition(
        "TABLE_NOT_MANAGED",
        absl::StrCat(TargetName(statement),
                     " is not a managed table, so it cannot be written; write another one"));
  }
  TARN_ASSIGN_OR_RETURN(wire::Execute execute, session.BoundQuery());
  std::optional<PlannedScan> base;
  if (statement.kind == StatementKind::kInsertOverwrite) {
    TARN_ASSIGN_OR_RETURN(base, PlanBase(session, *existing));
  }
  TARN_ASSIGN_OR_RETURN(WorkerProcess * worker, session.Worker());
  TARN_ASSIGN_OR_RETURN(wire::ResultSchema schema,
                        worker->Describe(execute, session.context().stop));
  TARN_ASSIGN_OR_RETURN(TableWrite write, PlanWrite(statement, schema, existing));
  if (write.location.empty()) {
    write.location = lake::LakePaths::TableData(session.spec().workspace, statement.target.database,
                                                statement.target.table, write.definition->uid());
  }
  TARN_ASSIGN_OR_RETURN(wire::Done done, WriteFiles(session, std::move(execute), write));
  TARN_RETURN_IF_ERROR(MayCommit(session.context()));
  TARN_RETURN_IF_FAILPOINT("query.write.before_commit");
  session.outcome().row_count = done.row_count();
  catalog::CommitTableRequest commit = CommitRequest(statement, write, done, base);
  commit.set_request_id(session.CommitKey());
  (*commit.mutable_summary())[kSummaryKey] = absl::StrCat("queries/", session.context().query_id);
  if (!session.spec().source.empty()) {
    (*commit.mutable_summary())[kCauseKey] = session.spec().source;
  }
  absl::StatusOr<catalog::CommitTableResponse> response =
      session.catalog().CommitTable(commit, session.credentials());
  session.outcome().commit_in_doubt = LeavesDoubt(response.status());
  TARN_RETURN_IF_ERROR(response.status());
  TARN_RETURN_IF_FAILPOINT("query.write.after_commit");
  session.outcome().written_snapshot =
      absl::StrCat(TargetName(statement), "@", response->snapshot().snapshot_id());
  return absl::OkStatus();
}

absl::StatusOr<std::optional<catalog::Snapshot>> FindCommitOf(const std::string& query_id,
                                                              const SqlName& target,
                                                              absl::Time begin,
                                                              CatalogClient& catalog,
                                                              const rpc::Credentials& credentials) {
  catalog::ListSnapshotsRequest request;
  request.set_parent(names::Table(target.database, target.table));
  request.set_page_size(1000);
  do {
    absl::StatusOr<catalog::ListSnapshotsResponse> page =
        catalog.ListSnapshots(request, credentials);
    if (absl::IsNotFound(page.status())) return std::nullopt;
    TARN_RETURN_IF_ERROR(page.status());
    for (catalog::Snapshot& snapshot : *page->mutable_snapshots()) {
      if (absl::FromUnixSeconds(snapshot.commit_time().seconds()) + kClockSkew < begin) {
        return std::nullopt;
      }
      const auto maker = snapshot.summary().find(kSummaryKey);
      if (maker != snapshot.summary().end() && maker->second == "queries/" + query_id) {
        return std::move(snapshot);
      }
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return std::nullopt;
}

}  // namespace tarn::query
