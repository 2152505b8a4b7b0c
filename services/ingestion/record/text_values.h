// Texts and numbers of JSON as exact values of a type: nothing where a value could not be held as
// it stands. Dates and times are ISO 8601 with years 0001 to 9999 and at most six digits of a
// second's fraction. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <absl/numeric/int128.h>

namespace tarn::ingestion {

// Days since 1970-01-01: 2026-01-31.
std::optional<int32_t> DateFromText(std::string_view text);
// Microseconds of the day: 23:59:01, 23:59:01.123456.
std::optional<int64_t> TimeFromText(std::string_view text);
// Microseconds since 1970 of the wall clock: 2026-01-31T23:59:01.5, with T or a space.
std::optional<int64_t> TimestampFromText(std::string_view text);
// Microseconds since 1970 in UTC: the same with Z, +02:00 or -05 at its end.
std::optional<int64_t> TimestampTzFromText(std::string_view text);
// 8-4-4-4-12 hexadecimal digits.
std::optional<absl::uint128> UuidFromText(std::string_view text);

// A JSON number's text ("-12", "1.5e3"): whether it has neither fraction nor exponent.
bool IsIntegerText(std::string_view number);
// An integer within the type's range.
std::optional<int64_t> LongFromNumber(std::string_view integer);
std::optional<int32_t> IntFromNumber(std::string_view integer);
// A number that a double (or float) holds: finite, not rounded to zero; an integer exactly.
std::optional<double> DoubleFromNumber(std::string_view number);
std::optional<float> FloatFromNumber(std::string_view number);
// Digits with an optional sign and point: at most `scale` behind it and precision - scale before.
// Exponents are refused. The value times 10^scale.
std::optional<absl::int128> DecimalFromText(std::string_view text, int precision, int scale);

}  // namespace tarn::ingestion
