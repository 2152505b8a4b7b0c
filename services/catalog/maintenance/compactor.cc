#include "services/catalog/maintenance/compactor.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "tarn/catalog/v1/snapshot.pb.h"
#include "tarn/catalog/v1/table.pb.h"

#include "common/duckdb/sql_text.h"
#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/lake/hive_partition.h"
#include "common/lake/parquet_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/table_reader.h"
#include "services/catalog/commit_manager.h"
#include "services/catalog/history/origin_store.h"
#include "services/catalog/maintenance/stop_watcher.h"
#include "services/catalog/scan_planner.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr int kMaxAttempts = 5;
constexpr absl::Duration kStopInterval = absl::Milliseconds(500);

std::string OrderBy(const std::vector<SortField>& sort_fields) {
  std::string order;
  for (const SortField& field : sort_fields) {
    absl::StrAppend(&order, order.empty() ? "" : ", ", duckdb::QuoteIdentifier(field.source),
                    field.descending ? " DESC" : "");
  }
  return order;
}

std::string PartitionFolder(const PartitionTuple& partition) {
  std::vector<lake::PartitionValue> values;
  for (const PartitionValue& value : partition) values.push_back({value.name, value.value});
  return lake::PartitionPath(values);
}

const Field* FindLeaf(const std::vector<Field>& fields, const std::vector<std::string>& path) {
  const std::vector<Field>* level = &fields;
  const Field* found = nullptr;
  for (const std::string& name : path) {
    const auto next = std::find_if(level->begin(), level->end(),
                                   [&](const Field& field) { return field.name == name; });
    if (next == level->end()) return nullptr;
    found = &*next;
    level = &found->fields;
  }
  return found;
}

int64_t RowsOf(const std::vector<DataFile>& files) {
  int64_t rows = 0;
  for (const DataFile& file : files) rows += file.row_count;
  return rows;
}

absl::Status Stopped() {
  return MakeError(absl::StatusCode::kCancelled, "JOB_STOPPED", "the job was stopped");
}

absl::Status RowsDiffer(const Table& table, int64_t before, int64_t after) {
  return Internal("ROWS_DIFFER",
                  absl::StrCat("compaction of ", table.key.SqlName(), " read ", before,
                               " rows and wrote ", after, "; nothing was changed"));
}

}  // namespace

std::vector<ColumnStatistics> StatisticsOf(const lake::WrittenFile& file,
                                           const std::vector<Field>& fields) {
  std::vector<ColumnStatistics> columns;
  for (const lake::ColumnStats& stats : file.columns) {
    const Field* field = FindLeaf(fields, stats.path);
    if (field == nullptr) continue;
    ColumnStatistics column{
        .field_id = field->id, .lower_bound = stats.lower, .upper_bound = stats.upper};
    if (stats.null_count) column.null_count = static_cast<int64_t>(*stats.null_count);
    columns.push_back(std::move(column));
  }
  return columns;
}

absl::StatusOr<std::vector<DataFile>> Compactor::Rewrite(const Table& table,
                                                         const CompactionGroup& group,
                                                         const MaintenanceJob& job,
                                                         const std::function<bool()>& stop) {
  v1::Table proto;
  ToProto(table, &proto);
  std::vector<v1::DataFile> sources(group.files.size());
  for (size_t i = 0; i < group.files.size(); ++i) ToProto(group.files[i], &sources[i]);

  const std::filesystem::path staging =
      lake_.root() / lake::LakePaths::TableStaging(table.key.workspace, table.key.database,
                                                   table.key.table, table.uid,
                                                   job.id + "-" + NewShortId());
  std::string folder = table.location;
  if (!group.partition.empty()) absl::StrAppend(&folder, "/", PartitionFolder(group.partition));

  const auto write = [&]() -> absl::StatusOr<std::vector<DataFile>> {
    TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine_.Connect());
    const StopWatcher watcher(connection, stop, kStopInterval);
    TARN_ASSIGN_OR_RETURN(
        std::vector<lake::WrittenFile> written,
        lake::WriteParquet(connection,
                           table_schema::ReaderSql(proto, sources, lake_.root().string()), staging,
                           {.field_ids = table_schema::FieldIdsSpec(proto.schema().fields()),
                            .order_by = OrderBy(table.definition.sort_fields),
                            .max_file_bytes = uint64_t{1} << 50}));
    TARN_RETURN_IF_ERROR(lake::PublishWrittenFiles(written, lake_.root() / folder));
    std::vector<DataFile> files;
    for (const lake::WrittenFile& file : written) {
      files.push_back({.path = folder + "/" + file.relative_path,
                       .row_count = static_cast<int64_t>(file.row_count),
                       .byte_count = static_cast<int64_t>(file.bytes),
                       .partition = group.partition,
                       .columns = StatisticsOf(file, table.definition.schema.fields)});
    }
    return files;
  };
  absl::StatusOr<std::vector<DataFile>> files = write();
  lake::RemoveStaging(staging);
  if (ErrorReason(files.status()) == duckdb::kInterrupted) return Stopped();
  return files;
}

