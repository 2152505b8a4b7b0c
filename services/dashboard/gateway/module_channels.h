// The channels to the modules, for whoever forwards calls.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <absl/status/statusor.h>

namespace grpc {
class Channel;
}

namespace tarn::dashboard {

// The channel to a module by its name. UNAVAILABLE with reason MODULE_NOT_SERVING while this
// process starts or stops. Any thread.
using ModuleChannels =
    std::function<absl::StatusOr<std::shared_ptr<grpc::Channel>>(const std::string& module)>;

}  // namespace tarn::dashboard
