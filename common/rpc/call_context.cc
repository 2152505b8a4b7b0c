#include "common/rpc/call_context.h"

#include <grpcpp/server_context.h>

namespace tarn::rpc {

bool CallContext::IsCancelled() const {
  return server_context != nullptr && server_context->IsCancelled();
}

}  // namespace tarn::rpc
