// A topic filter whose levels may have names: devices/{device}/readings. A value; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::ingestion::mqtt {

class TopicPattern {
 public:
  // The message of the error says what is wrong with the text. INVALID_ARGUMENT.
  static absl::StatusOr<TopicPattern> Parse(std::string_view text);

  // As the broker takes it: devices/+/readings.
  const std::string& filter() const { return filter_; }
  // Names of the named levels, in order.
  const std::vector<std::string>& names() const { return names_; }
  // The values of the named levels, in the order of names(); nothing when `topic` does not match.
  std::optional<std::vector<std::string_view>> Match(std::string_view topic) const;

 private:
  struct Level {
    enum class Kind { kText, kAny, kNamed, kRest } kind = Kind::kText;
    std::string text;
  };
  std::vector<Level> levels_;
  std::string filter_;
  std::vector<std::string> names_;
};

}  // namespace tarn::ingestion::mqtt
