// The system columns of tables that streams deliver to. They are fields of the schema like others,
// of type timestamptz, but only offered: `*` and an INSERT by position leave them out, a query that
// names them reads them.
//
//   _ingested_at   when the record was taken in; written into the files
//   _committed_at  when the snapshot was committed that first made the row visible. Files of
//                  deliveries lack it, since nobody knows it before the commit: readers put the
//                  commit time of the file's snapshot there. Rewrites (compaction) write it, so
//                  that it stays what it was.
//
// Only a managed table has them; elsewhere the names mean nothing. Pure; any thread.
#pragma once

#include <string_view>

#include "tarn/catalog/v1/schema.pb.h"

namespace tarn::table_schema {

inline constexpr std::string_view kIngestedAtColumn = "_ingested_at";
inline constexpr std::string_view kCommittedAtColumn = "_committed_at";
inline constexpr std::string_view kSystemColumnType = "timestamptz";

inline bool IsSystemColumnName(std::string_view name) {
  return name == kIngestedAtColumn || name == kCommittedAtColumn;
}

// Whether `field` of a managed table is one of them: a column of that name and another type is not.
inline bool IsSystemColumn(const ::tarn::catalog::v1::Field& field) {
  return IsSystemColumnName(field.name()) && field.type() == kSystemColumnType;
}

}  // namespace tarn::table_schema
