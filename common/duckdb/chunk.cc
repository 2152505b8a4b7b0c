#include "common/duckdb/chunk.h"

#include <algorithm>

namespace tarn::duckdb {
namespace {

// The engine's string: a length, then up to 12 bytes in place, or a prefix of 4 and a pointer.
struct EngineString {
  uint32_t length;
  char inlined_or_prefix[4];
  const char* pointer;
};
static_assert(sizeof(EngineString) == 16);

struct EngineHugeInt {
  uint64_t lower;
  int64_t upper;
};

struct EngineListEntry {
  uint64_t offset;
  uint64_t length;
};

struct EngineInterval {
  int32_t months;
  int32_t days;
  int64_t micros;
};

// TIME WITH TIME ZONE: microseconds in the upper 40 bits; below, kMaxOffset minus the offset, so
// that values sort by their instant.
constexpr int32_t kMaxOffset = 16 * 60 * 60 - 1;
constexpr int kOffsetBits = 24;

// The digits of a big-endian number of any length, by long division.
std::string DecimalDigits(std::vector<uint8_t> bytes) {
  std::string digits;
  auto first = bytes.begin();
  while (first != bytes.end()) {
    uint32_t rest = 0;
    for (auto it = first; it != bytes.end(); ++it) {
      const uint32_t n = rest << 8 | *it;
      *it = static_cast<uint8_t>(n / 10);
      rest = n % 10;
    }
    digits += static_cast<char>('0' + rest);
    while (first != bytes.end() && *first == 0) ++first;
  }
  if (digits.empty()) digits.push_back('0');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace

int64_t ColumnView::Int64(uint64_t row) const {
  switch (type_->kind) {
    case TypeKind::kTinyInt:
      return Raw<int8_t>(row);
    case TypeKind::kSmallInt:
      return Raw<int16_t>(row);
    case TypeKind::kInteger:
      return Raw<int32_t>(row);
    case TypeKind::kBigInt:
      return Raw<int64_t>(row);
    default:
      return static_cast<int64_t>(Uint64(row));
  }
}

uint64_t ColumnView::Uint64(uint64_t row) const {
  switch (type_->kind) {
    case TypeKind::kUTinyInt:
      return Raw<uint8_t>(row);
    case TypeKind::kUSmallInt:
      return Raw<uint16_t>(row);
    case TypeKind::kUInteger:
      return Raw<uint32_t>(row);
    default:
      return Raw<uint64_t>(row);
  }
}

absl::int128 ColumnView::Int128(uint64_t row) const {
  size_t bytes = 0;
  switch (type_->kind) {
    case TypeKind::kHugeInt:
      bytes = 16;
      break;
    case TypeKind::kDecimal:
      bytes = type_->storage_bytes;
      break;
    case TypeKind::kUTinyInt:
    case TypeKind::kUSmallInt:
    case TypeKind::kUInteger:
    case TypeKind::kUBigInt:
      return absl::int128(Uint64(row));
    default:
      return Int64(row);
  }
  switch (bytes) {
    case 2:
      return Raw<int16_t>(row);
    case 4:
      return Raw<int32_t>(row);
    case 8:
      return Raw<int64_t>(row);
    default: {
      const auto huge = Raw<EngineHugeInt>(row);
      return absl::MakeInt128(huge.upper, huge.lower);
    }
  }
}

absl::uint128 ColumnView::Uint128(uint64_t row) const {
  const auto huge = Raw<EngineHugeInt>(row);
  return absl::MakeUint128(static_cast<uint64_t>(huge.upper), huge.lower);
}

double ColumnView::Double(uint64_t row) const {
  switch (type_->kind) {
    case TypeKind::kFloat:
      return Raw<float>(row);
    case TypeKind::kDouble:
      return Raw<double>(row);
    case TypeKind::kUHugeInt:
      return static_cast<double>(Uint128(row));
    case TypeKind::kDecimal: {
      double power = 1;
      for (int i = 0; i < type_->scale; ++i) power *= 10;
      return static_cast<double>(Int128(row)) / power;
    }
    default:
      return static_cast<double>(Int128(row));
  }
}

std::string_view ColumnView::Bytes(uint64_t row) const {
  // Short strings lie inside the vector itself, so the view must point there and not into a copy.
  const char* at = static_cast<const char*>(data_) + row * sizeof(EngineString);
  EngineString string;
  std::memcpy(&string, at, sizeof string);
  if (string.length <= 12) return {at + sizeof string.length, string.length};
  return {string.pointer, string.length};
}

std::string ColumnView::BitText(uint64_t row) const {
  // One byte that says how many bits of the next are padding, then the bits, the highest first.
  const std::string_view bytes = Bytes(row);
  std::string out;
  if (bytes.empty()) return out;
  const auto padding = static_cast<size_t>(static_cast<uint8_t>(bytes[0]));
  for (size_t bit = padding; bit < (bytes.size() - 1) * 8; ++bit) {
    out += (static_cast<uint8_t>(bytes[1 + bit / 8]) >> (7 - bit % 8) & 1) != 0 ? '1' : '0';
  }
  return out;
}

std::string ColumnView::BigNumText(uint64_t row) const {
  // Three bytes of header, whose highest bit is set for numbers from 0 up, then the magnitude; a
  // negative number has every bit turned around, so that bytes sort as numbers.
  const std::string_view bytes = Bytes(row);
  if (bytes.size() < 4) return "0";
  const bool negative = (static_cast<uint8_t>(bytes[0]) & 0x80) == 0;
  std::vector<uint8_t> magnitude;
  for (char c : bytes.substr(3)) {
    const auto byte = static_cast<uint8_t>(c);
    magnitude.push_back(negative ? static_cast<uint8_t>(~byte) : byte);
  }
  std::string text;
  if (negative) text.push_back('-');
  text.append(DecimalDigits(std::move(magnitude)));
  return text;
}

TimeOfDay ColumnView::GetTime(uint64_t row) const {
  switch (type_->kind) {
    case TypeKind::kTimeNs:
      return TimeOfDay{Raw<int64_t>(row)};
    case TypeKind::kTimeTz: {
      const auto bits = Raw<uint64_t>(row);
      const auto below = static_cast<int32_t>(bits & ((1U << kOffsetBits) - 1));
      return TimeOfDay{static_cast<int64_t>(bits >> kOffsetBits) * 1000, true, kMaxOffset - below};
    }
    default:
      return TimeOfDay{Raw<int64_t>(row) * 1000};
  }
}

Timestamp ColumnView::GetTimestamp(uint64_t row) const {
  Timestamp result{Raw<int64_t>(row)};
  switch (type_->kind) {
    case TypeKind::kTimestampS:
      result.unit = TimeUnit::kSeconds;
      break;
    case TypeKind::kTimestampMs:
      result.unit = TimeUnit::kMillis;
      break;
    case TypeKind::kTimestampNs:
      result.unit = TimeUnit::kNanos;
      break;
    default:
      result.utc = type_->kind == TypeKind::kTimestampTz;
  }
  return result;
}

Interval ColumnView::GetInterval(uint64_t row) const {
  const auto v = Raw<EngineInterval>(row);
  return Interval{v.months, v.days, v.micros};
}

Decimal ColumnView::GetDecimal(uint64_t row) const {
  return Decimal{Int128(row), type_->precision, type_->scale};
}

Uuid ColumnView::GetUuid(uint64_t row) const {
  // Stored with the highest bit turned around, so that signed order is the printed order.
  return Uuid{Uint128(row) ^ absl::MakeUint128(uint64_t{1} << 63, 0)};
}

uint32_t ColumnView::EnumIndex(uint64_t row) const {
  switch (type_->storage_bytes) {
    case 1:
      return Raw<uint8_t>(row);
    case 2:
      return Raw<uint16_t>(row);
    default:
      return Raw<uint32_t>(row);
  }
}

ColumnView::Span ColumnView::Elements(uint64_t row) const {
  if (type_->kind == TypeKind::kArray) return {row * type_->array_size, type_->array_size};
  const auto entry = Raw<EngineListEntry>(row);
  return {entry.offset, entry.length};
}

Value ColumnView::Get(uint64_t row) const {
  if (IsNull(row)) return {};
  switch (type_->kind) {
    case TypeKind::kInvalid:
    case TypeKind::kNull:
      return {};
    case TypeKind::kBoolean:
      return Bool(row);
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInteger:
    case TypeKind::kBigInt:
      return Int64(row);
    case TypeKind::kUTinyInt:
    case TypeKind::kUSmallInt:
    case TypeKind::kUInteger:
    case TypeKind::kUBigInt:
      return Uint64(row);
    case TypeKind::kHugeInt:
      return Int128(row);
    case TypeKind::kUHugeInt:
      return Uint128(row);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return Double(row);
    case TypeKind::kDecimal:
      return GetDecimal(row);
    case TypeKind::kVarchar:
      return Bytes(row);
    case TypeKind::kBlob:
      return Blob{std::string(Bytes(row))};
    case TypeKind::kBit:
      return BitText(row);
    case TypeKind::kBigNum:
      return BigNumText(row);
    case TypeKind::kUuid:
      return GetUuid(row);
    case TypeKind::kDate:
      return GetDate(row);
    case TypeKind::kTime:
    case TypeKind::kTimeNs:
    case TypeKind::kTimeTz:
      return GetTime(row);
    case TypeKind::kTimestampS:
    case TypeKind::kTimestampMs:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestampTz:
      return GetTimestamp(row);
    case TypeKind::kInterval:
      return GetInterval(row);
    case TypeKind::kEnum:
      return EnumLabel(row);
    case TypeKind::kList:
    case TypeKind::kArray: {
      ListValue list;
      const Span span = Elements(row);
      for (uint64_t i = 0; i < span.length; ++i) list.items.push_back(child(0).Get(span.begin + i));
      return list;
    }
    case TypeKind::kMap: {
      MapValue map;
      const Span span = Elements(row);
      for (uint64_t i = 0; i < span.length; ++i) {
        map.entries.emplace_back(child(0).Get(span.begin + i), child(1).Get(span.begin + i));
      }
      return map;
    }
    case TypeKind::kStruct: {
      StructValue fields;
      for (size_t i = 0; i < children_.size(); ++i) {
        fields.fields.emplace_back(type_->child_names[i], child(i).Get(row));
      }
      return fields;
    }
    case TypeKind::kUnion: {
      StructValue fields;
      const size_t tag = UnionTag(row);
      fields.fields.emplace_back(type_->child_names[tag], child(tag).Get(row));
      return fields;
    }
  }
  return {};
}

}  // namespace tarn::duckdb
