// One field of a cron expression as a set of numbers. Used by CronSchedule alone.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace tarn {

// What a field may hold.
struct CronFieldRange {
  std::string_view name;  // "minute", for messages
  int min;
  int max;
  std::vector<std::string_view> words;  // names of min, min + 1, …; upper-case, may be empty
};

struct CronField {
  std::bitset<64> values;
  bool any = false;  // begins with '*': says nothing about days (see CronSchedule)

  bool Has(int value) const { return values.test(static_cast<std::size_t>(value)); }
};

// Lists of *, N, N-M, each with an optional /step. INVALID_ARGUMENT, INVALID_SCHEDULE otherwise.
absl::StatusOr<CronField> ParseCronField(std::string_view text, const CronFieldRange& range);

}  // namespace tarn
