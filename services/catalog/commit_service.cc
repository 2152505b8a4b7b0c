// CommitTable, snapshots and PlanScan.
#include <absl/strings/str_cat.h>

#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/catalog_metrics.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/live_file_cache.h"
#include "services/catalog/scan_planner.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_proto.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {
namespace {

constexpr int kFilesPerMessage = 1000;
constexpr char kSnapshotPattern[] = "databases/{database}/tables/{table}/snapshots/{snapshot}";

SchemaEvolution EvolutionFromProto(const v1::CommitTableRequest& proto,
                                   std::vector<FieldViolation>& violations) {
  SchemaEvolution evolution;
  for (int i = 0; i < proto.added_columns_size(); ++i) {
    evolution.columns.push_back(
        FieldFromProto(proto.added_columns(i), absl::StrCat("added_columns[", i, "]"), violations));
  }
  for (int i = 0; i < proto.added_fields_size(); ++i) {
    const v1::AddedField& added = proto.added_fields(i);
    evolution.fields.push_back(
        {added.parent_id(),
         FieldFromProto(added.field(), absl::StrCat("added_fields[", i, "].field"), violations)});
  }
  for (int i = 0; i < proto.widened_fields_size(); ++i) {
    const v1::WidenedField& widened = proto.widened_fields(i);
    if (const auto type = ParseColumnType(widened.type()); type.ok()) {
      evolution.widened.push_back({widened.field_id(), *type});
    } else {
      violations.push_back(
          {absl::StrCat("widened_fields[", i, "].type"), std::string(type.status().message())});
    }
  }
  return evolution;
}

absl::StatusOr<CommitRequest> CommitFromProto(const Actor& actor,
                                              const v1::CommitTableRequest& proto) {
  TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(proto.table()));
  CommitRequest commit;
  CommitParameters& parameters = commit.parameters;
  parameters.key = {actor.workspace, id.database, id.table};
  parameters.request_id = proto.request_id();
  parameters.committed_by = actor.user;
  parameters.call_request_id = actor.request_id;
  parameters.base_snapshot_id = proto.base_snapshot_id();
  if (proto.has_schema_id()) parameters.schema_id = proto.schema_id();
  parameters.summary.insert(proto.summary().begin(), proto.summary().end());
  parameters.removed_paths.assign(proto.removed_paths().begin(), proto.removed_paths().end());
  for (const v1::DataFile& file : proto.added_files()) {
    parameters.added_files.push_back(DataFileFromProto(file));
  }
  parameters.conflict_whole_table = proto.conflict_filter().whole_table();
  for (const v1::PartitionTuple& tuple : proto.conflict_filter().partitions()) {
    parameters.conflict_partitions.push_back(PartitionTupleFromProto(tuple));
  }
  if (proto.has_log_range()) {
    parameters.log_range = {proto.log_range().log_id(), proto.log_range().from_position(),
                            proto.log_range().to_position()};
  }
  std::vector<FieldViolation> violations;
  if (proto.operation() < v1::SNAPSHOT_OPERATION_APPEND ||
      proto.operation() > v1::SNAPSHOT_OPERATION_DELETE) {
    violations.push_back({"operation", "is one of APPEND, OVERWRITE, REPLACE, DELETE"});
  }
  parameters.operation = static_cast<SnapshotOperation>(proto.operation());
  commit.evolution = EvolutionFromProto(proto, violations);
  if (!violations.empty()) return InvalidFields(std::move(violations));
  commit.create_only = proto.create_only();
  if (proto.has_create_or_replace()) {
    v1::Table wanted = proto.create_or_replace();
    if (wanted.name().empty()) wanted.set_name(proto.table());
    TARN_ASSIGN_OR_RETURN(commit.create_or_replace,
                          TableFromProto(wanted, actor.workspace, "create_or_replace"));
    if (commit.create_or_replace->key != parameters.key) {
      return InvalidFields({{"create_or_replace.name", "is the name given as table"}});
    }
  }
  return commit;
}

absl::StatusOr<ScanRequest> ScanFromProto(const Actor& actor, const v1::PlanScanRequest& proto) {
  TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(proto.table()));
  ScanRequest scan{.key = {actor.workspace, id.database, id.table},
                   .at = {.snapshot_id = proto.snapshot_id(), .tag = proto.tag()}};
  if (proto.has_as_of_time()) scan.at.as_of_time = FromTimestamp(proto.as_of_time());
  if ((scan.at.snapshot_id != 0) + scan.at.as_of_time.has_value() + !scan.at.tag.empty() > 1) {
    return InvalidFields({{"snapshot_id", "goes with neither as_of_time nor tag: give one"}});
  }
  for (const v1::ScanPredicate& predicate : proto.predicates()) {
    TARN_ASSIGN_OR_RETURN(ScanPredicate parsed, PredicateFromProto(predicate));
    scan.predicates.push_back(std::move(parsed));
  }
  return scan;
}

}  // namespace

