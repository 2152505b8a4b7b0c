#include "services/catalog/maintenance/maintenance_store.h"

#include <nlohmann/json.hpp>

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "services/catalog/json_columns.h"

namespace tarn::catalog {
namespace {

const char kSelect[] =
    "SELECT j.*, t.database, t.name AS table_name FROM catalog.maintenance_jobs j "
    "JOIN catalog.tables t ON t.uid = j.table_uid ";

MaintenanceJob ReadJob(const Row& row) {
  MaintenanceJob job{.id = row.Get<std::string>("job"),
                     .table = {row.Get<std::string>("workspace"), row.Get<std::string>("database"),
                               row.Get<std::string>("table_name")},
                     .table_uid = row.Get<std::string>("table_uid"),
                     .kind = static_cast<MaintenanceKind>(row.Get<int>("kind")),
                     .target_file_bytes = row.Get<int64_t>("target_file_bytes"),
                     .execution = ReadExecution(row),
                     .owner = row.Get<std::string>("owner"),
                     .files_before = row.Get<int64_t>("files_before"),
                     .files_after = row.Get<int64_t>("files_after"),
                     .rewritten_rows = row.Get<int64_t>("rewritten_rows")};
  for (const auto& partition : nlohmann::json::parse(row.Get<std::string>("partitions"))) {
    job.partitions.push_back(PartitionFromJson(partition.dump()));
  }
  return job;
}

}  // namespace

absl::Status JobCancelled() {
  return MakeError(absl::StatusCode::kCancelled, "JOB_CANCELLED",
                   "the job was cancelled; the table's rows are as they were");
}

void MaintenanceStore::Insert(const MaintenanceJob& job) {
  txn_.Exec(
      "INSERT INTO catalog.maintenance_jobs (workspace, job, table_uid, kind, target_file_bytes, "
      "partitions, owner) VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7)",
      job.table.workspace, job.id, job.table_uid, static_cast<int>(job.kind), job.target_file_bytes,
      PartitionsToJson(job.partitions), job.owner);
}

std::optional<MaintenanceJob> MaintenanceStore::Find(const std::string& workspace,
                                                     const std::string& id) {
  if (!IsUuid(id)) return std::nullopt;
  const Result rows =
      txn_.Exec(std::string(kSelect) + "WHERE j.workspace = $1 AND j.job = $2", workspace, id);
  if (rows.empty()) return std::nullopt;
  return ReadJob(rows[0]);
}

std::vector<MaintenanceJob> MaintenanceStore::List(const std::string& table_uid,
                                                   const std::string& before, int limit) {
  std::optional<std::string> bound;
  if (!before.empty()) bound = before;
  std::vector<MaintenanceJob> jobs;
  // Ids ascend with time.
  for (const Row row :
       txn_.Exec(std::string(kSelect) + "WHERE j.table_uid = $1 AND ($2::uuid IS NULL OR j.job < "
                                        "$2::uuid) ORDER BY j.job DESC LIMIT $3",
                 table_uid, bound, limit)) {
    jobs.push_back(ReadJob(row));
  }
  return jobs;
}

void MaintenanceStore::RequestCancel(const std::string& workspace, const std::string& id) {
  txn_.Exec(
      "UPDATE catalog.maintenance_jobs SET cancel_requested = true, end_time = CASE WHEN state = 1 "
      "THEN now() END, error = CASE WHEN state = 1 THEN $3::jsonb END, state = CASE WHEN state = 1 "
      "THEN 5 ELSE state END WHERE workspace = $1 AND job = $2 AND state <= 2",
      workspace, id, ErrorToJson(JobCancelled()));
}

bool MaintenanceStore::CancelRequested(const std::string& workspace, const std::string& id) {
  const Result rows = txn_.Exec(
      "SELECT cancel_requested FROM catalog.maintenance_jobs WHERE workspace = $1 AND job = $2",
      workspace, id);
  return rows.empty() || rows[0].Get<bool>("cancel_requested");
}

std::optional<Lease> MaintenanceStore::Claim(const std::string& holder, absl::Duration ttl) {
  std::optional<Lease> lease = ClaimNext(txn_, Leases(), holder, ttl,
                                         {.where = "l.state <= 2", .order_by = "l.create_time"});
  if (lease) {
    txn_.Exec(
        "UPDATE catalog.maintenance_jobs SET state = 2, start_time = coalesce(start_time, now()) "
        "WHERE workspace = $1 AND job = $2",
        lease->key[0], lease->key[1]);
  }
  return lease;
}

void MaintenanceStore::Finish(const std::string& workspace, const MaintenanceJob& job,
                              const absl::Status& error) {
  const ExecutionState state = error.ok()                 ? ExecutionState::kSucceeded
                               : absl::IsCancelled(error) ? ExecutionState::kCancelled
                                                          : ExecutionState::kFailed;
  txn_.Exec(
      "UPDATE catalog.maintenance_jobs SET state = $3, end_time = now(), error = $4::jsonb, "
      "files_before = $5, files_after = $6, rewritten_rows = $7, lease_holder = NULL, "
      "lease_expires_at = NULL WHERE workspace = $1 AND job = $2",
      workspace, job.id, static_cast<int>(state), ErrorToJson(error), job.files_before,
      job.files_after, job.rewritten_rows);
}

}  // namespace tarn::catalog
