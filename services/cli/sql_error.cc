#include "services/cli/sql_error.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <absl/strings/ascii.h>

#include "common/status/error.h"
#include "services/cli/display_text.h"

namespace tarn::cli {
namespace {

int NumberIn(const ErrorMetadata& metadata, const char* key) {
  const auto entry = metadata.find(key);
  return entry == metadata.end() ? 0 : std::atoi(entry->second.c_str());
}

// Without a tab, which no caret would line up with.
std::string TabsAsSpaces(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '\t', ' ');
  return out;
}

// As many bytes of `text` as hold `count` characters.
size_t BytesOfCharacters(std::string_view text, int count) {
  size_t i = 0;
  while (i < text.size() && count > 0) {
    ++i;
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) ++i;
    --count;
  }
  return i;
}

}  // namespace

std::string PointAtError(std::string_view sql, const absl::Status& status) {
  const ErrorMetadata metadata = ErrorMetadataOf(status);
  const int line = NumberIn(metadata, "line");
  const int column = NumberIn(metadata, "column");
  if (line < 1 || column < 1) return "";
  for (int i = 1; i < line; ++i) {
    const size_t end = sql.find('\n');
    if (end == std::string_view::npos) return "";
    sql.remove_prefix(end + 1);
  }
  std::string text = TabsAsSpaces(sql.substr(0, sql.find('\n')));
  if (!text.empty() && text.back() == '\r') text.pop_back();
  const std::string before = text.substr(0, BytesOfCharacters(text, column - 1));
  std::string pointed("    ");
  pointed.append(text).append("\n    ");
  pointed.append(static_cast<size_t>(DisplayWidth(before)), ' ').append("^\n");
  return pointed;
}

bool IsReadOnly(std::string_view sql) {
  constexpr std::array<std::string_view, 6> kReading = {"select", "from",     "values",
                                                        "show",   "describe", "explain"};
  const size_t begin = sql.find_first_not_of(" \t\r\n(");
  if (begin == std::string_view::npos) return false;
  sql.remove_prefix(begin);
  size_t size = 0;
  while (size < sql.size() && absl::ascii_isalpha(sql[size])) ++size;
  const std::string word = absl::AsciiStrToLower(std::string(sql.substr(0, size)));
  return std::find(kReading.begin(), kReading.end(), word) != kReading.end();
}

}  // namespace tarn::cli
