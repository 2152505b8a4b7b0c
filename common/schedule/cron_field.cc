#include "common/schedule/cron_field.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/status/error.h"

namespace tarn {
namespace {

bool ParseValue(absl::string_view text, const CronFieldRange& range, int* value) {
  const std::string upper = absl::AsciiStrToUpper(text);
  for (std::size_t i = 0; i < range.words.size(); ++i) {
    if (upper == range.words[i]) {
      *value = range.min + static_cast<int>(i);
      return true;
    }
  }
  return !text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0])) &&
         absl::SimpleAtoi(text, value) && *value >= range.min && *value <= range.max;
}

// One item of a field's list. False when it is malformed.
bool AddItem(absl::string_view item, const CronFieldRange& range, std::bitset<64>& values) {
  const std::vector<absl::string_view> parts = absl::StrSplit(item, '/');
  int step = 1;
  if (parts.size() > 2 || (parts.size() == 2 && (!absl::SimpleAtoi(parts[1], &step) || step < 1))) {
    return false;
  }
  int first = range.min;
  int last = range.max;
  if (parts[0] != "*") {
    const std::vector<absl::string_view> ends = absl::StrSplit(parts[0], '-');
    if (ends.size() > 2 || !ParseValue(ends[0], range, &first)) return false;
    if (ends.size() == 2) {
      if (!ParseValue(ends[1], range, &last)) return false;
    } else if (parts.size() == 1) {
      last = first;
    }  // N/step runs from N to the end
    if (last < first) return false;
  }
  for (int value = first; value <= last; value += step) values.set(value);
  return true;
}

}  // namespace

absl::StatusOr<CronField> ParseCronField(std::string_view text, const CronFieldRange& range) {
  CronField field;
  field.any = text.starts_with('*');
  for (absl::string_view item : absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    if (!AddItem(item, range, field.values)) {
      return InvalidArgument(
          "INVALID_SCHEDULE",
          absl::StrCat("'", std::string(item), "' is not a ", std::string(range.name), ": use *, ",
                       range.min, " to ", range.max,
                       ", lists (1,2), ranges (1-5) and steps (*/5)"));
    }
  }
  return field;
}

}  // namespace tarn
