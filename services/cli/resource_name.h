// What a user writes for a resource and what the API calls it:
//   smart_hub            databases/smart_hub
//   smart_hub.usage      databases/smart_hub/tables/usage
//   smart-hub/0189…      pipelines/smart-hub/runs/0189…
// A full name is taken as it is. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace tarn::cli {

// The full name of `text` by `pattern` ("pipelines/{pipeline}/runs/{run}"). INVALID_ARGUMENT,
// INVALID_RESOURCE_NAME with what the name should look like.
absl::StatusOr<std::string> FullName(std::string_view pattern, std::string_view text);

// The ids of a full name as a user writes them; what is no full name stays.
std::string ShortName(std::string_view name);

// What a name by `pattern` looks like to a user: "DATABASE.TABLE", "PIPELINE/RUN".
std::string NameForm(std::string_view pattern);

}  // namespace tarn::cli
