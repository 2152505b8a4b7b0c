#include "services/cli/resource_name.h"

#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>

#include "common/names/names.h"
#include "common/status/error.h"

namespace tarn::cli {
namespace {

constexpr std::string_view kTablePattern = "databases/{database}/tables/{table}";

std::vector<std::string> Segments(std::string_view path) {
  return absl::StrSplit(absl::string_view(path.data(), path.size()), '/');
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// The segments of `text` in the places of the pattern's variables; "" where their number differs.
std::string FillIn(std::string_view pattern, std::string_view text) {
  std::vector<std::string> ids = Segments(text);
  // A table's name is one word to its users, and two variables in the pattern.
  if (StartsWith(pattern, kTablePattern)) {
    const size_t dot = ids[0].find('.');
    if (dot == std::string::npos) return "";
    ids.insert(ids.begin() + 1, ids[0].substr(dot + 1));
    ids[0].resize(dot);
  }
  std::string name;
  size_t next = 0;
  for (const std::string& segment : Segments(pattern)) {
    const bool variable = segment.front() == '{';
    if (variable && next == ids.size()) return "";
    if (!name.empty()) name += '/';
    name += variable ? ids[next++] : segment;
  }
  return next == ids.size() ? name : "";
}

}  // namespace

absl::StatusOr<std::string> FullName(std::string_view pattern, std::string_view text) {
  if (names::Matches(pattern, text)) return std::string(text);
  std::string name = FillIn(pattern, text);
  if (!name.empty() && names::Matches(pattern, name)) return name;
  return InvalidArgument("INVALID_RESOURCE_NAME",
                         "'" + std::string(text) + "' is no name of the form " + NameForm(pattern));
}

std::string ShortName(std::string_view name) {
  const std::vector<std::string> segments = Segments(name);
  if (segments.size() < 2 || segments.size() % 2 != 0) return std::string(name);
  std::string text;
  for (size_t i = 1; i < segments.size(); i += 2) {
    const bool table = i == 3 && segments[0] == "databases" && segments[2] == "tables";
    if (i > 1) text += table ? '.' : '/';
    text += segments[i];
  }
  return text;
}

std::string NameForm(std::string_view pattern) {
  std::string form;
  for (const std::string& segment : Segments(pattern)) {
    if (segment.front() != '{') continue;
    const std::string variable = absl::AsciiStrToUpper(segment.substr(1, segment.size() - 2));
    if (!form.empty()) form += variable == "TABLE" ? '.' : '/';
    form += variable;
  }
  return form;
}

}  // namespace tarn::cli
