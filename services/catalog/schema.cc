#include "services/catalog/schema.h"

#include <algorithm>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

constexpr size_t kMaxNameBytes = 255;
constexpr size_t kMaxColumns = 10'000;

std::string Lower(std::string_view text) {
  std::string lower(text);
  absl::AsciiStrToLower(&lower);
  return lower;
}

// The names that the parts of a list or a map must have, in order.
std::vector<std::string> RequiredParts(TypeKind kind) {
  if (kind == TypeKind::kList) return {"element"};
  if (kind == TypeKind::kMap) return {"key", "value"};
  return {};
}

void ValidateParts(const std::string& path, const Field& field,
                   std::vector<FieldViolation>& violations) {
  if (!field.type.IsNested()) {
    if (!field.fields.empty()) {
      violations.push_back({path + ".fields", "only struct, list and map have fields"});
    }
    return;
  }
  if (field.type.kind == TypeKind::kStruct) {
    if (field.fields.empty()) {
      violations.push_back({path + ".fields", "a struct has at least one field"});
    }
    return;
  }
  const std::vector<std::string> names = RequiredParts(field.type.kind);
  const bool match =
      std::equal(names.begin(), names.end(), field.fields.begin(), field.fields.end(),
                 [](const std::string& name, const Field& part) { return name == part.name; });
  if (!match) {
    violations.push_back(
        {path + ".fields", field.type.kind == TypeKind::kList
                               ? "a list has one field called \"element\""
                               : "a map has two fields called \"key\" and \"value\""});
  }
}

void ValidateLevel(std::string_view path, const std::vector<Field>& fields, std::set<int>& ids,
                   std::vector<FieldViolation>& violations) {
  std::set<std::string> names;
  for (size_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[i];
    const std::string where = std::string(path) + "[" + std::to_string(i) + "]";
    if (field.name.empty() || field.name.size() > kMaxNameBytes ||
        field.name.find('\0') != std::string::npos) {
      violations.push_back({where + ".name", "a name has 1 to 255 bytes"});
    } else if (!names.insert(Lower(field.name)).second) {
      violations.push_back({where + ".name", "\"" + field.name +
                                                 "\" is there twice (letters of "
                                                 "either case are the same)"});
    }
    if (field.id < 0) {
      violations.push_back({where + ".id", "an id is positive"});
    } else if (field.id > 0 && !ids.insert(field.id).second) {
      violations.push_back({where + ".id", "id " + std::to_string(field.id) + " is given twice"});
    }
    ValidateParts(where, field, violations);
    ValidateLevel(where + ".fields", field.fields, ids, violations);
  }
}

int LargestId(const std::vector<Field>& fields) {
  int largest = 0;
  for (const Field& field : fields) {
    largest = std::max({largest, field.id, LargestId(field.fields)});
  }
  return largest;
}

void AssignMissing(std::vector<Field>& fields, int& last) {
  for (Field& field : fields) {
    if (field.id == 0) field.id = ++last;
    AssignMissing(field.fields, last);
  }
}

absl::Status Incompatible(const std::string& column, std::string_view problem) {
  return InvalidArgument("INCOMPATIBLE_SCHEMA", "column " + column + ": " + std::string(problem),
                         {{"column", column}});
}

const Field* FindById(const std::vector<Field>& fields, int id) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [id](const Field& f) { return f.id == id; });
  return found == fields.end() ? nullptr : &*found;
}

// One level of ReplaceColumns; `prefix` is the dotted path of the level, for messages.
absl::StatusOr<std::vector<Field>> ReplaceLevel(const std::string& prefix,
                                                const std::vector<Field>& current,
                                                const std::vector<Field>& requested,
                                                TypeChange type_change) {
  std::vector<Field> result;
  for (const Field& wanted : requested) {
    const std::string column = prefix.empty() ? wanted.name : prefix + "." + wanted.name;
    const Field* old =
        wanted.id != 0 ? FindById(current, wanted.id) : FindColumn(current, wanted.name);
    if (old == nullptr) {
      if (wanted.id != 0) {
        return Incompatible(column, "the table has no field with id " + std::to_string(wanted.id) +
                                        "; leave the id out to add a column");
      }
      if (wanted.required) {
        return Incompatible(column, "a new column is optional, since rows before it have no value");
      }
      result.push_back(wanted);
      continue;
    }
    if (!prefix.empty() && old->name != wanted.name) {
      return Incompatible(column, "a field inside a struct keeps its name");
    }
    if (type_change == TypeChange::kWidenOnly && !CanWiden(old->type, wanted.type)) {
      return Incompatible(column, "its type " + FormatColumnType(old->type) +
                                      " cannot be read as " + FormatColumnType(wanted.type) +
                                      "; int widens to long, float to double, a decimal to more "
                                      "digits");
    }
    if (wanted.required && !old->required) {
      return Incompatible(column, "an optional column stays optional, since rows may hold NULL");
    }
    Field next = wanted;
    next.id = old->id;
    next.widened = old->widened;
    if (type_change == TypeChange::kWidenOnly) {
      next.type = old->type;
      Widen(next, wanted.type);
    }
    if (old->type.kind == wanted.type.kind) {
      TARN_ASSIGN_OR_RETURN(next.fields,
                            ReplaceLevel(column, old->fields, wanted.fields, type_change));
    }
    result.push_back(std::move(next));
  }
  return result;
}

}  // namespace

void Widen(Field& field, const ColumnType& type) {
  if (type != field.type && type.kind == TypeKind::kDouble) field.widened = true;
  field.type = type;
}

const Field* FindColumn(const std::vector<Field>& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [name](const Field& f) {
    return absl::EqualsIgnoreCase(f.name, absl::string_view(name.data(), name.size()));
  });
  return found == fields.end() ? nullptr : &*found;
}

void ValidateFields(std::string_view path, const std::vector<Field>& fields,
                    std::vector<FieldViolation>& violations) {
  if (fields.size() > kMaxColumns) {
    violations.push_back({std::string(path), "a table has at most 10000 columns"});
    return;
  }
  std::set<int> ids;
  ValidateLevel(path, fields, ids, violations);
}

int AssignFieldIds(std::vector<Field>& fields, int last_field_id) {
  int last = std::max(last_field_id, LargestId(fields));
  AssignMissing(fields, last);
  return last;
}

absl::StatusOr<SchemaChange> ReplaceColumns(const std::vector<Field>& current, int last_field_id,
                                            const std::vector<Field>& requested,
                                            TypeChange type_change) {
  SchemaChange change;
  TARN_ASSIGN_OR_RETURN(change.fields, ReplaceLevel("", current, requested, type_change));
  change.last_field_id = AssignFieldIds(change.fields, last_field_id);
  change.changed = change.fields != current;
  return change;
}

}  // namespace tarn::catalog
