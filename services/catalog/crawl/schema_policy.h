// Which columns a table gets when its files have others. Pure; any thread.
#pragma once

#include <absl/status/statusor.h>

#include "services/catalog/crawl/crawler.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// The definition between `current` and `found` that the policy lets a table have.
// FAILED_PRECONDITION SCHEMA_HELD_BACK where files cannot be read with it: a column whose type does
// not hold their values; CSV, whose columns go by position, with others than the table's; other
// partitions or another format.
absl::StatusOr<TableDefinition> AllowedDefinition(const TableDefinition& current,
                                                  TableDefinition found, SchemaChangePolicy policy);

}  // namespace tarn::catalog
