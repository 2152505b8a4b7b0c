// JSON text as a Node.
#pragma once

#include <string_view>

#include <absl/status/statusor.h>

#include "common/proto_json/node.h"

namespace tarn::proto_json {

// INVALID_ARGUMENT, INVALID_JSON with line and column where the text is not one JSON value, a key
// is repeated, or the document is too deep or too large.
absl::StatusOr<Node> ParseJson(std::string_view text);

}  // namespace tarn::proto_json
