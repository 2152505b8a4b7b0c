#include "services/dashboard/resources/filter_value.h"

#include <charconv>

#include <absl/time/time.h>

#include "tarn/dashboard/v1/dashboard.pb.h"

namespace tarn::dashboard {
namespace {

constexpr int kMaxValues = 1000;

// What the engine reads as a timestamp as well.
bool IsTime(const std::string& text) {
  absl::Time time;
  std::string error;
  for (const char* format : {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%dT%H:%M",
                             "%Y-%m-%dT%H:%M:%E*S", absl::RFC3339_full}) {
    if (absl::ParseTime(format, text, &time, &error)) return true;
  }
  return false;
}

bool IsHour(const std::string& text) {
  int hour = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hour);
  return error == std::errc() && end == text.data() + text.size() && hour >= 0 && hour <= 24;
}

template <typename IsValid>
void CheckRange(const v1::FilterValue& value, const std::string& path, IsValid is_valid,
                const std::string& rule, std::vector<FieldViolation>& violations) {
  if (!value.from().empty() && !is_valid(value.from())) {
    violations.push_back({path + ".from", "'" + value.from() + "' " + rule});
  }
  if (!value.until().empty() && !is_valid(value.until())) {
    violations.push_back({path + ".until", "'" + value.until() + "' " + rule});
  }
  if (value.values_size() > 0) {
    violations.push_back({path + ".values", "a range has from and until, no values"});
  }
}

}  // namespace

bool IsEverything(const v1::FilterValue& value) {
  return value.from().empty() && value.until().empty() && value.values_size() == 0;
}

void CheckFilterValue(const v1::Filter& filter, const v1::FilterValue& value,
                      const std::string& path, std::vector<FieldViolation>& violations) {
  switch (filter.type()) {
    case v1::FILTER_TYPE_TIME_RANGE:
      CheckRange(value, path, IsTime,
                 "must be a date or time, such as 2019-12-21 or 2019-12-21T08:00:00Z", violations);
      return;
    case v1::FILTER_TYPE_HOUR_RANGE:
      CheckRange(value, path, IsHour, "must be a whole hour from 0 to 24", violations);
      return;
    case v1::FILTER_TYPE_VALUES:
      if (!value.from().empty() || !value.until().empty()) {
        violations.push_back({path, "this filter takes values, no from or until"});
      }
      if (value.values_size() > kMaxValues) {
        violations.push_back({path + ".values", "may be 1000 at most"});
      }
      return;
    default:
      return;  // the type itself is refused elsewhere
  }
}

}  // namespace tarn::dashboard