absl::Status Compactor::KeepOrigins(const Table& table, const CompactionGroup& group,
                                    std::vector<DataFile>& files) {
  std::vector<std::string> paths;
  for (const DataFile& file : group.files) paths.push_back(file.path);
  TARN_ASSIGN_OR_RETURN(
      std::vector<FileOrigin> origins,
      pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<FileOrigin>> {
        return OriginStore(txn).OfLiveFiles(table.uid, paths);
      }));
  origins = MergeOrigins(std::move(origins));
  // Of several files nobody knows which rows went into which.
  if (files.size() > 1) {
    for (FileOrigin& origin : origins) origin.row_count = -1;
  }
  for (DataFile& file : files) file.origins = origins;
  return absl::OkStatus();
}

absl::Status Compactor::Attempt(MaintenanceJob& job, int attempt,
                                const std::function<bool()>& stop) {
  TARN_ASSIGN_OR_RETURN(const ScanPlan plan, pool_.RunReadOnly([&](Transaction& txn) {
    return PlanFiles(txn, {.key = job.table});
  }));
  job.files_before = plan.total_files;
  job.files_after = plan.total_files;
  const std::vector<CompactionGroup> groups =
      PlanCompaction(plan.files, job.target_file_bytes, job.partitions);
  if (groups.empty()) return absl::OkStatus();

  CommitRequest commit;
  commit.parameters = {.key = job.table,
                       .request_id = absl::StrCat("job-", job.id, "-", attempt, "-", NewShortId()),
                       .operation = SnapshotOperation::kReplace,
                       .base_snapshot_id = plan.table.current_snapshot->id,
                       .schema_id = plan.table.definition.schema.schema_id,
                       .summary = {{"job", job.id}},
                       .committed_by = job.owner};
  job.rewritten_rows = 0;
  for (const CompactionGroup& group : groups) {
    if (stop()) return Stopped();
    TARN_ASSIGN_OR_RETURN(std::vector<DataFile> files, Rewrite(plan.table, group, job, stop));
    TARN_RETURN_IF_ERROR(KeepOrigins(plan.table, group, files));
    const int64_t rows = RowsOf(files);
    if (rows != RowsOf(group.files)) return RowsDiffer(plan.table, RowsOf(group.files), rows);
    job.rewritten_rows += rows;
    for (const DataFile& file : group.files) {
      commit.parameters.removed_paths.push_back(file.path);
    }
    for (DataFile& file : files) commit.parameters.added_files.push_back(std::move(file));
  }
  if (stop()) return Stopped();
  TARN_RETURN_IF_FAILPOINT("catalog.compaction.before_commit");
  const Actor actor{job.table.workspace, job.owner, ""};
  TARN_ASSIGN_OR_RETURN(const CommitResult result, CommitManager(pool_).Commit(actor, commit));
  job.files_after = result.snapshot.total_files;
  return absl::OkStatus();
}

absl::Status Compactor::Run(MaintenanceJob& job, const std::function<bool()>& stop) {
  for (int attempt = 1;; ++attempt) {
    const absl::Status status = Attempt(job, attempt, stop);
    const std::string reason = ErrorReason(status);
    const bool changed = reason == "COMMIT_CONFLICT" || reason == "SCHEMA_CHANGED";
    if (!changed || attempt == kMaxAttempts) return status;
  }
}

}  // namespace tarn::catalog
