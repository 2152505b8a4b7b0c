// Rows of a result as the engine holds them: columns of up to 2,048 values, read in place.
//
//   for (uint64_t row = 0; row < chunk.size(); ++row) {
//     if (!chunk.column(0).IsNull(row)) total += chunk.column(0).Int64(row);
//   }
//
// A Chunk is a cheap handle; the ColumnViews and every string_view taken from them live as long as
// one copy of it does. A chunk may be read by several threads at once and keeps its database open.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/numeric/int128.h>

#include "common/duckdb/logical_type.h"
#include "common/duckdb/value.h"

namespace tarn::duckdb {

namespace internal {
struct ChunkBuilder;
}

// One column, or one part of a nested column. The typed getters do not check: `row` must be in
// range and not NULL, and the type must be of a kind that the getter names.
class ColumnView {
 public:
  const LogicalType& type() const { return *type_; }

  bool IsNull(uint64_t row) const {
    return validity_ != nullptr && (validity_[row >> 6] >> (row & 63) & 1) == 0;
  }

  bool Bool(uint64_t row) const { return Raw<uint8_t>(row) != 0; }
  int64_t Int64(uint64_t row) const;          // TINYINT to BIGINT, UTINYINT to UINTEGER
  uint64_t Uint64(uint64_t row) const;        // UTINYINT to UBIGINT
  absl::int128 Int128(uint64_t row) const;    // every integer but UHUGEINT; DECIMAL, unscaled
  absl::uint128 Uint128(uint64_t row) const;  // UHUGEINT
  double Double(uint64_t row) const;          // FLOAT, DOUBLE, every integer, DECIMAL (rounded)
  float Float(uint64_t row) const { return Raw<float>(row); }
  // VARCHAR, BLOB: the bytes. Valid UTF-8 for VARCHAR.
  std::string_view Bytes(uint64_t row) const;
  std::string BitText(uint64_t row) const;     // BIT: "0101"
  std::string BigNumText(uint64_t row) const;  // BIGNUM: "-12345…"
  Date GetDate(uint64_t row) const { return Date{Raw<int32_t>(row)}; }
  TimeOfDay GetTime(uint64_t row) const;       // the three kinds of TIME
  Timestamp GetTimestamp(uint64_t row) const;  // the five kinds of TIMESTAMP
  Interval GetInterval(uint64_t row) const;
  Decimal GetDecimal(uint64_t row) const;
  Uuid GetUuid(uint64_t row) const;
  uint32_t EnumIndex(uint64_t row) const;
  const std::string& EnumLabel(uint64_t row) const { return type_->labels[EnumIndex(row)]; }

  // LIST, MAP, ARRAY: the rows of the children that make up the value of `row`.
  struct Span {
    uint64_t begin = 0;
    uint64_t length = 0;
  };
  Span Elements(uint64_t row) const;
  // LIST, ARRAY: child 0, the elements, and MAP: 0 keys, 1 values, each by the rows of Elements().
  // STRUCT, UNION: the fields, by the same row.
  const ColumnView& child(size_t i) const { return children_[i]; }
  size_t child_count() const { return children_.size(); }
  // UNION: which child holds the value.
  size_t UnionTag(uint64_t row) const { return static_cast<const uint8_t*>(aux_)[row]; }

  // The value of `row`, copied; NULL for NULL and for a kind that is not known.
  Value Get(uint64_t row) const;

 private:
  friend struct internal::ChunkBuilder;

  template <typename T>
  T Raw(uint64_t row) const {
    T value;
    std::memcpy(&value, static_cast<const char*>(data_) + row * sizeof(T), sizeof(T));
    return value;
  }

  const LogicalType* type_ = nullptr;  // in the Schema that the Chunk keeps
  const void* data_ = nullptr;
  const uint64_t* validity_ = nullptr;  // nullptr: no NULL
  const void* aux_ = nullptr;           // UNION: the tags
  std::vector<ColumnView> children_;
};

class Chunk {
 public:
  uint64_t size() const { return size_; }
  size_t column_count() const { return columns_->size(); }
  const ColumnView& column(size_t i) const { return (*columns_)[i]; }
  const Schema& schema() const { return *schema_; }

 private:
  friend struct internal::ChunkBuilder;

  std::shared_ptr<void> handle_;  // the engine's chunk, and the connection under it
  std::shared_ptr<const Schema> schema_;
  std::shared_ptr<const std::vector<ColumnView>> columns_;
  uint64_t size_ = 0;
};

}  // namespace tarn::duckdb
