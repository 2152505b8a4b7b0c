#include "services/ingestion/record/text_values.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <system_error>

#include <absl/time/civil_time.h>

namespace tarn::ingestion {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// `count` digits at the beginning of `text`, taken off it; -1 when they are not there.
int TakeDigits(std::string_view& text, int count) {
  if (text.size() < static_cast<size_t>(count)) return -1;
  int value = 0;
  for (int i = 0; i < count; ++i) {
    if (!IsDigit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(static_cast<size_t>(count));
  return value;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

bool TakeDate(std::string_view& text) {
  const int year = TakeDigits(text, 4);
  if (year < 1 || !Take(text, '-')) return false;
  const int month = TakeDigits(text, 2);
  if (month < 1 || !Take(text, '-')) return false;
  const int day = TakeDigits(text, 2);
  if (day < 1) return false;
  const absl::CivilDay civil(year, month, day);  // normalises what does not exist
  return civil.month() == month && civil.day() == day;
}

bool TakeTime(std::string_view& text) {
  const int hour = TakeDigits(text, 2);
  if (hour < 0 || hour > 23 || !Take(text, ':')) return false;
  const int minute = TakeDigits(text, 2);
  if (minute < 0 || minute > 59) return false;
  if (!Take(text, ':')) return false;
  const int second = TakeDigits(text, 2);
  if (second < 0 || second > 59) return false;
  if (!Take(text, '.')) return true;
  size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  text.remove_prefix(digits);
  return digits >= 1 && digits <= 6;
}

bool TakeTimestamp(std::string_view& text) {
  return TakeDate(text) && (Take(text, 'T') || Take(text, ' ')) && TakeTime(text);
}

bool IsZero(std::string_view number) {
  for (const char c : number) {
    if (c == 'e' || c == 'E') break;
    if (c >= '1' && c <= '9') return false;
  }
  return true;
}

template <typename T>
bool FitsFloating(std::string_view number) {
  T value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size()) return false;
  if (!std::isfinite(value) || (value == 0 && !IsZero(number))) return false;
  if (!IsIntegerText(number)) return true;
  // An integer that is rounded would come back as another one.
  constexpr int kExactBits = std::numeric_limits<T>::digits;
  if (std::fabs(value) <= static_cast<T>(int64_t{1} << kExactBits)) {
    int64_t integer = 0;
    std::from_chars(number.data(), number.data() + number.size(), integer);
    return static_cast<T>(integer) == value && static_cast<int64_t>(value) == integer;
  }
  char digits[512];
  const auto [last, failed] =
      std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::fixed, 0);
  return failed == std::errc() &&
         std::string_view(digits, static_cast<size_t>(last - digits)) == number;
}

}  // namespace

bool IsDateText(std::string_view text) { return TakeDate(text) && text.empty(); }
bool IsTimeText(std::string_view text) { return TakeTime(text) && text.empty(); }
bool IsTimestampText(std::string_view text) { return TakeTimestamp(text) && text.empty(); }

bool IsTimestampTzText(std::string_view text) {
  if (!TakeTimestamp(text)) return false;
  if (text == "Z") return true;
  if (!Take(text, '+') && !Take(text, '-')) return false;
  const int hours = TakeDigits(text, 2);
  if (hours < 0 || hours > 15) return false;
  if (text.empty()) return true;
  if (!Take(text, ':')) return false;
  const int minutes = TakeDigits(text, 2);
  return minutes >= 0 && minutes <= 59 && text.empty();
}

bool IsUuidText(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool hex = IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

bool IsIntegerText(std::string_view number) {
  return number.find_first_of(".eE") == std::string_view::npos;
}

bool FitsInteger(std::string_view integer, int bytes) {
  const char* const end = integer.data() + integer.size();
  if (bytes == 4) {
    int32_t value = 0;
    const auto result = std::from_chars(integer.data(), end, value);
    return result.ec == std::errc() && result.ptr == end;
  }
  int64_t value = 0;
  const auto result = std::from_chars(integer.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

bool FitsDouble(std::string_view number) { return FitsFloating<double>(number); }
bool FitsFloat(std::string_view number) { return FitsFloating<float>(number); }

bool FitsDecimal(std::string_view text, int precision, int scale) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  const size_t point = text.find('.');
  std::string_view whole = text.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (whole.empty() || (point != std::string_view::npos && fraction.empty())) return false;
  for (const char c : whole) {
    if (!IsDigit(c)) return false;
  }
  for (const char c : fraction) {
    if (!IsDigit(c)) return false;
  }
  while (!whole.empty() && whole[0] == '0') whole.remove_prefix(1);
  return static_cast<int>(fraction.size()) <= scale &&
         static_cast<int>(whole.size()) <= precision - scale;
}

}  // namespace tarn::ingestion
