// The table of a destination as its delivery knows it, and the columns that the batch under way
// adds to it.
//
// Used by one thread at a time. Everything referred to outlives it. Errors are the catalog's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/table_schema/engine_types.h"
#include "services/ingestion/delivery/catalog_client.h"
#include "services/ingestion/record/record_rows.h"
#include "services/ingestion/stream/stream.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

class DestinationTable {
 public:
  explicit DestinationTable(CatalogClient& catalog) : catalog_(catalog) {}

  // Reads the table when it is not known, and makes it when it is not there: with `columns`, or
  // with those that are learnt from the batch where there are none. It stays unknown when there is
  // neither a table nor a column for it. FAILED_PRECONDITION TABLE_NOT_MANAGED.
  absl::Status Ensure(const Stream& stream, const v1::Destination& destination,
                      const table_schema::Fields& columns, const WalRecords& batch);

  // Null while it is not known.
  const catalog::v1::Table* known() const { return table_ ? &*table_ : nullptr; }
  // What follows needs a table that is known.

  // Begins with the columns that a batch adds: the system columns, where they are missing.
  void BeginBatch();
  // Adds those of the columns that the table lacks. FAILED_PRECONDITION OUTPUT_TYPE_DIFFERS for one
  // that it has with another type.
  absl::Status AddColumns(const table_schema::Fields& columns);
  // Adds columns for fields that the table lacks, from the records that have such. False when there
  // is none to add.
  bool Learn(const std::vector<ArrivedRecord>& records, const std::vector<Misfit>& misfits);
  const table_schema::Fields& added_columns() const { return added_columns_; }
  // The table with the columns that are added.
  catalog::v1::Table TableToWrite() const;

  // As it is after a commit.
  void Committed(catalog::v1::Table table) { table_ = std::move(table); }
  // A commit was refused because the ids of the columns that it added are taken: others are given
  // next time.
  void IdsAreTaken(const table_schema::Fields& added);
  void Forget() { table_.reset(); }

 private:
  void AssignIds();

  CatalogClient& catalog_;
  std::optional<catalog::v1::Table> table_;
  table_schema::Fields added_columns_;
  // Field ids up to this one are known to be taken (by columns that were dropped).
  int field_id_floor_ = 0;
};

// Not just any NOT_FOUND: the stream's owner may be what is gone.
bool IsMissingTable(const absl::Status& status);

}  // namespace tarn::ingestion
