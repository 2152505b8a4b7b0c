#include "common/duckdb/value_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

#include <absl/strings/escaping.h>

namespace tarn::duckdb {
namespace {

template <typename T>
void AppendFloating(T v, std::string& out) {
  if (std::isnan(v)) {
    out += "NaN";
  } else if (std::isinf(v)) {
    out += v < 0 ? "-Infinity" : "Infinity";
  } else {
    char buffer[64];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
    out.append(buffer, end);
  }
}

void AppendPadded(int64_t v, int width, std::string& out) {
  char buffer[24];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  for (auto n = static_cast<int>(end - buffer); n < width; ++n) out += '0';
  out.append(buffer, end);
}

// A civil date of the proleptic Gregorian calendar from days since 1970-01-01 (Hinnant's
// algorithm: years begin in March, 400-year eras of 146,097 days).
void AppendCivil(int64_t days, std::string& out) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t doe = days - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int64_t day = doy - (153 * mp + 2) / 5 + 1;
  const int64_t month = mp < 10 ? mp + 3 : mp - 9;
  const int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  if (year >= 1 && year <= 9999) {
    AppendPadded(year, 4, out);
  } else {
    out += year < 0 ? '-' : '+';
    AppendPadded(year < 0 ? -year : year, 6, out);
  }
  out += '-';
  AppendPadded(month, 2, out);
  out += '-';
  AppendPadded(day, 2, out);
}

void AppendClock(int64_t nanos, std::string& out) {
  const int64_t seconds = nanos / 1'000'000'000;
  AppendPadded(seconds / 3600, 2, out);
  out += ':';
  AppendPadded(seconds / 60 % 60, 2, out);
  out += ':';
  AppendPadded(seconds % 60, 2, out);
  if (int64_t fraction = nanos % 1'000'000'000; fraction != 0) {
    out += '.';
    AppendPadded(fraction, 9, out);
    while (out.back() == '0') out.pop_back();
  }
}

int64_t TicksPerDay(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return 86'400;
    case TimeUnit::kMillis:
      return 86'400'000;
    case TimeUnit::kMicros:
      return 86'400'000'000;
    case TimeUnit::kNanos:
      return 86'400'000'000'000;
  }
  return 1;
}

}  // namespace

void AppendUint128(absl::uint128 v, std::string& out) {
  char buffer[40];
  char* begin = buffer + sizeof buffer;
  do {
    *--begin = static_cast<char>('0' + static_cast<int>(v % 10));
    v /= 10;
  } while (v != 0);
  out.append(begin, buffer + sizeof buffer);
}

void AppendInt128(absl::int128 v, std::string& out) {
  absl::uint128 magnitude(v);
  if (v < 0) {
    out += '-';
    magnitude = -magnitude;
  }
  AppendUint128(magnitude, out);
}

void AppendDouble(double v, std::string& out) { AppendFloating(v, out); }
void AppendFloat(float v, std::string& out) { AppendFloating(v, out); }

void AppendDecimal(const Decimal& v, std::string& out) {
  absl::uint128 magnitude(v.unscaled);
  if (v.unscaled < 0) {
    out += '-';
    magnitude = -magnitude;
  }
  std::string digits;
  AppendUint128(magnitude, digits);
  if (v.scale == 0) {
    out += digits;
    return;
  }
  if (digits.size() <= v.scale) digits.insert(0, v.scale + 1 - digits.size(), '0');
  out.append(digits, 0, digits.size() - v.scale);
  out += '.';
  out.append(digits, digits.size() - v.scale, v.scale);
}

void AppendDate(Date v, std::string& out) {
  constexpr int32_t kInfinity = std::numeric_limits<int32_t>::max();
  if (v.days == kInfinity) {
    out += "infinity";
  } else if (v.days == -kInfinity) {
    out += "-infinity";
  } else {
    AppendCivil(v.days, out);
  }
}

void AppendTimeOfDay(const TimeOfDay& v, std::string& out) {
  AppendClock(v.nanos, out);
  if (!v.with_offset) return;
  int32_t offset = v.offset_seconds;
  out += offset < 0 ? '-' : '+';
  if (offset < 0) offset = -offset;
  AppendPadded(offset / 3600, 2, out);
  out += ':';
  AppendPadded(offset / 60 % 60, 2, out);
  if (offset % 60 != 0) {
    out += ':';
    AppendPadded(offset % 60, 2, out);
  }
}

void AppendTimestamp(const Timestamp& v, std::string& out) {
  constexpr int64_t kInfinity = std::numeric_limits<int64_t>::max();
  if (v.ticks == kInfinity || v.ticks == -kInfinity) {
    out += v.ticks < 0 ? "-infinity" : "infinity";
    return;
  }
  const int64_t per_day = TicksPerDay(v.unit);
  int64_t days = v.ticks / per_day;
  int64_t rest = v.ticks % per_day;
  if (rest < 0) {
    rest += per_day;
    --days;
  }
  AppendCivil(days, out);
  out += 'T';
  AppendClock(rest * (86'400'000'000'000 / per_day), out);
  if (v.utc) out += 'Z';
}

void AppendInterval(const Interval& v, std::string& out) {
  const size_t start = out.size();
  out += 'P';
  auto part = [&out](int64_t n, char unit) {
    if (n == 0) return;
    out += std::to_string(n);
    out += unit;
  };
  part(v.months / 12, 'Y');
  part(v.months % 12, 'M');
  part(v.days, 'D');
  if (v.micros != 0) {
    out += 'T';
    part(v.micros / 3'600'000'000, 'H');
    part(v.micros / 60'000'000 % 60, 'M');
    if (int64_t micros = v.micros % 60'000'000; micros != 0) {
      if (micros < 0) {
        out += '-';
        micros = -micros;
      }
      out += std::to_string(micros / 1'000'000);
      if (micros % 1'000'000 != 0) {
        out += '.';
        AppendPadded(micros % 1'000'000, 6, out);
        while (out.back() == '0') out.pop_back();
      }
      out += 'S';
    }
  }
  if (out.size() == start + 1) out += "0D";
}

void AppendUuid(Uuid v, std::string& out) {
  char buffer[37];
  const uint64_t high = absl::Uint128High64(v.bits);
  const uint64_t low = absl::Uint128Low64(v.bits);
  std::snprintf(buffer, sizeof buffer, "%08x-%04x-%04x-%04x-%012llx",
                static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xffff),
                static_cast<unsigned>(high & 0xffff), static_cast<unsigned>(low >> 48),
                static_cast<unsigned long long>(low & 0xffffffffffffULL));
  out += buffer;
}

void AppendBase64(std::string_view bytes, std::string& out) {
  out += absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace tarn::duckdb
