// JSON as YAML's block form. Used by proto_json and manifest.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace tarn::proto_json {

// Ends with a newline. Text that would read as another type is quoted; text of several lines
// becomes a literal block.
std::string WriteYaml(const nlohmann::ordered_json& json);

}  // namespace tarn::proto_json
