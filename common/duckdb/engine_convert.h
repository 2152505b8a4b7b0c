// Internal to common/duckdb: types, chunks and values between the engine's form and ours.
#pragma once

#include <duckdb.h>
#include <memory>

#include <absl/status/statusor.h>

#include "common/duckdb/chunk.h"
#include "common/duckdb/logical_type.h"
#include "common/duckdb/value.h"

namespace tarn::duckdb::internal {

LogicalType TypeFromEngine(duckdb_logical_type type);

// An engine's type, destroyed with the pointer.
struct EngineTypeDeleter {
  void operator()(duckdb_logical_type type) const { duckdb_destroy_logical_type(&type); }
};
using EngineType = std::unique_ptr<std::remove_pointer_t<duckdb_logical_type>, EngineTypeDeleter>;

// The types that the catalog knows; INVALID_ARGUMENT SQL_ERROR for any other.
absl::StatusOr<EngineType> TypeToEngine(const LogicalType& type);

struct ChunkBuilder {
  // Takes `chunk` over; `keep_open` lives as long as the chunk.
  static Chunk Build(duckdb_data_chunk chunk, std::shared_ptr<const Schema> schema,
                     std::shared_ptr<void> keep_open);
  static ColumnView View(const LogicalType& type, duckdb_vector vector);
};

// An engine's value, destroyed with the pointer.
struct EngineValueDeleter {
  void operator()(duckdb_value value) const { duckdb_destroy_value(&value); }
};
using EngineValue = std::unique_ptr<std::remove_pointer_t<duckdb_value>, EngineValueDeleter>;

// INVALID_ARGUMENT for what the engine cannot hold: lists or maps whose elements differ in type,
// text that is not UTF-8, a decimal of more than 38 digits.
absl::StatusOr<EngineValue> ValueToEngine(const Value& value);

}  // namespace tarn::duckdb::internal