grpc::Status CatalogService::CommitTable(grpc::ServerContext* context,
                                         const v1::CommitTableRequest* request,
                                         v1::CommitTableResponse* response) {
  return handler_.Handle(
      context, {"CommitTable", rpc::Access::kWrite},
      [&](const rpc::CallContext& call) -> absl::Status {
        TARN_RETURN_IF_ERROR(storage_.Check());
        const Actor actor = ActorOf(call);
        TARN_ASSIGN_OR_RETURN(const CommitRequest commit, CommitFromProto(actor, *request));
        const absl::StatusOr<CommitResult> result = commits_.Commit(actor, commit);
        metrics_.commits
            .With({v1::SnapshotOperation_Name(request->operation()),
                   result.ok() ? (result->replayed ? "replayed" : "committed")
                               : absl::StatusCodeToString(result.status().code())})
            .Increment();
        TARN_RETURN_IF_ERROR(result.status());
        ToProto(result->table.key, result->snapshot, response->mutable_snapshot());
        ToProto(result->table, response->mutable_table());
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::ListSnapshots(grpc::ServerContext* context,
                                           const v1::ListSnapshotsRequest* request,
                                           v1::ListSnapshotsResponse* response) {
  return Read(context, "ListSnapshots", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(request->parent()));
    const std::string query = QueryFingerprint({"snapshots", request->parent()});
    TARN_ASSIGN_OR_RETURN(const std::string cursor, DecodePageToken(query, request->page_token()));
    TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    TARN_ASSIGN_OR_RETURN(const int64_t before, NumberCursor(cursor));
    TARN_ASSIGN_OR_RETURN(const Table table,
                          TableManager(txn).Get({actor.workspace, id.database, id.table}));
    std::vector<Snapshot> snapshots = TableStore(txn).ListSnapshots(table.uid, before, size + 1);
    response->Clear();
    if (snapshots.size() > static_cast<size_t>(size)) {
      snapshots.resize(size);
      response->set_next_page_token(
          EncodePageToken(query, std::to_string(snapshots.back().sequence_number)));
    }
    for (const Snapshot& snapshot : snapshots) {
      ToProto(table.key, snapshot, response->add_snapshots());
    }
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::GetSnapshot(grpc::ServerContext* context,
                                         const v1::GetSnapshotRequest* request,
                                         v1::Snapshot* response) {
  return Read(context, "GetSnapshot", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                          names::Parse(kSnapshotPattern, request->name()));
    TARN_ASSIGN_OR_RETURN(const Table table,
                          TableManager(txn).Get({actor.workspace, parts[0], parts[1]}));
    TARN_ASSIGN_OR_RETURN(const Snapshot snapshot, FindSnapshot(txn, table, ReferenceOf(parts[2])));
    response->Clear();
    ToProto(table.key, snapshot, response);
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::PlanScan(grpc::ServerContext* context,
                                      const v1::PlanScanRequest* request,
                                      grpc::ServerWriter<v1::PlanScanResponse>* writer) {
  return handler_.Handle(
      context, {"PlanScan", rpc::Access::kRead}, [&](const rpc::CallContext& call) -> absl::Status {
        TARN_RETURN_IF_ERROR(storage_.Check());
        TARN_ASSIGN_OR_RETURN(const ScanRequest scan, ScanFromProto(ActorOf(call), *request));
        TARN_ASSIGN_OR_RETURN(const ScanPlan plan,
                              storage_.pool().RunReadOnly([&](Transaction& txn) {
                                return PlanFiles(txn, scan, &live_files_);
                              }));
        metrics_.planned_files.Increment(static_cast<double>(plan.files.size()));
        metrics_.pruned_files.Increment(static_cast<double>(plan.total_files) -
                                        static_cast<double>(plan.files.size()));

        v1::PlanScanResponse message;
        ToProto(plan.table, message.mutable_table());
        message.set_total_file_count(plan.total_files);
        message.set_pruned_file_count(plan.total_files - static_cast<int64_t>(plan.files.size()));
        bool open = writer->Write(message);
        message.Clear();
        for (size_t i = 0; i < plan.files.size() && open; ++i) {
          ToProto(plan.files[i], message.add_files());
          if (message.files_size() < kFilesPerMessage && i + 1 < plan.files.size()) continue;
          open = writer->Write(message);
          message.Clear();
        }
        return open ? absl::OkStatus() : absl::CancelledError("the client has gone");
      });
}

grpc::Status CatalogService::GetLogPosition(grpc::ServerContext* context,
                                            const v1::GetLogPositionRequest* request,
                                            v1::GetLogPositionResponse* response) {
  return Read(context, "GetLogPosition", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(request->table()));
    TARN_ASSIGN_OR_RETURN(const Table table,
                          TableManager(txn).Get({actor.workspace, id.database, id.table}));
    response->Clear();
    if (const auto position = TableStore(txn).LogPosition(table.uid, request->log_id())) {
      response->set_position(*position);
    }
    return absl::OkStatus();
  });
}

}  // namespace tarn::catalog
