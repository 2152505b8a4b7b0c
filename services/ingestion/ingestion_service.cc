#include "services/ingestion/ingestion_service.h"

#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/ingest/ingest_call.h"
#include "services/ingestion/ingest/put_records_call.h"
#include "services/ingestion/stream_manager.h"
#include "services/ingestion/upload/file_upload.h"

namespace tarn::ingestion {

using rpc::Access;
using rpc::CallContext;

namespace {

RequestContext ContextOf(const CallContext& call) {
  return {call.caller.workspace, call.caller.user};
}

}  // namespace

grpc::Status IngestionService::Handle(
    grpc::ServerContext* context, rpc::MethodInfo method,
    absl::FunctionRef<absl::Status(const rpc::CallContext&)> body) const {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(core_->storage.Check());
    return body(call);
  });
}

grpc::Status IngestionService::CreateStream(grpc::ServerContext* context,
                                            const v1::CreateStreamRequest* request,
                                            v1::Stream* response) {
  return Handle(context, {"CreateStream", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, core_->streams.Create(ContextOf(call), *request));
    return absl::OkStatus();
  });
}

grpc::Status IngestionService::GetStream(grpc::ServerContext* context,
                                         const v1::GetStreamRequest* request,
                                         v1::Stream* response) {
  return Handle(context, {"GetStream", Access::kRead}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, core_->streams.Get(call.caller.workspace, request->name()));
    return absl::OkStatus();
  });
}

grpc::Status IngestionService::ListStreams(grpc::ServerContext* context,
                                           const v1::ListStreamsRequest* request,
                                           v1::ListStreamsResponse* response) {
  return Handle(context, {"ListStreams", Access::kRead}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, core_->streams.List(call.caller.workspace, *request));
    return absl::OkStatus();
  });
}

grpc::Status IngestionService::UpdateStream(grpc::ServerContext* context,
                                            const v1::UpdateStreamRequest* request,
                                            v1::Stream* response) {
  return Handle(context, {"UpdateStream", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, core_->streams.Update(ContextOf(call), *request));
    return absl::OkStatus();
  });
}

grpc::Status IngestionService::DeleteStream(grpc::ServerContext* context,
                                            const v1::DeleteStreamRequest* request,
                                            v1::DeleteStreamResponse*) {
  return Handle(context, {"DeleteStream", Access::kWrite}, [&](const CallContext& call) {
    return core_->streams.Delete(ContextOf(call), *request);
  });
}

grpc::ServerUnaryReactor* IngestionService::PutRecords(grpc::CallbackServerContext* context,
                                                       const v1::PutRecordsRequest* request,
                                                       v1::PutRecordsResponse* response) {
  return StartPutRecords(core_.get(), handler_, context, request, response);
}

grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse>* IngestionService::Ingest(
    grpc::CallbackServerContext* context) {
  return IngestCall::Start(core_.get(), handler_, context);
}

grpc::Status IngestionService::FlushStream(grpc::ServerContext* context,
                                           const v1::FlushStreamRequest* request,
                                           v1::FlushStreamResponse* response) {
  return Handle(context, {"FlushStream", Access::kWrite},
                [&](const CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(*response->mutable_stream(),
                                        core_->streams.Flush(call.caller.workspace, *request,
                                                             [&] { return call.IsCancelled(); }));
                  return absl::OkStatus();
                });
}

grpc::Status IngestionService::ListDeadLetters(grpc::ServerContext* context,
                                               const v1::ListDeadLettersRequest* request,
                                               v1::ListDeadLettersResponse* response) {
  return Handle(context, {"ListDeadLetters", Access::kRead},
                [&](const CallContext& call) -> absl::Status {
                  TARN_ASSIGN_OR_RETURN(
                      *response, core_->streams.ListDeadLetters(call.caller.workspace, *request));
                  return absl::OkStatus();
                });
}

grpc::Status IngestionService::ReplayDeadLetters(grpc::ServerContext* context,
                                                 const v1::ReplayDeadLettersRequest* request,
                                                 v1::ReplayDeadLettersResponse* response) {
  return Handle(
      context, {"ReplayDeadLetters", Access::kWrite}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(*response,
                              core_->streams.ReplayDeadLetters(call.caller.workspace, *request,
                                                               [&] { return call.IsCancelled(); }));
        return absl::OkStatus();
      });
}

grpc::Status IngestionService::PurgeDeadLetters(grpc::ServerContext* context,
                                                const v1::PurgeDeadLettersRequest* request,
                                                v1::PurgeDeadLettersResponse* response) {
  return Handle(
      context, {"PurgeDeadLetters", Access::kWrite}, [&](const CallContext& call) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(*response,
                              core_->streams.PurgeDeadLetters(call.caller.workspace, *request,
                                                              [&] { return call.IsCancelled(); }));
        return absl::OkStatus();
      });
}

grpc::Status IngestionService::UploadFile(grpc::ServerContext* context,
                                          grpc::ServerReader<v1::UploadFileRequest>* reader,
                                          v1::UploadFileResponse* response) {
  return Handle(
      context, {"UploadFile", Access::kWrite}, [&](const CallContext& call) -> absl::Status {
        v1::UploadFileRequest message;
        if (!reader->Read(&message) || !message.has_header()) {
          return InvalidFields({{"header", "the first message must be the header"}});
        }
        TARN_ASSIGN_OR_RETURN(
            UploadTarget target,
            CheckUploadHeader(call.caller.workspace, call.caller.user, message.header()));
        const bool resumable = !target.part.empty();
        TARN_ASSIGN_OR_RETURN(const std::unique_ptr<FileUpload> upload,
                              core_->uploads.Begin(std::move(target)));
        while (reader->Read(&message)) {
          if (!message.has_chunk()) {
            return InvalidFields({{"chunk", "after the header every message is a chunk"}});
          }
          TARN_RETURN_IF_ERROR(upload->Append(message.chunk()));
        }
        // A stream that broke off ends the same way as one that is complete.
        if (call.IsCancelled()) {
          return MakeError(absl::StatusCode::kCancelled, "UPLOAD_INTERRUPTED",
                           resumable ? "the upload broke off; GetUpload says where to go on"
                                     : "the upload broke off; nothing of it was kept");
        }
        TARN_ASSIGN_OR_RETURN(*response, upload->Finish(call.request_id));
        return absl::OkStatus();
      });
}

grpc::Status IngestionService::GetUpload(grpc::ServerContext* context,
                                         const v1::GetUploadRequest* request,
                                         v1::Upload* response) {
  return Handle(context, {"GetUpload", Access::kWrite}, [&](const CallContext& call) {
    TARN_ASSIGN_OR_RETURN(*response, core_->uploads.Get(call.caller.workspace, call.caller.user,
                                                        request->upload_id()));
    return absl::OkStatus();
  });
}

}  // namespace tarn::ingestion
