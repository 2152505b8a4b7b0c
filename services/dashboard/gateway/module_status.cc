#include "services/dashboard/gateway/module_status.h"

#include <grpcpp/support/status.h>

#include "common/rpc/status_conversion.h"
#include "common/status/error.h"

namespace tarn::dashboard {

grpc::Status StatusForClient(const std::string& module, const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE || !status.error_details().empty()) {
    return status;
  }
  // The library's own text would tell clients addresses of the inner network.
  return rpc::ToGrpcStatus(Unavailable(
      "MODULE_UNAVAILABLE",
      module + " cannot be reached, or broke off; try again in a moment, and have an operator look "
               "whether it runs. The other modules are not concerned",
      {{"module", module}}));
}

}  // namespace tarn::dashboard
