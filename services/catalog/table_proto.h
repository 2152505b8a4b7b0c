// Domain types to proto and back. Reading checks forms only (names, types, transforms), all of it
// before it answers: INVALID_ARGUMENT (INVALID_FIELD) with every violation. Pure; any thread.
#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <google/protobuf/repeated_field.h>

#include "services/catalog/database.h"
#include "services/catalog/scan_pruner.h"
#include "services/catalog/table.h"

namespace tarn::catalog::v1 {
class CsvOptions;
class Database;
class DataFile;
class ExternalSource;
class Field;
class PartitionTuple;
class PartitionValue;
class ScanPredicate;
class Schema;
class Snapshot;
class Table;
}  // namespace tarn::catalog::v1

namespace tarn::catalog {

// Differs for every change of a resource, also when it was removed and made again.
std::string EtagOf(absl::Time create_time, int64_t revision);

void ToProto(const Database& database, v1::Database* proto);
absl::StatusOr<Database> DatabaseFromProto(const v1::Database& proto);

void ToProto(const Table& table, v1::Table* proto);
// What a caller may give; output-only fields are ignored. `field` is its place in the request.
absl::StatusOr<Table> TableFromProto(const v1::Table& proto, const std::string& workspace,
                                     const std::string& field = "table");

void ToProto(const Field& field, v1::Field* proto);
// The type for people: "struct<a: long, b: list<string>>".
std::string DisplayTypeOf(const Field& field);
void ToProto(const CsvOptions& options, v1::CsvOptions* proto);
CsvOptions CsvOptionsFromProto(const v1::CsvOptions& proto);
// Adds to `violations` what is wrong with a field, whose place is `path`.
Field FieldFromProto(const v1::Field& proto, const std::string& path,
                     std::vector<FieldViolation>& violations);

void ToProto(const TableKey& key, const Snapshot& snapshot, v1::Snapshot* proto);

void AddPartition(const PartitionTuple& partition,
                  google::protobuf::RepeatedPtrField<v1::PartitionValue>* proto);
void ToProto(const DataFile& file, v1::DataFile* proto);
DataFile DataFileFromProto(const v1::DataFile& proto);
PartitionTuple PartitionTupleFromProto(const v1::PartitionTuple& proto);

absl::StatusOr<ScanPredicate> PredicateFromProto(const v1::ScanPredicate& proto);

// The part of a table that a schema version keeps, as JSON: proto JSON of a v1.Table.
std::string DefinitionToJson(const TableDefinition& definition);
absl::StatusOr<TableDefinition> DefinitionFromJson(const std::string& json);

}  // namespace tarn::catalog
