// The rules of writing a table by SQL: which column fills which, what is refused, which files an
// overwrite removes. Pure functions but for PublishFiles.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/table_schema/engine_types.h"
#include "services/query/catalog_client.h"
#include "services/query/sql/statement.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {

// How the rows of a query become files of a table.
struct TableWrite {
  // The folder of the table's files, relative to the lake's root.
  std::string location;
  table_schema::Fields fields;
  // For each field the query's column that fills it; empty for NULL.
  std::vector<std::string> sources;
  ::google::protobuf::RepeatedPtrField<::tarn::catalog::v1::PartitionField> partition_fields;
  // For INSERT: the version of the schema that the files follow.
  int schema_id = 0;
  // For CREATE TABLE AS: the table to make or to put in another's place.
  std::optional<::tarn::catalog::v1::Table> definition;
};

// The fields of a result that a table or view can hold. INVALID_ARGUMENT: TYPE_NOT_SUPPORTED, or
// COLUMN_MISMATCH for columns without a name or with the same one.
absl::StatusOr<table_schema::Fields> StorableFields(const worker::ResultSchema& schema);

// INVALID_ARGUMENT (COLUMN_RESERVED) for a new table's column that would be a system column.
absl::Status RefuseSystemColumns(const table_schema::Fields& fields);

// A managed table with ids assigned and the statement's partition spec.
::tarn::catalog::v1::Table NewTable(const Statement& statement, table_schema::Fields fields);

// `existing` is the target as it stands. For INSERT, columns are matched by position, or by the
// names that the statement lists; system columns only by name, listed or the query's. A value is
// cast only where nothing can be lost (int to long or double, date to timestamp, NULL to anything),
// else the statement is refused with the cast to write. INVALID_ARGUMENT: COLUMN_MISMATCH,
// TYPE_MISMATCH.
absl::StatusOr<TableWrite> PlanWrite(const Statement& statement, const worker::ResultSchema& schema,
                                     const std::optional<::tarn::catalog::v1::Table>& existing);

// Flushes and moves the files that a worker wrote to their final names; sets nothing in the
// catalog.
absl::Status PublishFiles(const worker::Done& done, const std::filesystem::path& staging,
                          const std::filesystem::path& data);

// The commit, without its request id. An overwrite removes the base's files of the partitions that
// were written (all files of an unpartitioned table) and conflicts with files that were added to
// them since. An insert is refused when its columns have changed since.
::tarn::catalog::v1::CommitTableRequest CommitRequest(const Statement& statement,
                                                      const TableWrite& write,
                                                      const worker::Done& done,
                                                      const std::optional<PlannedScan>& base);

}  // namespace tarn::query
