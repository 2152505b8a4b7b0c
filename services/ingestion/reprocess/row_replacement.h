// Which files of a table a reprocess takes away, and what it puts in their place beside its own: of
// files that hold rows of the range and others, the others.
//
// Blocking; one thread. Errors are the catalog's and the engine's; besides FAILED_PRECONDITION
// ROWS_WITHOUT_ARRIVAL for a file whose rows may have arrived in the range, and do not say so.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/catalog/v1/catalog_service.pb.h"

#include "common/duckdb/lazy_database.h"
#include "common/lake/lake_paths.h"
#include "services/ingestion/delivery/catalog_client.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

struct RowReplacement {
  int64_t base_snapshot_id = 0;
  std::vector<std::string> removed_paths;
  // Published, and not committed yet.
  std::vector<catalog::v1::DataFile> kept_rows;
  int64_t rows_replaced = 0;
};

class RowReplacer {
 public:
  // All outlive it.
  RowReplacer(CatalogClient& catalog, const lake::LakePaths& lake, duckdb::LazyDatabase& engine)
      : catalog_(catalog), lake_(lake), engine_(engine) {}

  // Of the present snapshot of `table`, for rows that arrived in [start, end). CANCELLED when
  // `stop` says so between two files.
  absl::StatusOr<RowReplacement> Plan(const Stream& stream, const std::string& table,
                                      absl::Time start, absl::Time end,
                                      const std::function<absl::Status()>& stop);

 private:
  CatalogClient& catalog_;
  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
};

}  // namespace tarn::ingestion
