// One value of any type, owned: what a parameter is bound to and what a single cell is read as.
// Rows in bulk are read through ColumnView (chunk.h), which does not copy. Plain values; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <absl/numeric/int128.h>

namespace tarn::duckdb {

class Value;

struct Blob {
  std::string bytes;
  friend bool operator==(const Blob&, const Blob&) = default;
};
// Days since 1970-01-01. The engine's infinities are INT32_MAX and -INT32_MAX.
struct Date {
  int32_t days = 0;
  friend bool operator==(const Date&, const Date&) = default;
};
// Nanoseconds since midnight; `with_offset` for TIME WITH TIME ZONE, whose offset is east of UTC.
struct TimeOfDay {
  int64_t nanos = 0;
  bool with_offset = false;
  int32_t offset_seconds = 0;
  friend bool operator==(const TimeOfDay&, const TimeOfDay&) = default;
};
enum class TimeUnit { kSeconds, kMillis, kMicros, kNanos };
// Ticks since 1970-01-01 00:00. `utc` for TIMESTAMP WITH TIME ZONE, otherwise a wall clock without
// a zone. The engine's infinities are INT64_MAX and -INT64_MAX.
struct Timestamp {
  int64_t ticks = 0;
  TimeUnit unit = TimeUnit::kMicros;
  bool utc = false;
  friend bool operator==(const Timestamp&, const Timestamp&) = default;
};
struct Interval {
  int32_t months = 0;
  int32_t days = 0;
  int64_t micros = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};
// unscaled / 10^scale.
struct Decimal {
  absl::int128 unscaled = 0;
  uint8_t precision = 38;
  uint8_t scale = 0;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};
// The 16 bytes in the order in which they are printed, the first the highest.
struct Uuid {
  absl::uint128 bits = 0;
  friend bool operator==(const Uuid&, const Uuid&) = default;
};
struct ListValue {
  std::vector<Value> items;
  friend bool operator==(const ListValue&, const ListValue&);
};
struct StructValue {
  std::vector<std::pair<std::string, Value>> fields;
  friend bool operator==(const StructValue&, const StructValue&);
};
struct MapValue {
  std::vector<std::pair<Value, Value>> entries;
  friend bool operator==(const MapValue&, const MapValue&);
};

// What a cell of each type becomes: NULL monostate; TINYINT to BIGINT int64_t; UTINYINT to UBIGINT
// uint64_t; HUGEINT and UHUGEINT absl::(u)int128; FLOAT and DOUBLE double; VARCHAR and enum labels
// std::string; BIT std::string of 0 and 1; BIGNUM std::string of digits; list and array ListValue;
// a union a StructValue of its one field.
class Value {
 public:
  using Variant = std::variant<std::monostate, bool, int64_t, uint64_t, absl::int128, absl::uint128,
                               double, std::string, Blob, Date, TimeOfDay, Timestamp, Interval,
                               Decimal, Uuid, ListValue, StructValue, MapValue>;

  Value() = default;  // NULL
  Value(bool v) : v_(v) {}
  Value(int v) : v_(int64_t{v}) {}
  Value(int64_t v) : v_(v) {}
  Value(uint32_t v) : v_(uint64_t{v}) {}
  Value(uint64_t v) : v_(v) {}
  Value(absl::int128 v) : v_(v) {}
  Value(absl::uint128 v) : v_(v) {}
  Value(double v) : v_(v) {}
  Value(const char* v) : v_(std::string(v)) {}
  Value(std::string v) : v_(std::move(v)) {}
  Value(std::string_view v) : v_(std::string(v)) {}
  Value(Blob v) : v_(std::move(v)) {}
  Value(Date v) : v_(v) {}
  Value(TimeOfDay v) : v_(v) {}
  Value(Timestamp v) : v_(v) {}
  Value(Interval v) : v_(v) {}
  Value(Decimal v) : v_(v) {}
  Value(Uuid v) : v_(v) {}
  Value(ListValue v) : v_(std::move(v)) {}
  Value(StructValue v) : v_(std::move(v)) {}
  Value(MapValue v) : v_(std::move(v)) {}

  bool IsNull() const { return std::holds_alternative<std::monostate>(v_); }
  template <typename T>
  const T* As() const {
    return std::get_if<T>(&v_);
  }
  const Variant& variant() const { return v_; }

  friend bool operator==(const Value&, const Value&) = default;

 private:
  Variant v_;
};

inline bool operator==(const ListValue& a, const ListValue& b) { return a.items == b.items; }
inline bool operator==(const StructValue& a, const StructValue& b) { return a.fields == b.fields; }
inline bool operator==(const MapValue& a, const MapValue& b) { return a.entries == b.entries; }

}  // namespace tarn::duckdb
