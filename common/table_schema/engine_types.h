// The one mapping between the catalog's types (Iceberg's, as tarn.catalog.v1.Field writes them) and
// the engine's. Used where files are written (query, ingestion, compaction), read (scans) and
// inferred (crawlers), so that all agree.
//
// Catalog to engine: boolean BOOLEAN, int INTEGER, long BIGINT, float FLOAT, double DOUBLE,
// decimal(p,s) DECIMAL(p,s), date DATE, time TIME, timestamp TIMESTAMP, timestamptz TIMESTAMP WITH
// TIME ZONE, string VARCHAR, uuid UUID, binary BLOB, struct, list and map as such.
//
// Engine to catalog, where Parquet or the catalog has no such type, by these rules and no others;
// each is exact:
//   TINYINT, SMALLINT, UTINYINT, USMALLINT → int; UINTEGER → long; UBIGINT → decimal(20,0);
//   HUGEINT, UHUGEINT → decimal(38,0) (a larger value fails the write); ENUM, JSON, NULL → string;
//   TIMESTAMP_S, TIMESTAMP_MS → timestamp; ARRAY → list.
// Refused, as nothing holds them exactly: TIMESTAMP_NS, TIME_NS, TIME WITH TIME ZONE, INTERVAL,
// BIT, BIGNUM, UNION.
//
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <google/protobuf/repeated_field.h>

#include "tarn/catalog/v1/schema.pb.h"

#include "common/duckdb/logical_type.h"

namespace tarn::table_schema {

using Field = ::tarn::catalog::v1::Field;
using Fields = ::google::protobuf::RepeatedPtrField<Field>;

// The catalog's field for an engine's column, without ids. INVALID_ARGUMENT (TYPE_NOT_SUPPORTED)
// names the column, its type and a cast that helps.
absl::StatusOr<Field> FieldFromEngine(std::string_view name, const duckdb::LogicalType& type);

// The engine's type of a field, as SQL: DECIMAL(10,2), STRUCT("a b" BIGINT).
std::string EngineTypeOf(const Field& field);

// The same as a value, for rows that we write into the engine ourselves.
duckdb::LogicalType LogicalTypeOf(const Field& field);

// The type for people and for results' headers: "struct<a: long, b: list<string>>".
std::string DisplayTypeOf(const Field& field);

// Gives every field without an id, nested ones included, the next one, parents before children.
// Returns the last id used.
int AssignFieldIds(Fields& fields, int last_id);

// The value of COPY's FIELD_IDS for these fields: {"a": 1, "s": {__duckdb_field_id: 2, "x": 3}}.
std::string FieldIdsSpec(const Fields& fields);

// The value of read_parquet's schema parameter for these fields: columns are found by field id, so
// that renamed, added and widened ones read right from old files: MAP {1: {name: 'a', type:
// 'BIGINT', default_value: NULL}}.
std::string ReadSchemaSpec(const Fields& fields);

// Whether rows of the two can be stored in the same column: same type at every level, ids apart.
bool SameType(const Field& a, const Field& b);

}  // namespace tarn::table_schema
