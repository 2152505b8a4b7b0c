// The SELECT that reads the files of one snapshot of a table with the table's columns, names and
// types. The same text serves queries, crawls (which verify what they inferred by it) and
// compaction.
//
//   managed    Parquet by field id, so that old files read right under the present schema; a system
//              column _committed_at is the file's commit time where the file itself says nothing
//   external   CSV and JSON with explicit columns, Parquet by name, XML through its derived Parquet
//   copy; partition columns
//              are constants from the catalog, never parsed from a path
//
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tarn/catalog/v1/snapshot.pb.h"
#include "tarn/catalog/v1/table.pb.h"

namespace tarn::table_schema {

// `lake_root` is the absolute folder that the files' paths are relative to. Without files the
// SELECT has the columns and no row. The table must not be a view.
std::string ReaderSql(const ::tarn::catalog::v1::Table& table,
                      const std::vector<::tarn::catalog::v1::DataFile>& files,
                      std::string_view lake_root);

}  // namespace tarn::table_schema
