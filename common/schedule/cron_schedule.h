// When a scheduled thing runs next: a cron expression in a time zone, or an interval.
//
//   minute hour day-of-month month day-of-week     30 2 * * MON-FRI
//   @yearly @monthly @weekly @daily @hourly (also @annually, @midnight)
//   @every 30s                                     multiples of 30 s since 1970, at least 1 s
//
// Fields take lists, ranges, steps and English names; Sunday is 0 or 7. When both day fields are
// restricted, a day that fits either is meant, as in every cron.
//
// Where clocks change:
// - A local time that does not exist (clocks go forward) runs at the first instant after the gap,
//   once however many times fall into it.
// - A local time that occurs twice (clocks go back) runs once, at the first. But where the hour is
//   '*', the schedule is one of every hour: it runs in both, so that "every five minutes" does not
//   pause for an hour.
//
// Time zones come from Abseil, which tells gaps and folds apart as these rules need it and is
// linked anyway. Immutable; any thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include "common/schedule/cron_field.h"

namespace tarn {

class CronSchedule {
 public:
  // `zone` is an IANA name ("America/New_York") or "" for UTC. INVALID_ARGUMENT: INVALID_SCHEDULE
  // for an expression that is malformed or never comes true (30 February), INVALID_TIME_ZONE.
  static absl::StatusOr<CronSchedule> Parse(std::string_view expression, std::string_view zone);

  // The first run strictly after `after`.
  absl::Time Next(absl::Time after) const;

 private:
  enum class Fold { kFirst, kSecond };

  CronSchedule() = default;
  static absl::StatusOr<CronSchedule> ParseFields(std::string_view expression);

  bool DayFits(absl::CivilDay day) const;
  // The first local minute not before `from` that fits; false when none does within years.
  bool NextLocal(absl::CivilMinute from, absl::CivilMinute* found) const;
  absl::Time NextInstant(absl::Time after, Fold fold) const;

  absl::TimeZone zone_ = absl::UTCTimeZone();
  absl::Duration interval_;  // of @every; zero for cron
  CronField minute_;
  CronField hour_;
  CronField day_;
  CronField month_;
  CronField weekday_;
};

// Loads an IANA time zone; "" is UTC. INVALID_ARGUMENT, INVALID_TIME_ZONE when there is none.
absl::StatusOr<absl::TimeZone> LoadTimeZone(std::string_view name);

}  // namespace tarn
