// The table of a destination as its delivery knows it, and how the batch under way lets it grow: by
// columns, by fields inside structs, and by learnt integers that become double.
//
// Used by one thread at a time. Everything referred to outlives it. Errors are the catalog's.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/catalog/v1/catalog_service.pb.h"
#include "tarn/catalog/v1/table.pb.h"

#include "common/table_schema/engine_types.h"
#include "common/table_schema/schema_growth.h"
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

  // Begins with what every batch adds: the system columns, where they are missing. Of what the
  // table has, only what is not among the declared columns will widen.
  void BeginBatch(const table_schema::Fields& declared);
  // Adds those of the columns that the table lacks. FAILED_PRECONDITION OUTPUT_TYPE_DIFFERS for one
  // that it has with another type.
  absl::Status AddColumns(const table_schema::Fields& columns);
  // The same for the column that captures. FAILED_PRECONDITION CAPTURE_COLUMN_TYPE.
  absl::Status AddCaptureColumn(const table_schema::Field& column);
  // Adds what records teach that did not fit (RecordError::teaches). False when that is nothing,
  // true when they are to be matched anew. Columns become double at once, in a commit of their own,
  // and only where that bends nothing: whether it does must be known before dead letters are kept.
  absl::StatusOr<bool> Learn(const Stream& stream, const std::vector<ArrivedRecord>& records,
                             const std::vector<Misfit>& misfits);
  // The table as it has grown.
  catalog::v1::Table TableToWrite() const;
  // Tells the commit of the batch how the table has grown.
  void DescribeGrowth(catalog::v1::CommitTableRequest& commit) const;

  // As it is after a commit.
  void Committed(catalog::v1::Table table) { table_ = std::move(table); }
  // A commit was refused because the table has changed, and perhaps the ids of the fields that it
  // added are taken: others are given next time.
  void HasChanged();
  void Forget() { table_.reset(); }

 private:
  void AssignIds();
  // False when the catalog says that the columns as they are stored cannot be double.
  absl::StatusOr<bool> Widen(const Stream& stream, const table_schema::SchemaGrowth& growth);

  CatalogClient& catalog_;
  std::optional<catalog::v1::Table> table_;
  // Its columns, with what the batch adds.
  table_schema::Fields grown_;
  std::set<int> integers_;   // field ids of columns that stay integers,
  std::string integers_of_;  // in the table with this uid
  // Field ids up to this one are known to be taken (by columns that were dropped).
  int field_id_floor_ = 0;
};

// Not just any NOT_FOUND: the stream's owner may be what is gone.
bool IsMissingTable(const absl::Status& status);

}  // namespace tarn::ingestion
