#include "common/rpc/grpc_library.h"

#include <grpc/grpc.h>

namespace tarn::rpc {

void KeepGrpcInitialized() {
  [[maybe_unused]] static const bool initialized = [] {
    grpc_init();
    return true;
  }();
}

}  // namespace tarn::rpc
