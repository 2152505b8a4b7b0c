// What differs between snapshots and between versions of a schema, and where files came from.
#include <algorithm>

#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/history/history_proto.h"
#include "services/catalog/history/history_service.h"
#include "services/catalog/history/origin_store.h"
#include "services/catalog/history/schema_comparison.h"
#include "services/catalog/history/snapshot_difference.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_proto.h"
#include "services/catalog/table_store.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {
namespace {

constexpr int kMaxPartitions = 1000;
constexpr int kDefaultVersions = 20;

// The cursor of a list of differences: the side and the path of the last file.
std::string CursorOf(const FileDifference& last) {
  return (last.added ? "+" : "-") + last.file.path;
}

SnapshotDifference::Position PositionOf(const std::string& cursor) {
  if (cursor.empty()) return {};
  return {.path = cursor.substr(1), .added = cursor[0] == '+'};
}

absl::StatusOr<SchemaVersion> GetVersion(Transaction& txn, const Table& table, int schema_id) {
  std::optional<SchemaVersion> version = TableStore(txn).FindVersion(table.uid, schema_id);
  if (version) return *std::move(version);
  return NotFound("SCHEMA_NOT_FOUND",
                  "table " + table.key.SqlName() + " has no schema version " +
                      std::to_string(schema_id) + "; the newest is " +
                      std::to_string(table.definition.schema.schema_id),
                  {{"table", table.key.SqlName()}});
}

}  // namespace

grpc::Status HistoryService::DiffSnapshots(grpc::ServerContext* context,
                                           const v1::DiffSnapshotsRequest* request,
                                           v1::DiffSnapshotsResponse* response) {
  return Read(context, "DiffSnapshots", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->table()));
    const SnapshotReference first = ReferenceFromProto(request->from());
    if (first.empty()) {
      return InvalidFields({{"from", "is a snapshot's id, a time or a tag"}});
    }
    TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(key));
    TARN_ASSIGN_OR_RETURN(const Snapshot from, catalog::FindSnapshot(txn, table, first));
    TARN_ASSIGN_OR_RETURN(const Snapshot to,
                          catalog::FindSnapshot(txn, table, ReferenceFromProto(request->to())));
    // Pages are of the snapshots that were meant when the first one was read.
    const std::string query = QueryFingerprint(
        {"difference", request->table(), std::to_string(from.id), std::to_string(to.id)});
    TARN_ASSIGN_OR_RETURN(const std::string cursor, DecodePageToken(query, request->page_token()));
    SnapshotDifference difference(txn, table.uid, from.sequence_number, to.sequence_number);
    response->Clear();
    ToProto(key, from, response->mutable_from());
    ToProto(key, to, response->mutable_to());
    if (cursor.empty()) {
      const DifferenceSummary summary = difference.Summarize(kMaxPartitions);
      ToProto(summary.added, response->mutable_added());
      ToProto(summary.removed, response->mutable_removed());
      for (const PartitionDifference& partition : summary.partitions) {
        ToProto(partition, response->add_partitions());
      }
      response->set_partition_count(summary.partition_count);
    }
    std::vector<FileDifference> files = difference.ListFiles(PositionOf(cursor), size + 1);
    if (files.size() > static_cast<size_t>(size)) {
      files.resize(size);
      response->set_next_page_token(EncodePageToken(query, CursorOf(files.back())));
    }
    for (const FileDifference& file : files) ToProto(file, response->add_files());
    return absl::OkStatus();
  });
}

grpc::Status HistoryService::ListSchemaVersions(grpc::ServerContext* context,
                                                const v1::ListSchemaVersionsRequest* request,
                                                v1::ListSchemaVersionsResponse* response) {
  return Read(
      context, "ListSchemaVersions", [&](Transaction& txn, const Actor& actor) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->parent()));
        const std::string query = QueryFingerprint({"schemas", request->parent()});
        TARN_ASSIGN_OR_RETURN(const std::string cursor,
                              DecodePageToken(query, request->page_token()));
        TARN_ASSIGN_OR_RETURN(const int64_t before, NumberCursor(cursor));
        TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size(), kDefaultVersions));
        TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(key));
        std::vector<SchemaVersion> versions =
            TableStore(txn).ListVersions(table.uid, before, size + 1);
        response->Clear();
        if (versions.size() > static_cast<size_t>(size)) {
          versions.resize(size);
          response->set_next_page_token(
              EncodePageToken(query, std::to_string(versions.back().definition.schema.schema_id)));
        }
        for (const SchemaVersion& version : versions) ToProto(version, response->add_versions());
        return absl::OkStatus();
      });
}

grpc::Status HistoryService::CompareSchemas(grpc::ServerContext* context,
                                            const v1::CompareSchemasRequest* request,
                                            v1::CompareSchemasResponse* response) {
  return Read(context, "CompareSchemas", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->table()));
    TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(key));
    const int last =
        request->has_to_schema_id() ? request->to_schema_id() : table.definition.schema.schema_id;
    TARN_ASSIGN_OR_RETURN(const SchemaVersion from,
                          GetVersion(txn, table, request->from_schema_id()));
    TARN_ASSIGN_OR_RETURN(const SchemaVersion to, GetVersion(txn, table, last));
    const int earlier = std::min(request->from_schema_id(), last);
    const int later = std::max(request->from_schema_id(), last);
    const bool replaced = TableStore(txn).WasReplaced(table.uid, earlier, later);
    response->Clear();
    ToProto(from, response->mutable_from());
    ToProto(to, response->mutable_to());
    response->set_compared_by_name(replaced);
    for (const FieldChange& change :
         CompareFields(from.definition.schema.fields, to.definition.schema.fields,
                       replaced ? MatchBy::kName : MatchBy::kId)) {
      ToProto(change, response->add_changes());
    }
    return absl::OkStatus();
  });
}

grpc::Status HistoryService::ListFileOrigins(grpc::ServerContext* context,
                                             const v1::ListFileOriginsRequest* request,
                                             v1::ListFileOriginsResponse* response) {
  return Read(
      context, "ListFileOrigins", [&](Transaction& txn, const Actor& actor) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->table()));
        OriginFilter filter{.path = request->path(), .source = request->source()};
        if (request->has_start_time()) filter.start_time = FromTimestamp(request->start_time());
        if (request->has_end_time()) filter.end_time = FromTimestamp(request->end_time());
        TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
        TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(key));
        TARN_ASSIGN_OR_RETURN(const std::optional<Snapshot> snapshot,
                              FindSnapshotOrNone(txn, table, ReferenceFromProto(request->at())));
        response->Clear();
        if (!snapshot) return absl::OkStatus();
        const std::string query = QueryFingerprint(
            {"origins", request->table(), filter.path, filter.source,
             request->at().SerializeAsString(), request->start_time().SerializeAsString(),
             request->end_time().SerializeAsString()});
        TARN_ASSIGN_OR_RETURN(const std::string after,
                              DecodePageToken(query, request->page_token()));
        std::vector<DataFile> files =
            OriginStore(txn).List(table.uid, snapshot->sequence_number, filter, after, size + 1);
        if (files.size() > static_cast<size_t>(size)) {
          files.resize(size);
          response->set_next_page_token(EncodePageToken(query, files.back().path));
        }
        for (const DataFile& file : files) ToProto(file, response->add_files());
        return absl::OkStatus();
      });
}

}  // namespace tarn::catalog
