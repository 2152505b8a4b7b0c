// What reading one landing file told: its columns' types and its rows, or what is wrong with it.
// Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/catalog/crawl/inferred_type.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

struct ScannedFile {
  // A struct of the columns, in their order.
  InferredType columns{.kind = InferredKind::kStruct};
  int64_t row_count = 0;
  // JSON that begins with a byte order mark, which the engine refuses.
  bool byte_order_mark = false;
};

// Where and what: "line 17: 11 fields, where the header has 12".
struct FileProblem {
  std::string path;
  std::string message;
};

}  // namespace tarn::catalog
