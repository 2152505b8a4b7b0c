// Whether a piece of text is exactly a value of a type, so that the engine's cast of it loses
// nothing. Dates and times are ISO 8601 with years 0001 to 9999 and at most six digits of a
// second's fraction. Pure functions; any thread.
#pragma once

#include <string_view>

namespace tarn::ingestion {

bool IsDateText(std::string_view text);         // 2026-01-31
bool IsTimeText(std::string_view text);         // 23:59:01, 23:59:01.123456
bool IsTimestampText(std::string_view text);    // 2026-01-31T23:59:01.5, with T or a space
bool IsTimestampTzText(std::string_view text);  // the same with Z, +02:00 or -05 at its end
bool IsUuidText(std::string_view text);         // 8-4-4-4-12 hexadecimal digits

// A JSON number's text ("-12", "1.5e3").
bool IsIntegerText(std::string_view number);
// An integer within [min, max] of that many bytes (4, 8).
bool FitsInteger(std::string_view integer, int bytes);
// A number that a double (or float) holds: finite, not rounded to zero; an integer exactly.
bool FitsDouble(std::string_view number);
bool FitsFloat(std::string_view number);
// Digits with an optional sign and point: at most `scale` behind it and precision - scale before.
// Exponents are refused.
bool FitsDecimal(std::string_view text, int precision, int scale);

}  // namespace tarn::ingestion
