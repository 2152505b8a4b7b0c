#include "services/ingestion/payload/json_array.h"

#include <absl/strings/str_cat.h>

#include "common/status/error.h"

namespace tarn::ingestion {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

absl::Status Malformed(size_t at, std::string_view what) {
  return InvalidArgument(
      "PAYLOAD_INVALID",
      absl::StrCat("the payload is no JSON array: ", std::string(what), " at byte ", at));
}

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// Behind the string that begins at `at`; the text's size when it does not end.
size_t SkipString(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

// Behind the value that begins at `at`: its last bracket, its quote, or what separates it from the
// next. The text's size when its brackets are not closed.
size_t SkipValue(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '"':
        at = SkipString(text, at);
        if (depth == 0) return at;
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return at;
        if (--depth == 0) return at + 1;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        if (depth == 0 && IsSpace(text[at])) return at;
    }
    ++at;
  }
  return text.size();
}

}  // namespace

absl::Status SplitJsonArray(std::string_view text,
                            absl::FunctionRef<bool(size_t offset, size_t bytes)> element) {
  size_t at = SkipSpace(text, 0);
  if (at == text.size() || text[at] != '[') {
    element(at, text.size() - at);
    return absl::OkStatus();
  }
  at = SkipSpace(text, at + 1);
  bool closed = at < text.size() && text[at] == ']';
  while (!closed) {
    const size_t begin = at;
    at = SkipValue(text, at);
    if (at == begin) return Malformed(at, "a value is missing");
    const size_t bytes = at - begin;
    at = SkipSpace(text, at);
    if (at == text.size()) return Malformed(at, "the text ends within the array");
    if (text[at] != ',' && text[at] != ']') return Malformed(at, "expected a comma or ]");
    if (!element(begin, bytes)) return absl::OkStatus();
    closed = text[at] == ']';
    if (!closed) at = SkipSpace(text, at + 1);
  }
  at = SkipSpace(text, at + 1);
  if (at != text.size()) return Malformed(at, "there is more text after the array");
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
