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

// The most columns of a table, those inside structs included. Where there are more, names hold what
// should be values.
inline constexpr size_t kMaxColumns = 4000;

// The longest JSON object, as the engine takes it, and the longest line of text.
inline constexpr size_t kMaxLineBytes = 64 << 20;

struct ScannedFile {
  // A struct of the columns, in their order.
  InferredType columns{.kind = InferredKind::kStruct};
  int64_t row_count = 0;
  // Whether the engine cannot read the file as it lies: it is packed, in another encoding than
  // UTF-8, JSON with a byte order mark, or has lines that do not count.
  bool needs_copy = false;
  // Tells whether a file whose time is another has the same content; empty when it is not known.
  std::string fingerprint;

  friend bool operator==(const ScannedFile&, const ScannedFile&) = default;
};

// Where and what: "line 17: 11 fields, where the header has 12".
struct FileProblem {
  std::string path;
  std::string message;
};

}  // namespace tarn::catalog
