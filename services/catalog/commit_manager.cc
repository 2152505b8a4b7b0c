#include "services/catalog/commit_manager.h"

#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/events/event.h"
#include "common/failpoint/failpoint.h"
#include "common/lake/lake_paths.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/table_manager.h"

namespace tarn::catalog {
namespace {

constexpr int kMaxAttempts = 3;

// Whether `path` is a file of a managed table of this name:
// <workspace>/warehouse/<database>/<table>-<id>/data/…. No table's name has a dash, so no other
// table's files begin so.
bool LiesInTable(const std::string& path, const TableKey& key) {
  const std::string root =
      absl::StrCat(key.workspace, "/warehouse/", key.database, "/", key.table, "-");
  if (!absl::StartsWith(path, root)) return false;
  const size_t slash = path.find('/', root.size());
  return slash != std::string::npos && absl::StartsWith(path.substr(slash), "/data/");
}

// Files of a managed table lie in its folder, those that a crawl found in the workspace's landing
// area.
void ValidateFiles(const CommitParameters& commit, std::vector<FieldViolation>& violations) {
  const bool crawl = commit.operation == SnapshotOperation::kCrawl;
  const std::string landing = commit.key.workspace + "/landing/";
  std::set<std::string> paths;
  for (size_t i = 0; i < commit.added_files.size(); ++i) {
    const DataFile& file = commit.added_files[i];
    const std::string field = absl::StrCat("added_files[", i, "]");
    if (const absl::Status path = lake::ValidateRelativePath(file.path); !path.ok()) {
      violations.push_back({field + ".path", std::string(path.message())});
    } else if (crawl && !absl::StartsWith(file.path, landing)) {
      violations.push_back({field + ".path", "lies below " + landing});
    } else if (!crawl && !LiesInTable(file.path, commit.key)) {
      violations.push_back({field + ".path", "lies in the data folder of " + commit.key.SqlName()});
    }
    // What is derived is removed with the file, so it must be nothing else.
    const std::string derived_root = commit.key.workspace + "/derived/";
    if (!file.derived_path.empty() && (!lake::ValidateRelativePath(file.derived_path).ok() ||
                                       !absl::StartsWith(file.derived_path, derived_root))) {
      violations.push_back({field + ".derived_path", "lies below " + derived_root});
    }
    if (!paths.insert(file.path).second) {
      violations.push_back({field + ".path", "\"" + file.path + "\" is added twice"});
    }
    if (file.row_count < -1 || file.byte_count < 0) {
      violations.push_back({field, "counts are not negative (-1 rows: not known)"});
    }
  }
}

void ValidateEvolution(const SchemaEvolution& evolution, std::vector<FieldViolation>& violations) {
  ValidateFields("added_columns", evolution.columns, violations);
  for (size_t i = 0; i < evolution.fields.size(); ++i) {
    const std::string field = absl::StrCat("added_fields[", i, "]");
    if (evolution.fields[i].parent_id <= 0)
      violations.push_back({field + ".parent_id", "is required"});
    ValidateFields(field + ".field", {evolution.fields[i].field}, violations);
  }
  for (size_t i = 0; i < evolution.widened.size(); ++i) {
    if (evolution.widened[i].field_id <= 0) {
      violations.push_back({absl::StrCat("widened_fields[", i, "].field_id"), "is required"});
    }
  }
}

absl::Status ConflictError(const CommitParameters& commit, std::string_view what,
                           const std::string& file) {
  return Aborted("COMMIT_CONFLICT",
                 absl::StrCat(commit.key.SqlName(),
                              " has changed since the base snapshot: ", std::string(what), " ",
                              file, "; read the table again and repeat the change"),
                 {{"table", commit.key.SqlName()}, {"file", file}});
}

absl::Status LogError(const CommitParameters& commit, const CommitOutcome& outcome) {
  return MakeError(absl::StatusCode::kOutOfRange, outcome.outcome,
                   absl::StrCat("the log's records stand in ", commit.key.SqlName(),
                                " up to position ", outcome.detail, ", but the delivery begins at ",
                                commit.log_range->from, "; deliver from ", outcome.detail),
                   {{"table", commit.key.SqlName()}, {"position", outcome.detail}});
}

absl::Status OutcomeError(Transaction& txn, const CommitParameters& commit,
                          const CommitOutcome& outcome) {
  if (outcome.outcome == "TABLE_NOT_FOUND") return TableManager(txn).Get(commit.key).status();
  if (outcome.outcome == "REMOVED_FILE_GONE") {
    return ConflictError(commit, "a file to remove is gone,", outcome.detail);
  }
  if (outcome.outcome == "FILES_ADDED_SINCE") {
    return ConflictError(commit, "rows that may match were added with", outcome.detail);
  }
  if (outcome.outcome == "FILE_IS_GARBAGE") {
    return Aborted("COMMIT_CONFLICT",
                   outcome.detail +
                       " was written for a table that has been dropped since and is "
                       "to be removed with it; read " +
                       commit.key.SqlName() + " again and repeat the change",
                   {{"table", commit.key.SqlName()}, {"file", outcome.detail}});
  }
  if (absl::StartsWith(outcome.outcome, "LOG_POSITION_")) return LogError(commit, outcome);
  if (outcome.outcome == "SCHEMA_CHANGED") {
    return FailedPrecondition(
        "SCHEMA_CHANGED",
        "column " + outcome.detail + " of " + commit.key.SqlName() +
            " is gone or has changed since the files were written; write them again with the "
            "present schema",
        {{"table", commit.key.SqlName()}, {"column", outcome.detail}});
  }
  if (outcome.outcome == "SPEC_CHANGED") {
    return Aborted("COMMIT_CONFLICT",
                   commit.key.SqlName() +
                       " has been partitioned anew since the files were written; read the table "
                       "again and repeat the change",
                   {{"table", commit.key.SqlName()}});
  }
  if (outcome.outcome == "SNAPSHOT_NOT_FOUND") {
    return NotFound("SNAPSHOT_NOT_FOUND",
                    absl::StrCat(commit.key.SqlName(), " has no snapshot ", commit.base_snapshot_id,
                                 "; read the table again"),
                    {{"table", commit.key.SqlName()}});
  }
  if (outcome.outcome == "FILE_EXISTS") {
    return InvalidArgument("FILE_EXISTS",
                           outcome.detail + " is a file of " + commit.key.SqlName() + " already",
                           {{"file", outcome.detail}});
  }
  return InvalidArgument("WRONG_OPERATION",
                         "files of " + commit.key.SqlName() +
                             " are not changed in this way: only managed tables take commits, and "
                             "external ones crawls",
                         {{"table", commit.key.SqlName()}});
}

// The columns and spec of a replacement. All of its files are new, so its field ids are the
// committer's, or begin at 1 again, as those of a new table.
absl::StatusOr<Table> Replace(Transaction& txn, const Actor& actor, const Table& current,
                              const Table& wanted) {
  if (current.type != TableType::kManaged) {
    return InvalidArgument("WRONG_OPERATION",
                           current.key.SqlName() +
                               " is no managed table and cannot be replaced; "
                               "remove it first, or take another name",
                           {{"table", current.key.SqlName()}});
  }
  Table next = current;
  next.definition = wanted.definition;
  TARN_RETURN_IF_ERROR(ValidateTable(next));
  const int last_id = AssignFieldIds(next.definition.schema.fields, 0);
  if (!wanted.comment.empty()) next.comment = wanted.comment;
  if (!wanted.properties.empty()) next.properties = wanted.properties;
  next.definition.schema.schema_id = current.definition.schema.schema_id;
  if (next.definition == current.definition && next.comment == current.comment &&
      next.properties == current.properties) {
    return current;
  }
  TARN_ASSIGN_OR_RETURN(Table replaced,
                        TableManager(txn).Redefine(actor, next, next.definition,
                                                   std::max(last_id, current.last_field_id)));
  if (next.definition != current.definition) {
    TableStore(txn).MarkReplaced(replaced.uid, replaced.definition.schema.schema_id);
  }
  return replaced;
}

// Makes or replaces the table; `parameters` then commits to it.
absl::Status PrepareReplacement(Transaction& txn, const Actor& actor, const CommitRequest& request,
                                CommitParameters& parameters) {
  TableStore store(txn);
  std::optional<Table> current = store.Lock(parameters.key);
  if (!current) {
    Table table = *request.create_or_replace;
    table.key = parameters.key;
    const absl::Status created = TableManager(txn).Create(actor, std::move(table)).status();
    if (created.code() != absl::StatusCode::kAlreadyExists || request.create_only) return created;
    // Somebody else has made it in between.
    current = store.Lock(parameters.key);
    if (!current) return created;
  }
  if (store.HasCommit(current->uid, parameters.request_id)) return absl::OkStatus();
  if (request.create_only) {
    return AlreadyExists("TABLE_EXISTS", "table " + parameters.key.SqlName() + " exists already",
                         {{"table", parameters.key.SqlName()}});
  }
  TARN_RETURN_IF_ERROR(Replace(txn, actor, *current, *request.create_or_replace).status());
  parameters.remove_all = true;
  return absl::OkStatus();
}

absl::Status WideningInexact(const EvolvedSchema::IntegersToDouble& column, const TableKey& table,
                             const std::string& problem) {
  return FailedPrecondition("WIDENING_INEXACT",
                            "column " + column.path + " of " + table.SqlName() +
                                " stays long and does not become double: " + problem,
                            {{"table", table.SqlName()},
                             {"column", column.path},
                             {"field_id", std::to_string(column.field_id)}});
}

// Whether every reader goes on seeing each integer of the column exactly once it is a double. The
// table is locked, so its live files are all that are read by the new schema: snapshots before it
// keep theirs.
absl::Status CheckIntegersToDouble(TableStore& store, const Table& table,
                                   const EvolvedSchema::IntegersToDouble& column) {
  for (const PartitionField& partition : table.definition.partition_fields) {
    if (!column.nested && absl::EqualsIgnoreCase(partition.source, column.path)) {
      return WideningInexact(column, table.key, "the table is partitioned by it");
    }
  }
  const std::optional<std::string> file = store.FindFileBeyond(
      table.uid, column.field_id, /*may_be_missing=*/!column.nested, kMaxExactDouble);
  if (!file) return absl::OkStatus();
  return WideningInexact(
      column, table.key,
      absl::StrCat("the bounds of ", *file, " do not say that its integers lie within ",
                   kMaxExactDouble, " (2^53), beyond which a double bends them"));
}

// Changes the definition as the commit asks, whose files are then of the table's new schema when
// they were written for the one before it.
absl::Status PrepareEvolution(Transaction& txn, const Actor& actor, const CommitRequest& request,
                              CommitParameters& parameters) {
  TableManager tables(txn);
  TARN_ASSIGN_OR_RETURN(const Table current, tables.Lock(parameters.key));
  TableStore store(txn);
  if (store.HasCommit(current.uid, parameters.request_id)) return absl::OkStatus();
  TARN_ASSIGN_OR_RETURN(EvolvedSchema evolved, Evolve(current.definition.schema.fields,
                                                      current.last_field_id, request.evolution));
  if (!evolved.change.changed) return absl::OkStatus();
  if (current.type != TableType::kManaged) return absl::OkStatus();  // the commit says why not
  for (const EvolvedSchema::IntegersToDouble& column : evolved.integers_to_double) {
    TARN_RETURN_IF_ERROR(CheckIntegersToDouble(store, current, column));
  }
  Table next = current;
  next.definition.schema.fields = std::move(evolved.change.fields);
  TARN_RETURN_IF_ERROR(ValidateTable(next));
  TARN_ASSIGN_OR_RETURN(const Table evolved_table, tables.Redefine(actor, current, next.definition,
                                                                   evolved.change.last_field_id));
  if (parameters.schema_id == current.definition.schema.schema_id) {
    parameters.schema_id = evolved_table.definition.schema.schema_id;
  }
  return absl::OkStatus();
}

absl::StatusOr<CommitResult> Apply(Transaction& txn, const CommitParameters& parameters) {
  TARN_RETURN_IF_FAILPOINT("catalog.commit.before");
  TARN_ASSIGN_OR_RETURN(CommitOutcome outcome, TableStore(txn).Commit(parameters));
  if (!outcome.snapshot) return OutcomeError(txn, parameters, outcome);
  txn.NotifyAfterCommit(std::string(events::kChannel));
  return CommitResult{*std::move(outcome.table), *std::move(outcome.snapshot),
                      outcome.outcome == "REPLAYED"};
}

}  // namespace

absl::Status ValidateCommit(const CommitRequest& request) {
  const CommitParameters& commit = request.parameters;
  std::vector<FieldViolation> violations;
  if (commit.request_id.empty()) {
    violations.push_back({"request_id", "is required: it makes a retry return the first result"});
  }
  ValidateFiles(commit, violations);
  const bool removes = !commit.removed_paths.empty();
  if (commit.operation == SnapshotOperation::kAppend && removes) {
    violations.push_back({"removed_paths", "an append removes nothing"});
  }
  if (commit.log_range) {
    if (commit.log_range->log_id.empty()) {
      violations.push_back({"log_range.log_id", "is required"});
    }
    if (commit.log_range->from < 0 || commit.log_range->to <= commit.log_range->from) {
      violations.push_back({"log_range", "0 <= from_position < to_position"});
    }
  }
  if (request.create_or_replace) {
    if (request.create_or_replace->type != TableType::kManaged) {
      violations.push_back({"create_or_replace.type", "is TABLE_TYPE_MANAGED"});
    }
    if (removes || commit.base_snapshot_id != 0 || !request.evolution.empty()) {
      violations.push_back(
          {"create_or_replace", "goes with neither a base, removed_paths nor changes of columns"});
    }
  } else if (request.create_only) {
    violations.push_back({"create_only", "goes with create_or_replace"});
  }
  ValidateEvolution(request.evolution, violations);
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

absl::StatusOr<CommitResult> CommitManager::CommitIn(Transaction& txn, const Actor& actor,
                                                     const CommitRequest& request) {
  TARN_RETURN_IF_ERROR(ValidateCommit(request));
  CommitParameters parameters = request.parameters;
  if (request.create_or_replace) {
    TARN_RETURN_IF_ERROR(PrepareReplacement(txn, actor, request, parameters));
  } else if (!request.evolution.empty()) {
    TARN_RETURN_IF_ERROR(PrepareEvolution(txn, actor, request, parameters));
  }
  return Apply(txn, parameters);
}

absl::StatusOr<CommitResult> CommitManager::CommitOfOlderSchema(Transaction& txn,
                                                                const CommitParameters& written) {
  TARN_ASSIGN_OR_RETURN(const Table current, TableManager(txn).Lock(written.key));
  CommitParameters parameters = written;
  TARN_ASSIGN_OR_RETURN(const TableDefinition old,
                        TableStore(txn).DefinitionOf(current.uid, *written.schema_id));
  if (old.partition_fields == current.definition.partition_fields &&
      StillReads(old.schema.fields, current.definition.schema.fields)) {
    parameters.schema_id = current.definition.schema.schema_id;
  }
  return Apply(txn, parameters);
}

absl::StatusOr<CommitResult> CommitManager::Commit(const Actor& actor,
                                                   const CommitRequest& request) {
  const bool one_statement = !request.create_or_replace && request.evolution.empty();
  // The request id makes it safe to ask again when a lost connection hides the outcome.
  const auto run = [&](bool autocommit, const auto& commit) {
    for (int attempt = 1;; ++attempt) {
      absl::StatusOr<CommitResult> result = pool_.Run(
          {.autocommit = autocommit}, [&](Transaction& txn) -> absl::StatusOr<CommitResult> {
            TARN_ASSIGN_OR_RETURN(CommitResult committed, commit(txn));
            TARN_FAILPOINT("catalog.commit.before_durable");
            return committed;
          });
      TARN_FAILPOINT("catalog.commit.after_durable");
      if (result.status().code() != absl::StatusCode::kUnknown || attempt == kMaxAttempts) {
        return result;
      }
    }
  };
  absl::StatusOr<CommitResult> result =
      run(one_statement, [&](Transaction& txn) { return CommitIn(txn, actor, request); });
  const bool schema_differs = ErrorReason(result.status()) == "SCHEMA_CHANGED";
  if (!schema_differs || !one_statement || !request.parameters.schema_id) return result;
  return run(false, [&](Transaction& txn) { return CommitOfOlderSchema(txn, request.parameters); });
}

}  // namespace tarn::catalog
