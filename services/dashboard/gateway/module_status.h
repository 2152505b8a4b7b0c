// What clients are told when a module does not answer. Pure; any thread.
#pragma once

#include <string>

namespace grpc {
class Status;
}

namespace tarn::dashboard {

// The end of a forwarded call as its client sees it. UNAVAILABLE that comes from the connection and
// not from the module, which always gives a reason, becomes MODULE_UNAVAILABLE with the module's
// name; anything else stays as it is.
grpc::Status StatusForClient(const std::string& module, const grpc::Status& status);

}  // namespace tarn::dashboard
