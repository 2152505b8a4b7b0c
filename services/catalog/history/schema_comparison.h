// What changed from one version of a table's schema to another. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "services/catalog/schema.h"

namespace tarn::catalog {

// By the numbers of the proto.
enum class FieldChangeKind {
  kAdded = 1,
  kDropped = 2,
  kRenamed = 3,
  kWidened = 4,
  kRetyped = 5,
  kMoved = 6,
  kDocumented = 7,
  kRequiredness = 8,
};

struct FieldChange {
  FieldChangeKind kind = FieldChangeKind::kAdded;
  std::string path;  // in the second schema; in the first for a field that was dropped
  int field_id = 0;  // there
  // As text: a type, a name, a comment, a place from 1, "required" or "optional".
  std::string before;
  std::string after;

  friend bool operator==(const FieldChange&, const FieldChange&) = default;
};

// How a field of one schema is found in the other.
enum class MatchBy {
  kId,    // versions that followed each other
  kName,  // the table was replaced in between: ids mean nothing
};

// The changes from `before` to `after`, in the order of the second's fields, then those that were
// dropped. A field inside another that was added or dropped is not listed for itself. A field has
// moved when it stands elsewhere among those that both have, so that one moved to the front is one
// change.
std::vector<FieldChange> CompareFields(const std::vector<Field>& before,
                                       const std::vector<Field>& after, MatchBy match);

}  // namespace tarn::catalog
