// KEY=VALUE options.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace tarn::cli {

// A value may hold further equals signs, and may be empty. A usage error where one is no KEY=VALUE
// or a key comes twice.
absl::StatusOr<std::map<std::string, std::string>> ParseKeyValues(
    std::string_view option, const std::vector<std::string>& texts);

}  // namespace tarn::cli
