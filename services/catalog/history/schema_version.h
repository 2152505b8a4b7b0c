// One version of a table's schema, with what went with it. A plain value.
#pragma once

#include <absl/time/time.h>

#include "services/catalog/table.h"

namespace tarn::catalog {

struct SchemaVersion {
  TableDefinition definition;
  absl::Time create_time;
  // Whether the table was replaced with it: field ids begin anew.
  bool replaced = false;
};

}  // namespace tarn::catalog
