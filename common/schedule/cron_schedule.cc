#include "common/schedule/cron_schedule.h"

#include <algorithm>
#include <array>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn {
namespace {

// 29 February is at most eight years away (1896 to 1904, 2096 to 2104).
constexpr int kSearchDays = 8 * 366 + 1;

// No fold of our time is longer.
constexpr int kMaxFoldMinutes = 4 * 60;

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kMacros = {
    {{"@yearly", "0 0 1 1 *"},
     {"@annually", "0 0 1 1 *"},
     {"@monthly", "0 0 1 * *"},
     {"@weekly", "0 0 * * 0"},
     {"@daily", "0 0 * * *"},
     {"@midnight", "0 0 * * *"},
     {"@hourly", "0 * * * *"}}};

absl::Status Invalid(std::string_view expression, std::string_view what) {
  return InvalidArgument("INVALID_SCHEDULE",
                         "schedule '" + std::string(expression) + "' " + std::string(what));
}

absl::StatusOr<absl::Duration> ParseInterval(std::string_view expression, absl::string_view text) {
  absl::Duration interval;
  if (!absl::ParseDuration(absl::StripAsciiWhitespace(text), &interval) ||
      interval < absl::Seconds(1) || interval == absl::InfiniteDuration()) {
    return Invalid(expression, "needs an interval of at least a second, such as '@every 30s'");
  }
  return interval;
}

}  // namespace

absl::StatusOr<absl::TimeZone> LoadTimeZone(std::string_view name) {
  if (name.empty() || name == "UTC") return absl::UTCTimeZone();
  absl::TimeZone zone;
  // Abseil would also take paths of files.
  const bool is_name = name.find_first_of(":.") == std::string_view::npos && name[0] != '/';
  if (is_name && absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone)) {
    return zone;
  }
  return InvalidArgument("INVALID_TIME_ZONE",
                         "there is no time zone '" + std::string(name) +
                             "'; use an IANA name such as America/New_York, or UTC",
                         {{"time_zone", std::string(name)}});
}

absl::StatusOr<CronSchedule> CronSchedule::Parse(std::string_view expression,
                                                 std::string_view zone) {
  TARN_ASSIGN_OR_RETURN(absl::TimeZone time_zone, LoadTimeZone(zone));
  const absl::string_view text =
      absl::StripAsciiWhitespace(absl::string_view(expression.data(), expression.size()));
  if (text.substr(0, 7) == "@every ") {
    CronSchedule schedule;
    TARN_ASSIGN_OR_RETURN(schedule.interval_, ParseInterval(expression, text.substr(7)));
    return schedule;
  }
  std::string_view fields(text.data(), text.size());
  if (fields.starts_with('@')) {
    const auto macro = std::find_if(kMacros.begin(), kMacros.end(),
                                    [&](const auto& entry) { return entry.first == fields; });
    if (macro == kMacros.end()) {
      return Invalid(expression,
                     "is unknown; use @hourly, @daily, @weekly, @monthly, @yearly, "
                     "'@every 30s' or five fields");
    }
    fields = macro->second;
  }
  TARN_ASSIGN_OR_RETURN(CronSchedule schedule, ParseFields(fields));
  schedule.zone_ = time_zone;
  if (absl::CivilMinute unused; !schedule.NextLocal(absl::CivilMinute(2000, 1, 1), &unused)) {
    return Invalid(expression, "never comes true: there is no such day");
  }
  return schedule;
}

absl::StatusOr<CronSchedule> CronSchedule::ParseFields(std::string_view expression) {
  static const auto* const kRanges = new std::array<CronFieldRange, 5>{
      {{"minute", 0, 59, {}},
       {"hour", 0, 23, {}},
       {"day of the month", 1, 31, {}},
       {"month",
        1,
        12,
        {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
       {"day of the week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}}};
  const std::vector<std::string> fields =
      absl::StrSplit(absl::string_view(expression.data(), expression.size()),
                     absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (fields.size() != 5) {
    return Invalid(expression,
                   "needs five fields: minute, hour, day of the month, month, day of "
                   "the week, such as '30 2 * * *'");
  }
  CronSchedule schedule;
  const std::array<CronField*, 5> targets = {&schedule.minute_, &schedule.hour_, &schedule.day_,
                                             &schedule.month_, &schedule.weekday_};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    auto field = ParseCronField(fields[i], (*kRanges)[i]);
    if (!field.ok()) {
      return Annotate(field.status(), "schedule '" + std::string(expression) + "'");
    }
    *targets[i] = *field;
  }
  if (schedule.weekday_.Has(7)) schedule.weekday_.values.set(0);
  return schedule;
}

bool CronSchedule::DayFits(absl::CivilDay day) const {
  if (!month_.Has(day.month())) return false;
  const int weekday = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;  // Abseil begins on Monday
  const bool day_fits = day_.Has(day.day());
  const bool weekday_fits = weekday_.Has(weekday);
  return day_.any || weekday_.any ? day_fits && weekday_fits : day_fits || weekday_fits;
}

bool CronSchedule::NextLocal(absl::CivilMinute from, absl::CivilMinute* found) const {
  const absl::CivilDay first(from);
  for (absl::CivilDay day = first; day < first + kSearchDays; ++day) {
    if (!DayFits(day)) continue;
    for (int hour = day == first ? from.hour() : 0; hour < 24; ++hour) {
      if (!hour_.Has(hour)) continue;
      const bool first_hour = day == first && hour == from.hour();
      for (int minute = first_hour ? from.minute() : 0; minute < 60; ++minute) {
        if (!minute_.Has(minute)) continue;
        *found = absl::CivilMinute(day.year(), day.month(), day.day(), hour, minute);
        return true;
      }
    }
  }
  return false;
}

absl::Time CronSchedule::NextInstant(absl::Time after, Fold fold) const {
  absl::CivilMinute local = absl::ToCivilMinute(after, zone_);
  // Seen from the first passage of a fold, the second begins at an earlier local time.
  if (fold == Fold::kSecond) local -= kMaxFoldMinutes;
  for (; NextLocal(local, &local); ++local) {
    const absl::TimeZone::TimeInfo info = zone_.At(absl::CivilSecond(local));
    absl::Time instant = info.pre;
    if (info.kind == absl::TimeZone::TimeInfo::SKIPPED) {
      instant = info.trans;
    } else if (fold == Fold::kSecond) {
      instant = info.post;
    }
    if (instant > after) return instant;
  }
  return absl::InfiniteFuture();  // not reached: Parse refuses what never comes true
}

absl::Time CronSchedule::Next(absl::Time after) const {
  if (interval_ > absl::ZeroDuration()) {
    const absl::Duration since = absl::Floor(after - absl::UnixEpoch(), interval_);
    return absl::UnixEpoch() + since + interval_;
  }
  const absl::Time first = NextInstant(after, Fold::kFirst);
  return hour_.any && hour_.values.count() == 24
             ? std::min(first, NextInstant(after, Fold::kSecond))
             : first;
}

}  // namespace tarn
