// Rows of our own that the engine reads as a table: typed values are written straight into its
// vectors, by as many of its threads as the source allows.
//
//   ScopedRowSource source(records);
//   connection.Query("CREATE TABLE t AS SELECT * FROM " + source.sql());
//
// The instance must have been opened with DatabaseOptions::row_sources. A statement that names a
// source that is gone fails with SQL_ERROR. Columns may be of the types that the catalog knows
// (common/table_schema): others are INVALID_ARGUMENT SQL_ERROR when the statement is prepared.
//
// Threads: NewReader is called on any of the engine's threads; each reader, and each writer,
// belongs to one of them at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/numeric/int128.h>
#include <absl/status/status.h>

#include "common/duckdb/logical_type.h"

namespace tarn::duckdb {

namespace internal {
struct RowSourceFunction;
}

// One column of a chunk that is being filled, or one part of a nested column. Every row must be
// given a value or SetNull. The setters do not check: the type must be of the kind that they name.
class VectorWriter {
 public:
  explicit VectorWriter(const LogicalType& type);

  const LogicalType& type() const { return *type_; }

  void SetBool(uint64_t row, bool value) { Put<uint8_t>(row, value ? 1 : 0); }
  // INTEGER, DATE (days since 1970).
  void SetInt32(uint64_t row, int32_t value) { Put(row, value); }
  // BIGINT, TIME, TIMESTAMP, TIMESTAMP WITH TIME ZONE (microseconds).
  void SetInt64(uint64_t row, int64_t value) { Put(row, value); }
  void SetFloat(uint64_t row, float value) { Put(row, value); }
  void SetDouble(uint64_t row, double value) { Put(row, value); }
  void SetDecimal(uint64_t row, absl::int128 unscaled);
  // The 16 bytes in the order in which they are printed, the first the highest.
  void SetUuid(uint64_t row, absl::uint128 bits);
  // VARCHAR (valid UTF-8), BLOB. Bytes beyond 12 are not copied: they must stay until the statement
  // has ended.
  void SetBytes(uint64_t row, std::string_view bytes) {
    MarkValid(row);
    StringSlot slot = {};
    slot.length = static_cast<uint32_t>(bytes.size());
    if (bytes.size() <= kInlineBytes) {
      std::memcpy(slot.inlined, bytes.data(), bytes.size());
    } else {
      std::memcpy(slot.inlined, bytes.data(), kPrefixBytes);
      const char* const pointer = bytes.data();
      std::memcpy(slot.inlined + kPrefixBytes, &pointer, sizeof(pointer));
    }
    static_cast<StringSlot*>(data_)[row] = slot;
  }
  // Of a struct, all below it too.
  void SetNull(uint64_t row);

  // STRUCT: the struct itself is there; its fields, child(i), take the same row.
  void SetStruct(uint64_t row) { MarkValid(row); }
  // LIST, MAP: a value begins; AppendElement gives the rows of its elements, one after the other,
  // in child(0) (a map's keys) and, for a map, child(1). EndList closes it.
  void BeginList(uint64_t row);
  uint64_t AppendElement() {
    if (list_size_ == list_capacity_) Grow();
    return list_size_++;
  }
  void EndList(uint64_t row);
  VectorWriter& child(size_t i) { return children_[i]; }
  size_t child_count() const { return children_.size(); }

 private:
  friend class ChunkWriter;

  // As the engine lays out its list entries and strings: of a long string the first bytes and a
  // pointer stand in place of its bytes.
  static constexpr size_t kInlineBytes = 12;
  static constexpr size_t kPrefixBytes = 4;
  struct alignas(8) StringSlot {
    uint32_t length;
    char inlined[kInlineBytes];
  };
  struct ListSlot {
    uint64_t offset;
    uint64_t length;
  };

  void Bind(void* vector);
  void Grow();
  void CollectLists(std::vector<VectorWriter*>& lists);
  template <typename T>
  void Put(uint64_t row, T value) {
    MarkValid(row);
    static_cast<T*>(data_)[row] = value;
  }
  void MarkValid(uint64_t row) {
    if (validity_ != nullptr) validity_[row >> 6] |= uint64_t{1} << (row & 63);
  }
  bool IsList() const { return type_->kind == TypeKind::kList || type_->kind == TypeKind::kMap; }

  const LogicalType* type_;
  void* vector_ = nullptr;
  void* data_ = nullptr;
  uint64_t* validity_ = nullptr;  // null: nothing is NULL so far
  uint64_t list_size_ = 0;
  uint64_t list_kept_ = 0;  // of the rows that are finished
  uint64_t list_capacity_ = 0;
  std::vector<VectorWriter> children_;
};

// The rows of one chunk. Write the columns at row(), then FinishRow, or AbandonRow, which takes
// back whatever was written of the row.
class ChunkWriter {
 public:
  explicit ChunkWriter(const Schema& schema);

  uint64_t row() const { return row_; }
  bool full() const { return row_ == capacity_; }
  VectorWriter& column(size_t i) { return columns_[i]; }
  void FinishRow() {
    ++row_;
    for (VectorWriter* list : lists_) list->list_kept_ = list->list_size_;
  }
  void AbandonRow() {
    for (VectorWriter* list : lists_) list->list_size_ = list->list_kept_;
  }

 private:
  friend struct internal::RowSourceFunction;

  void Bind(void* chunk);
  void Close(void* chunk);

  std::vector<VectorWriter> columns_;
  std::vector<VectorWriter*> lists_;
  uint64_t row_ = 0;
  uint64_t capacity_ = 0;
};

class RowReader {
 public:
  virtual ~RowReader() = default;
  // Fills the chunk as far as it goes; one without a row means that this reader is at its end.
  // After an error the statement fails with SQL_ERROR and the error's message.
  virtual absl::Status Read(ChunkWriter& chunk) = 0;
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  // The same as long as the source lives.
  virtual const Schema& schema() const = 0;
  virtual uint64_t row_estimate() const = 0;
  // How many readers may work at the same time.
  virtual int max_readers() const = 0;
  // The readers of one statement share the rows between them.
  virtual std::unique_ptr<RowReader> NewReader() = 0;
};

// A source's name in SQL, for as long as this lives. The source outlives it.
class ScopedRowSource {
 public:
  explicit ScopedRowSource(RowSource& source);
  ~ScopedRowSource();
  ScopedRowSource(const ScopedRowSource&) = delete;
  ScopedRowSource& operator=(const ScopedRowSource&) = delete;
  // A table function's call, to stand behind FROM.
  std::string sql() const;

 private:
  const uint64_t id_;
};

}  // namespace tarn::duckdb
