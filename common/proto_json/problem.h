// What is wrong with a document, collected so that all is reported at once.
#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>

namespace tarn::proto_json {

struct Problem {
  int line = 0;      // 0 where it is not known
  std::string path;  // "spec.steps[2].sql"; "" for the document itself
  std::string description;
};

// OK for none; else INVALID_ARGUMENT, INVALID_FIELD with a field violation for each and a message
// with a line for each: "file.yaml:12: spec.steps[2].sql: unknown field". `file` may be "".
absl::Status ToStatus(const std::vector<Problem>& problems, const std::string& file);

// "a.b", "b" where the parent is the document; keys that are no identifiers become a["…"].
std::string ChildPath(const std::string& parent, const std::string& key);
std::string ItemPath(const std::string& parent, std::size_t index);

}  // namespace tarn::proto_json
