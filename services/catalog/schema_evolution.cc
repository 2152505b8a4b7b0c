#include "services/catalog/schema_evolution.h"

#include <algorithm>
#include <unordered_set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

// Same shape, whatever the ids, docs and nullability of its parts.
bool SameType(const Field& a, const Field& b) {
  return a.type == b.type && std::equal(a.fields.begin(), a.fields.end(), b.fields.begin(),
                                        b.fields.end(), [](const Field& x, const Field& y) {
                                          return absl::EqualsIgnoreCase(x.name, y.name) &&
                                                 SameType(x, y);
                                        });
}

// Whether every id that `wanted` gives is the one of `existing`.
bool SameIds(const Field& wanted, const Field& existing) {
  if (wanted.id != 0 && wanted.id != existing.id) return false;
  return std::equal(wanted.fields.begin(), wanted.fields.end(), existing.fields.begin(),
                    existing.fields.end(), SameIds);
}

void CollectIds(const Field& field, std::unordered_set<int>& ids) {
  if (field.id != 0) ids.insert(field.id);
  for (const Field& part : field.fields) CollectIds(part, ids);
}

absl::Status SchemaChanged(const std::string& column, std::string_view problem) {
  return Aborted("SCHEMA_CHANGED",
                 "column " + column + ": " + std::string(problem) +
                     "; read the table again and write the files with its schema",
                 {{"column", column}});
}

// A field of a schema, and where it stands.
struct Found {
  Field* field = nullptr;
  std::string path;
  bool nested = false;
  bool in_map_key = false;
};

Found FindField(std::vector<Field>& fields, int id, const Found& parent = {}) {
  for (Field& field : fields) {
    const bool map_key = parent.field != nullptr && parent.field->type.kind == TypeKind::kMap &&
                         &field == &fields[0];
    Found here{.field = &field,
               .path = parent.path.empty() ? field.name : parent.path + "." + field.name,
               .nested = parent.field != nullptr,
               .in_map_key = parent.in_map_key || map_key};
    if (field.id == id) return here;
    if (Found below = FindField(field.fields, id, here); below.field != nullptr) return below;
  }
  return {};
}

// Adds `wanted` to `siblings`; false when it is there already. `path` is its dotted name.
absl::StatusOr<bool> AddField(std::vector<Field>& siblings, const std::string& path,
                              const Field& wanted, int last_field_id) {
  if (const Field* existing = FindColumn(siblings, wanted.name); existing != nullptr) {
    if (!SameType(wanted, *existing)) {
      return SchemaChanged(path,
                           "it is there already with type " + FormatColumnType(existing->type));
    }
    if (!SameIds(wanted, *existing)) {
      return SchemaChanged(path, absl::StrCat("it is there already with field id ", existing->id));
    }
    return false;
  }
  std::unordered_set<int> ids;
  CollectIds(wanted, ids);
  for (const int id : ids) {
    if (id <= last_field_id) {
      return SchemaChanged(path, absl::StrCat("field id ", id, " is taken"));
    }
  }
  siblings.push_back(wanted);
  siblings.back().required = false;
  return true;
}

// What a commit may do beyond CanWiden, as the values are looked at.
bool MayBecome(const ColumnType& from, const ColumnType& to) {
  const bool integer = from.kind == TypeKind::kInt || from.kind == TypeKind::kLong;
  return CanWiden(from, to) || (integer && to.kind == TypeKind::kDouble);
}

}  // namespace

absl::StatusOr<EvolvedSchema> Evolve(const std::vector<Field>& current, int last_field_id,
                                     const SchemaEvolution& evolution) {
  EvolvedSchema evolved{.change = {.fields = current}};
  SchemaChange& change = evolved.change;
  for (const Field& column : evolution.columns) {
    TARN_ASSIGN_OR_RETURN(const bool added,
                          AddField(change.fields, column.name, column, last_field_id));
    change.changed = change.changed || added;
  }
  for (const AddedField& wanted : evolution.fields) {
    const Found parent = FindField(change.fields, wanted.parent_id);
    if (parent.field == nullptr || parent.field->type.kind != TypeKind::kStruct ||
        parent.in_map_key) {
      return SchemaChanged(
          wanted.field.name,
          absl::StrCat("no struct outside of a map's key has field id ", wanted.parent_id));
    }
    TARN_ASSIGN_OR_RETURN(const bool added,
                          AddField(parent.field->fields, parent.path + "." + wanted.field.name,
                                   wanted.field, last_field_id));
    change.changed = change.changed || added;
  }
  for (const WidenedField& wanted : evolution.widened) {
    const Found found = FindField(change.fields, wanted.field_id);
    if (found.field == nullptr) {
      return SchemaChanged(absl::StrCat("with field id ", wanted.field_id), "it is gone");
    }
    const ColumnType& type = found.field->type;
    if (type == wanted.type) continue;
    if (!MayBecome(type, wanted.type)) {
      return SchemaChanged(found.path, FormatColumnType(type) + " does not widen to " +
                                           FormatColumnType(wanted.type));
    }
    if (type.kind == TypeKind::kLong && wanted.type.kind == TypeKind::kDouble) {
      evolved.integers_to_double.push_back({wanted.field_id, found.path, found.nested});
    }
    Widen(*found.field, wanted.type);
    change.changed = true;
  }
  change.last_field_id = AssignFieldIds(change.fields, last_field_id);
  return evolved;
}

bool StillReads(const std::vector<Field>& written, const std::vector<Field>& current) {
  return std::all_of(written.begin(), written.end(), [&](const Field& old) {
    const auto now = std::find_if(current.begin(), current.end(),
                                  [&](const Field& field) { return field.id == old.id; });
    return now != current.end() && now->name == old.name && CanWiden(old.type, now->type) &&
           StillReads(old.fields, now->fields);
  });
}

}  // namespace tarn::catalog
