// The RPCs of tables' histories: decode, call, encode. Tags, rollback and expiry stand in
// history_service.cc; what compares and explains in comparison_service.cc. Thread safe; what it
// refers to outlives it.
#pragma once

#include "tarn/catalog/v1/history_service.grpc.pb.h"

#include "services/catalog/catalog_calls.h"

namespace tarn::catalog {

class HistoryService final : public v1::HistoryService::Service, private CatalogCalls {
 public:
  HistoryService(rpc::CallHandlerOptions handler, Storage& storage);

#define TARN_HISTORY_METHOD(name, Request, Response) \
  grpc::Status name(grpc::ServerContext*, const v1::Request*, v1::Response*) override
  TARN_HISTORY_METHOD(CreateTag, CreateTagRequest, Tag);
  TARN_HISTORY_METHOD(GetTag, GetTagRequest, Tag);
  TARN_HISTORY_METHOD(ListTags, ListTagsRequest, ListTagsResponse);
  TARN_HISTORY_METHOD(DeleteTag, DeleteTagRequest, DeleteTagResponse);
  TARN_HISTORY_METHOD(FindSnapshot, FindSnapshotRequest, Snapshot);
  TARN_HISTORY_METHOD(DiffSnapshots, DiffSnapshotsRequest, DiffSnapshotsResponse);
  TARN_HISTORY_METHOD(RollbackTable, RollbackTableRequest, Snapshot);
  TARN_HISTORY_METHOD(PreviewExpiry, PreviewExpiryRequest, PreviewExpiryResponse);
  TARN_HISTORY_METHOD(ListSchemaVersions, ListSchemaVersionsRequest, ListSchemaVersionsResponse);
  TARN_HISTORY_METHOD(CompareSchemas, CompareSchemasRequest, CompareSchemasResponse);
  TARN_HISTORY_METHOD(ListFileOrigins, ListFileOriginsRequest, ListFileOriginsResponse);
#undef TARN_HISTORY_METHOD
};

}  // namespace tarn::catalog
