#include "common/proto_json/problem.h"

#include <absl/strings/str_cat.h>

#include "common/status/error.h"

namespace tarn::proto_json {

absl::Status ToStatus(const std::vector<Problem>& problems, const std::string& file) {
  if (problems.empty()) return absl::OkStatus();
  std::string message;
  std::vector<FieldViolation> violations;
  for (const Problem& problem : problems) {
    if (!message.empty()) message += "\n";
    if (!file.empty()) absl::StrAppend(&message, file, ":");
    if (problem.line > 0) absl::StrAppend(&message, file.empty() ? "line " : "", problem.line, ":");
    if (!message.empty() && message.back() == ':') message += " ";
    if (!problem.path.empty()) absl::StrAppend(&message, problem.path, ": ");
    message += problem.description;
    violations.push_back({problem.path, problem.description});
  }
  const absl::Status fields = InvalidFields(std::move(violations));
  absl::Status status(fields.code(), message);  // the message with its lines
  fields.ForEachPayload([&status](absl::string_view type_url, const absl::Cord& payload) {
    status.SetPayload(type_url, payload);
  });
  return status;
}

std::string ChildPath(const std::string& parent, const std::string& key) {
  bool identifier = !key.empty();
  for (char c : key) {
    identifier = identifier && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '_' || c == '-');
  }
  if (!identifier) return absl::StrCat(parent, "[\"", key, "\"]");
  return parent.empty() ? key : absl::StrCat(parent, ".", key);
}

std::string ItemPath(const std::string& parent, std::size_t index) {
  return absl::StrCat(parent, "[", index, "]");
}

}  // namespace tarn::proto_json
