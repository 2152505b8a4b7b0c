#include "services/cli/key_value.h"

#include "services/cli/session.h"

namespace tarn::cli {

absl::StatusOr<std::map<std::string, std::string>> ParseKeyValues(
    std::string_view option, const std::vector<std::string>& texts) {
  std::map<std::string, std::string> values;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return UsageError(std::string(option) + " takes KEY=VALUE, not '" + text + "'");
    }
    if (!values.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      return UsageError(std::string(option) + " gives '" + text.substr(0, equals) + "' twice");
    }
  }
  return values;
}

}  // namespace tarn::cli
