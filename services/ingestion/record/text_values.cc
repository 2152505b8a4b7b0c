#include "services/ingestion/record/text_values.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include <absl/time/civil_time.h>

namespace tarn::ingestion {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

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

std::optional<int32_t> TakeDate(std::string_view& text) {
  const int year = TakeDigits(text, 4);
  if (year < 1 || !Take(text, '-')) return std::nullopt;
  const int month = TakeDigits(text, 2);
  if (month < 1 || !Take(text, '-')) return std::nullopt;
  const int day = TakeDigits(text, 2);
  if (day < 1) return std::nullopt;
  const absl::CivilDay civil(year, month, day);  // normalises what does not exist
  if (civil.month() != month || civil.day() != day) return std::nullopt;
  return static_cast<int32_t>(civil - absl::CivilDay(1970, 1, 1));
}

std::optional<int64_t> TakeTime(std::string_view& text) {
  const int hour = TakeDigits(text, 2);
  if (hour < 0 || hour > 23 || !Take(text, ':')) return std::nullopt;
  const int minute = TakeDigits(text, 2);
  if (minute < 0 || minute > 59 || !Take(text, ':')) return std::nullopt;
  const int second = TakeDigits(text, 2);
  if (second < 0 || second > 59) return std::nullopt;
  int64_t micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond;
  if (!Take(text, '.')) return micros;
  size_t digits = 0;
  int64_t unit = kMicrosPerSecond;
  while (digits < text.size() && IsDigit(text[digits])) {
    unit /= 10;
    micros += (text[digits++] - '0') * unit;
  }
  text.remove_prefix(digits);
  if (digits < 1 || digits > 6) return std::nullopt;
  return micros;
}

std::optional<int64_t> TakeTimestamp(std::string_view& text) {
  const std::optional<int32_t> days = TakeDate(text);
  if (!days || !(Take(text, 'T') || Take(text, ' '))) return std::nullopt;
  const std::optional<int64_t> time = TakeTime(text);
  if (!time) return std::nullopt;
  return *days * kMicrosPerDay + *time;
}

template <typename T>
std::optional<T> IfAtEnd(std::optional<T> value, std::string_view rest) {
  return rest.empty() ? value : std::nullopt;
}

bool IsZero(std::string_view number) {
  for (const char c : number) {
    if (c == 'e' || c == 'E') break;
    if (c >= '1' && c <= '9') return false;
  }
  return true;
}

template <typename T>
std::optional<T> IntegerFromNumber(std::string_view integer) {
  T value = 0;
  const char* const end = integer.data() + integer.size();
  const auto result = std::from_chars(integer.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

template <typename T>
std::optional<T> FloatingFromNumber(std::string_view number) {
  T value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  if (!std::isfinite(value) || (value == 0 && !IsZero(number))) return std::nullopt;
  if (!IsIntegerText(number)) return value;
  // An integer that is rounded would come back as another one.
  constexpr int kExactBits = std::numeric_limits<T>::digits;
  bool exact = false;
  if (std::fabs(value) <= static_cast<T>(int64_t{1} << kExactBits)) {
    int64_t integer = 0;
    std::from_chars(number.data(), number.data() + number.size(), integer);
    exact = static_cast<T>(integer) == value && static_cast<int64_t>(value) == integer;
  } else {
    char digits[512];
    const auto [last, failed] =
        std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::fixed, 0);
    exact = failed == std::errc() &&
            std::string_view(digits, static_cast<size_t>(last - digits)) == number;
  }
  if (!exact) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int32_t> DateFromText(std::string_view text) {
  const std::optional<int32_t> days = TakeDate(text);
  return IfAtEnd(days, text);
}

std::optional<int64_t> TimeFromText(std::string_view text) {
  const std::optional<int64_t> micros = TakeTime(text);
  return IfAtEnd(micros, text);
}

std::optional<int64_t> TimestampFromText(std::string_view text) {
  const std::optional<int64_t> micros = TakeTimestamp(text);
  return IfAtEnd(micros, text);
}

std::optional<int64_t> TimestampTzFromText(std::string_view text) {
  const std::optional<int64_t> micros = TakeTimestamp(text);
  if (!micros || text == "Z") return micros;
  const bool east = Take(text, '+');
  if (!east && !Take(text, '-')) return std::nullopt;
  const int hours = TakeDigits(text, 2);
  if (hours < 0 || hours > 15) return std::nullopt;
  int minutes = 0;
  if (!text.empty()) {
    if (!Take(text, ':')) return std::nullopt;
    minutes = TakeDigits(text, 2);
    if (minutes < 0 || minutes > 59 || !text.empty()) return std::nullopt;
  }
  const int64_t offset = (hours * 60 + minutes) * 60 * kMicrosPerSecond;
  return east ? *micros - offset : *micros + offset;
}

std::optional<absl::uint128> UuidFromText(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  absl::uint128 bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return std::nullopt;
      continue;
    }
    int digit = 0;
    if (IsDigit(c)) {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return std::nullopt;
    }
    bits = bits << 4 | static_cast<absl::uint128>(digit);
  }
  return bits;
}

bool IsIntegerText(std::string_view number) {
  for (const char c : number) {
    if (c == '.' || c == 'e' || c == 'E') return false;
  }
  return true;
}

std::optional<int64_t> LongFromNumber(std::string_view integer) {
  return IntegerFromNumber<int64_t>(integer);
}

std::optional<int32_t> IntFromNumber(std::string_view integer) {
  return IntegerFromNumber<int32_t>(integer);
}

std::optional<double> DoubleFromNumber(std::string_view number) {
  return FloatingFromNumber<double>(number);
}

std::optional<float> FloatFromNumber(std::string_view number) {
  return FloatingFromNumber<float>(number);
}

std::optional<absl::int128> DecimalFromText(std::string_view text, int precision, int scale) {
  const bool negative = Take(text, '-');
  const size_t point = text.find('.');
  std::string_view whole = text.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (whole.empty() || (point != std::string_view::npos && fraction.empty())) return std::nullopt;
  for (const char c : whole) {
    if (!IsDigit(c)) return std::nullopt;
  }
  for (const char c : fraction) {
    if (!IsDigit(c)) return std::nullopt;
  }
  while (!whole.empty() && whole[0] == '0') whole.remove_prefix(1);
  if (static_cast<int>(fraction.size()) > scale ||
      static_cast<int>(whole.size()) > precision - scale) {
    return std::nullopt;
  }
  absl::int128 value = 0;  // at most 38 digits, which it holds
  for (const char c : whole) value = value * 10 + (c - '0');
  for (const char c : fraction) value = value * 10 + (c - '0');
  for (int i = static_cast<int>(fraction.size()); i < scale; ++i) value *= 10;
  return negative ? -value : value;
}

}  // namespace tarn::ingestion
