// YAML text as Nodes. Plain scalars are typed as YAML 1.2's core schema says, so that `yes` is text
// and `12` a number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/proto_json/node.h"
#include "common/proto_json/problem.h"

namespace tarn::proto_json {

// The documents of a stream, empty ones left out. What cannot be read is added to `problems`; then
// the result is of no use.
std::vector<Node> ParseYaml(std::string_view text, std::vector<Problem>& problems);

// The kind that a plain scalar has.
Node::Kind PlainScalarKind(std::string_view text);

}  // namespace tarn::proto_json
