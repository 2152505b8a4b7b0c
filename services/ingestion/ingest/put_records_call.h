// PutRecords without a thread that waits: the answer is made when the records are durable.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

namespace tarn::rpc {
class CallHandler;
}

namespace tarn::ingestion {

struct IngestionCore;

// The reactor of one call, which deletes itself. What is referred to outlives the call;
// `core` is there once the handler admits calls.
grpc::ServerUnaryReactor* StartPutRecords(const IngestionCore* core,
                                          const rpc::CallHandler& handler,
                                          grpc::CallbackServerContext* context,
                                          const v1::PutRecordsRequest* request,
                                          v1::PutRecordsResponse* response);

}  // namespace tarn::ingestion
