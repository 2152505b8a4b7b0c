// Text as a terminal shows it: how wide it is, cut to a width, and made harmless. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/time/time.h>

namespace tarn::cli {

// Columns that UTF-8 text takes: two for East Asian wide characters and emoji, none for combining
// ones.
int DisplayWidth(std::string_view text);

// The text where it fits into `width` columns, else as much as fits with "…" at its end.
std::string CutToWidth(std::string_view text, int width);

// On one line and without control characters, which could steer the terminal: \n, \t and \x1b are
// written out.
std::string OneLine(std::string_view text);

// "9,995".
std::string WithThousands(int64_t number);
// "12.3 MiB".
std::string BytesText(int64_t bytes);
// "1 row", "2 rows".
std::string Counted(int64_t count, std::string_view noun);
// "0.12 s", "34 s", "2 min 5 s".
std::string DurationText(absl::Duration duration);
// "2019-12-21 08:00:00" in the zone of the machine.
std::string TimeText(absl::Time time);

}  // namespace tarn::cli
