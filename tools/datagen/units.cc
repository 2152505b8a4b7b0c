#include "tools/datagen/units.h"

#include <charconv>
#include <cmath>

#include "common/status/error.h"

namespace tarn::datagen {
namespace {

constexpr double kNanosPerUnit = 1e9;
// Above this, billionths are no longer exact in a double's 53 bits.
constexpr double kLargestExact = 9e6;
// Billionths times billionths, down to ten-thousandths.
constexpr __int128 kNanosSquaredPerCostUnit = 100'000'000'000'000;

}  // namespace

int64_t DivideRounded(__int128 numerator, __int128 divisor) {
  const __int128 half = divisor / 2;
  return static_cast<int64_t>(numerator >= 0 ? (numerator + half) / divisor
                                             : -((-numerator + half) / divisor));
}

absl::StatusOr<int64_t> ExactNanos(double value) {
  if (std::fabs(value) <= kLargestExact) {
    const int64_t nanos = std::llround(value * kNanosPerUnit);
    if (static_cast<double>(nanos) / kNanosPerUnit == value) return nanos;
  }
  return InvalidArgument("TOO_MANY_DECIMALS",
                         "the number " + DoubleText(value) +
                             " has more than nine decimals or is beyond 9,000,000, so that no "
                             "exact answer can be computed");
}

int64_t CostOf(int64_t kwh_nanos, int64_t rate_nanos) {
  return DivideRounded(static_cast<__int128>(kwh_nanos) * rate_nanos, kNanosSquaredPerCostUnit);
}

int64_t CostInDoubles(double kwh, double rate) { return std::llround(kwh * rate * 1e4); }

std::string DecimalText(int64_t value, int decimals) {
  // 20 digits of a 64-bit number, or up to `decimals` leading zeros; filled from the end.
  char buffer[64];
  char* const end = buffer + sizeof(buffer);
  char* at = end;
  bool significant = decimals == 0;  // zeros at the end of a fraction are left out
  const bool negative = value < 0;
  uint64_t rest =
      negative ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  for (int place = 0; place <= decimals || rest != 0; ++place, rest /= 10) {
    if (place == decimals && place > 0) {
      if (significant) *--at = '.';
      significant = true;
    }
    const auto digit = static_cast<char>('0' + rest % 10);
    significant |= digit != '0';
    if (significant) *--at = digit;
  }
  if (negative) *--at = '-';
  return std::string(at, end);
}

std::string DoubleText(double value) {
  char buffer[400];  // the longest double without an exponent has 309 digits before the point
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed);
  return std::string(buffer, end.ptr);
}

}  // namespace tarn::datagen
