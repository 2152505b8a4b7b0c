#include "services/cli/time_option.h"

#include <absl/time/time.h>
#include <google/protobuf/util/time_util.h>

#include "common/status/error.h"

namespace tarn::cli {

absl::StatusOr<google::protobuf::Timestamp> ParseTimeOption(const std::string& option,
                                                            const std::string& text) {
  absl::Time time;
  if (!absl::ParseTime("%Y-%m-%d", text, absl::UTCTimeZone(), &time, nullptr) &&
      !absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) {
    return InvalidArgument("INVALID_OPTION",
                           option + " \"" + text +
                               "\" is no time; write a day (2026-11-21, which begins at 00:00 UTC) "
                               "or a time with its zone (2026-11-21T15:00:00Z)");
  }
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

}  // namespace tarn::cli
