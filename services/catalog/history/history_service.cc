#include "services/catalog/history/history_service.h"

#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/history/history_proto.h"
#include "services/catalog/history/table_rollback.h"
#include "services/catalog/history/tag_manager.h"
#include "services/catalog/maintenance/snapshot_expirer.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_proto.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {
namespace {

// A tag's name in a request: its table and its own name.
struct TagName {
  TableKey table;
  std::string tag;
};

absl::StatusOr<TagName> ParseTag(const Actor& actor, const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> parts, names::Parse(kTagPattern, name));
  return TagName{{actor.workspace, parts[0], parts[1]}, parts[2]};
}

}  // namespace

HistoryService::HistoryService(rpc::CallHandlerOptions handler, Storage& storage)
    : CatalogCalls(std::move(handler), storage) {}

grpc::Status HistoryService::CreateTag(grpc::ServerContext* context,
                                       const v1::CreateTagRequest* request, v1::Tag* response) {
  return Write<v1::CreateTagRequest, v1::Tag>(
      context, "CreateTag", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Tag* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const TagName name, ParseTag(actor, request->tag().name()));
        Tag tag{.name = name.tag, .comment = request->tag().comment()};
        if (request->tag().has_expire_time()) {
          tag.expire_time = FromTimestamp(request->tag().expire_time());
        }
        TARN_ASSIGN_OR_RETURN(tag, TagManager(txn).Create(actor, name.table, std::move(tag),
                                                          ReferenceFromProto(request->at())));
        ToProto(name.table, tag, made);
        return absl::OkStatus();
      });
}

grpc::Status HistoryService::GetTag(grpc::ServerContext* context, const v1::GetTagRequest* request,
                                    v1::Tag* response) {
  return Read(context, "GetTag", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const TagName name, ParseTag(actor, request->name()));
    TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(name.table));
    TARN_ASSIGN_OR_RETURN(const Tag tag, TagManager(txn).Get(table, name.tag));
    response->Clear();
    ToProto(table.key, tag, response);
    return absl::OkStatus();
  });
}

grpc::Status HistoryService::ListTags(grpc::ServerContext* context,
                                      const v1::ListTagsRequest* request,
                                      v1::ListTagsResponse* response) {
  return Read(context, "ListTags", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->parent()));
    const std::string query = QueryFingerprint({"tags", request->parent()});
    TARN_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(query, request->page_token()));
    TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(key));
    std::vector<Tag> tags = TagManager(txn).List(table, after, size + 1);
    response->Clear();
    if (tags.size() > static_cast<size_t>(size)) {
      tags.resize(size);
      response->set_next_page_token(EncodePageToken(query, tags.back().name));
    }
    for (const Tag& tag : tags) ToProto(key, tag, response->add_tags());
    return absl::OkStatus();
  });
}

grpc::Status HistoryService::DeleteTag(grpc::ServerContext* context,
                                       const v1::DeleteTagRequest* request,
                                       v1::DeleteTagResponse* response) {
  return Write<v1::DeleteTagRequest, v1::DeleteTagResponse>(
      context, "DeleteTag", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::DeleteTagResponse*) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const TagName name, ParseTag(actor, request->name()));
        return TagManager(txn).Delete(actor, name.table, name.tag);
      });
}

grpc::Status HistoryService::FindSnapshot(grpc::ServerContext* context,
                                          const v1::FindSnapshotRequest* request,
                                          v1::Snapshot* response) {
  return Read(context, "FindSnapshot", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->table()));
    TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(key));
    TARN_ASSIGN_OR_RETURN(const Snapshot snapshot,
                          catalog::FindSnapshot(txn, table, ReferenceFromProto(request->at())));
    response->Clear();
    ToProto(key, snapshot, response);
    return absl::OkStatus();
  });
}

grpc::Status HistoryService::RollbackTable(grpc::ServerContext* context,
                                           const v1::RollbackTableRequest* request,
                                           v1::Snapshot* response) {
  return Write<v1::RollbackTableRequest, v1::Snapshot>(
      context, "RollbackTable", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Snapshot* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->table()));
        TARN_ASSIGN_OR_RETURN(const Snapshot snapshot,
                              RollBack(txn, actor,
                                       {.table = key,
                                        .to = ReferenceFromProto(request->to()),
                                        .base_snapshot_id = request->base_snapshot_id()}));
        ToProto(key, snapshot, made);
        return absl::OkStatus();
      });
}

grpc::Status HistoryService::PreviewExpiry(grpc::ServerContext* context,
                                           const v1::PreviewExpiryRequest* request,
                                           v1::PreviewExpiryResponse* response) {
  return Read(context, "PreviewExpiry", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->table()));
    const std::string query = QueryFingerprint({"expiry", request->table()});
    TARN_ASSIGN_OR_RETURN(const std::string cursor, DecodePageToken(query, request->page_token()));
    TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    TARN_ASSIGN_OR_RETURN(const int64_t before, NumberCursor(cursor));
    TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(key));
    TARN_ASSIGN_OR_RETURN(const ExpiryRule rule, ExpiryRuleOf(table.properties));
    TARN_ASSIGN_OR_RETURN(const ExpiryEffect effect, catalog::PreviewExpiry(txn, table));
    TARN_ASSIGN_OR_RETURN(std::vector<Snapshot> snapshots,
                          ListExpiring(txn, table, before, size + 1));
    response->Clear();
    if (snapshots.size() > static_cast<size_t>(size)) {
      snapshots.resize(size);
      response->set_next_page_token(
          EncodePageToken(query, std::to_string(snapshots.back().sequence_number)));
    }
    response->mutable_policy()->mutable_max_age()->set_seconds(absl::ToInt64Seconds(rule.max_age));
    response->mutable_policy()->set_min_count(rule.min_count);
    response->set_snapshot_count(effect.snapshots);
    response->set_tagged_snapshot_count(effect.tagged_snapshots);
    ToProto(effect.files, response->mutable_files());
    for (const Snapshot& snapshot : snapshots) ToProto(key, snapshot, response->add_snapshots());
    return absl::OkStatus();
  });
}

}  // namespace tarn::catalog
