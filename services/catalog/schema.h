// The columns of a table and the rules by which they change. A column is known by its field id,
// which is given out once and never used again: a file written before a rename is still read right.
// Pure values and functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/status/error.h"
#include "services/catalog/column_type.h"

namespace tarn::catalog {

struct Field {
  int id = 0;  // 0: not yet assigned
  std::string name;
  ColumnType type;
  bool required = false;
  // Whether its type was inferred from data, and may become a wider one when more is known.
  bool learnt = false;
  // Whether it is a double and files may hold it as a narrower type.
  bool widened = false;
  std::string doc;
  // A struct's fields; a list's "element"; a map's "key" and "value".
  std::vector<Field> fields;

  friend bool operator==(const Field&, const Field&) = default;
};

struct Schema {
  int schema_id = 0;
  std::vector<Field> fields;

  friend bool operator==(const Schema&, const Schema&) = default;
};

// Gives the field another type, to which its own widens, and remembers that files hold the one
// before.
void Widen(Field& field, const ColumnType& type);

// The column of that name, without regard to case; null when there is none.
const Field* FindColumn(const std::vector<Field>& fields, std::string_view name);

// Adds what is wrong with `fields` to `violations`: names, doubles, parts of nested types, ids
// given twice. `path` is where they stand in the request ("table.schema.fields").
void ValidateFields(std::string_view path, const std::vector<Field>& fields,
                    std::vector<FieldViolation>& violations);

// Gives an id to every field that has none: depth first, a field before its parts, counting up from
// the larger of `last_field_id` and the ids that are given. Returns the largest id in use.
int AssignFieldIds(std::vector<Field>& fields, int last_field_id);

// The result of a change of columns.
struct SchemaChange {
  std::vector<Field> fields;
  int last_field_id = 0;
  bool changed = false;
};

// What a change may do beyond Iceberg's rules.
enum class TypeChange {
  kWidenOnly,  // files hold the old type
  kAny,        // files are read anew as text: external tables
};

// `current` replaced by `requested`: a field is matched by its id or, without one, by its name, and
// keeps its id; what is not matched gets a new id; what is not requested any more is dropped.
// INVALID_ARGUMENT (INCOMPATIBLE_SCHEMA) for a type that does not widen, an optional column made
// required, a new required column, a rename inside a struct, and an id that the table does not
// know.
absl::StatusOr<SchemaChange> ReplaceColumns(const std::vector<Field>& current, int last_field_id,
                                            const std::vector<Field>& requested,
                                            TypeChange type_change = TypeChange::kWidenOnly);

}  // namespace tarn::catalog
