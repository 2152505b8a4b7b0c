// The exact arithmetic of the sample data. A reading in kWh, a rate in cents per kWh and a cost in
// cents are decimals, and are summed as integers of a fixed scale, so that an answer owes nothing
// to the order or the noise of floating-point additions.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include <absl/status/statusor.h>

namespace tarn::datagen {

// The integer nearest to numerator / divisor, halves away from zero; divisor > 0.
int64_t DivideRounded(__int128 numerator, __int128 divisor);

// `value` in billionths. INVALID_ARGUMENT (TOO_MANY_DECIMALS) when it is not a decimal of at most
// nine places, or beyond +-9,000,000.
absl::StatusOr<int64_t> ExactNanos(double value);

// round(kwh * rate, 4) of two decimals in billionths, in ten-thousandths of a cent, halves away
// from zero.
int64_t CostOf(int64_t kwh_nanos, int64_t rate_nanos);

// The same as an SQL engine does it with DOUBLE: round(kwh * rate * 10000).
int64_t CostInDoubles(double kwh, double rate);

// `value` / 10^decimals (0 to 18) as people write it: 29267, 5 -> "0.29267"; 0 -> "0"; 463000, 5 ->
// "4.63".
std::string DecimalText(int64_t value, int decimals);

// The shortest text that reads back as `value`, never in scientific notation: 27 -> "27".
std::string DoubleText(double value);

}  // namespace tarn::datagen
