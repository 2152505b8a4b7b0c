#include "services/ingestion/activity/activity_service.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/clock/clock.h"
#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/activity/activity_preview.h"
#include "services/ingestion/stream/stream_registry.h"
#include "services/ingestion/stream_manager.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {
namespace {

absl::Status CheckSize(const v1::PreviewActivitiesRequest& request) {
  size_t bytes = 0;
  for (const std::string& record : request.records()) bytes += record.size();
  if (request.records_size() <= kMaxPreviewRecords && bytes <= kMaxPreviewBytes) {
    return absl::OkStatus();
  }
  return InvalidFields({{"records", absl::StrCat("at most ", kMaxPreviewRecords, " records of ",
                                                 kMaxPreviewBytes >> 20, " MiB in all")}});
}

}  // namespace

grpc::Status ActivityService::PreviewActivities(grpc::ServerContext* context,
                                                const v1::PreviewActivitiesRequest* request,
                                                v1::PreviewActivitiesResponse* response) {
  return handler_.Handle(context, {"PreviewActivities", rpc::Access::kWrite},
                         [&](const rpc::CallContext& call) -> absl::Status {
                           TARN_RETURN_IF_ERROR(core_->storage.Check());
                           return Preview(call, *request, *response);
                         });
}

absl::Status ActivityService::Preview(const rpc::CallContext& call,
                                      const v1::PreviewActivitiesRequest& request,
                                      v1::PreviewActivitiesResponse& response) {
  TARN_RETURN_IF_ERROR(CheckSize(request));
  ActivityScope scope{.workspace = call.caller.workspace,
                      .stream = request.stream(),
                      .owner = call.caller.user,
                      .path = "activities"};
  table_schema::Fields columns = request.columns();
  std::vector<ArrivedRecord> records;
  for (const std::string& record : request.records()) {
    records.push_back({records.size(), core_->clock.Now(), record});
  }
  // Keeps the payloads.
  WalRecords waiting;
  if (!request.stream().empty()) {
    TARN_ASSIGN_OR_RETURN(const std::string id, ParseStreamName(request.stream()));
    TARN_ASSIGN_OR_RETURN(const StreamPtr stream, core_->streams.Find(call.caller.workspace, id));
    if (columns.empty()) columns = stream->definition.columns();
    if (records.empty()) {
      if (call.caller.user != stream->owner && !call.caller.IsAdmin()) {
        return PermissionDenied("NOT_THE_OWNER",
                                "only the stream's owner and administrators see its records here; "
                                "give records of your own");
      }
      const uint64_t end = core_->wal.Backlog(stream->uid).end_position;
      TARN_ASSIGN_OR_RETURN(
          waiting, core_->wal.Read(stream->uid, end - std::min<uint64_t>(end, kMaxPreviewRecords),
                                   kMaxPreviewBytes));
      for (const WalRecord& record : waiting.records) {
        if (record.lost || records.size() == static_cast<size_t>(kMaxPreviewRecords)) continue;
        records.push_back({records.size(), record.time, record.payload});
      }
    }
  }
  TARN_ASSIGN_OR_RETURN(
      response, core_->preview.Run(request.activities(), std::move(columns), records, scope));
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
