// How a commit changes the columns of a managed table while others commit to it: columns and fields
// inside structs are added, types become wider; nothing is renamed, dropped or made narrower, so
// that files of all schemas before it go on being read. Every change may be asked for twice: what
// is there already is left as it is. Pure values and functions; any thread.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/catalog/schema.h"

namespace tarn::catalog {

// A field inside a struct: a column, a list's element or a map's value, at any depth.
struct AddedField {
  int parent_id = 0;
  Field field;
};

struct WidenedField {
  int field_id = 0;
  ColumnType type;
};

struct SchemaEvolution {
  std::vector<Field> columns;  // at the end of the table's
  std::vector<AddedField> fields;
  std::vector<WidenedField> widened;

  bool empty() const { return columns.empty() && fields.empty() && widened.empty(); }
};

struct EvolvedSchema {
  SchemaChange change;
  // Columns that were long and are double now: right only while no file holds an integer that a
  // double does not (kMaxExactDouble).
  struct IntegersToDouble {
    int field_id = 0;
    std::string path;     // "data.co"
    bool nested = false;  // inside another column
  };
  std::vector<IntegersToDouble> integers_to_double;
};

// Integers up to this one, and down to its negative, are doubles exactly.
inline constexpr int64_t kMaxExactDouble = int64_t{1} << 53;

// `current` evolved. A column or field that is there already with the same type (and id, where one
// is given), and a type that is the one asked for, are left as they are, so that concurrent writers
// may want the same. ABORTED (SCHEMA_CHANGED) when its type is another, a given id is taken, the
// parent or the field to widen is gone, or the type does not widen: plan again from the table as it
// is now.
absl::StatusOr<EvolvedSchema> Evolve(const std::vector<Field>& current, int last_field_id,
                                     const SchemaEvolution& evolution);

// Whether files with the columns `written` are read right as `current`: every field is still there
// with its id and name, and of the same type or one that CanWiden allows. Columns that were added
// since are NULL in them.
bool StillReads(const std::vector<Field>& written, const std::vector<Field>& current);

}  // namespace tarn::catalog
