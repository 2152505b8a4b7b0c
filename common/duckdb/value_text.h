// Values as text, the same for JSON, CSV and messages. Dates and times are ISO 8601; years outside
// 0001 to 9999 carry a sign and at least six digits ("-000044-03-15" is 45 BC); the engine's
// infinities are "infinity" and "-infinity". Fractions of a second are printed only when there are
// any, without trailing zeros. Each function appends to `out`. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "common/duckdb/value.h"

namespace tarn::duckdb {

void AppendInt128(absl::int128 v, std::string& out);
void AppendUint128(absl::uint128 v, std::string& out);
// The shortest text that reads back as the same number; "NaN", "Infinity", "-Infinity".
void AppendDouble(double v, std::string& out);
void AppendFloat(float v, std::string& out);
void AppendDecimal(const Decimal& v, std::string& out);      // "-0.05": all digits of the scale
void AppendDate(Date v, std::string& out);                   // 2026-01-31
void AppendTimeOfDay(const TimeOfDay& v, std::string& out);  // 23:59:01.5, 12:00:00+02:00
void AppendTimestamp(const Timestamp& v, std::string& out);  // 2026-01-31T23:59:01.5, …Z when utc
void AppendInterval(const Interval& v, std::string& out);    // P1Y2M3DT4H5M6.5S, P0D
void AppendUuid(Uuid v, std::string& out);
void AppendBase64(std::string_view bytes, std::string& out);  // with padding

}  // namespace tarn::duckdb
