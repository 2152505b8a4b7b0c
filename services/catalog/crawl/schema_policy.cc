#include "services/catalog/crawl/schema_policy.h"

#include <algorithm>

#include "common/status/error.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

absl::Status HeldBack(const std::string& what) {
  return FailedPrecondition(
      "SCHEMA_HELD_BACK",
      what + ", which the crawler's on_schema_change keeps; change the policy, or the files");
}

bool SameNames(const std::vector<Field>& a, const std::vector<Field>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Field& x, const Field& y) { return x.name == y.name; });
}

bool IsNested(const Field& field) {
  return field.type.kind == TypeKind::kStruct || field.type.kind == TypeKind::kList ||
         field.type.kind == TypeKind::kMap;
}

// Whether the engine reads every value of `found` as `kept`: it would round what does not fit.
bool Holds(const Field& kept, const Field& found, bool json) {
  if (kept.type.kind == TypeKind::kString) return json || !IsNested(found);
  if (IsNested(kept) || IsNested(found)) {
    if (kept.type.kind != found.type.kind) return false;
    return std::all_of(found.fields.begin(), found.fields.end(), [&](const Field& part) {
      const Field* kept_part = FindColumn(kept.fields, part.name);
      return kept_part == nullptr || Holds(*kept_part, part, json);
    });
  }
  if (CanWiden(found.type, kept.type)) return true;
  const bool whole = found.type.kind == TypeKind::kLong || found.type.kind == TypeKind::kInt;
  return (kept.type.kind == TypeKind::kDouble && whole) ||
         (kept.type.kind == TypeKind::kTimestamp && found.type.kind == TypeKind::kDate);
}

// The found columns in their order, with the types that the table has; then those of the table that
// no file has any more.
std::vector<Field> AddColumns(const std::vector<Field>& current, const std::vector<Field>& found) {
  std::vector<Field> fields = found;
  for (Field& field : fields) {
    if (const Field* kept = FindColumn(current, field.name)) field = *kept;
  }
  for (const Field& field : current) {
    if (FindColumn(found, field.name) == nullptr) fields.push_back(field);
  }
  return fields;
}

}  // namespace

absl::StatusOr<TableDefinition> AllowedDefinition(const TableDefinition& current,
                                                  TableDefinition found,
                                                  SchemaChangePolicy policy) {
  if (policy == SchemaChangePolicy::kUpdate) return found;
  if (current.partition_fields != found.partition_fields) {
    return HeldBack("the files are divided by other partitions than the table");
  }
  if (current.external != found.external) {
    return HeldBack("the files are to be read in another way than the table's");
  }
  const FileFormat format = found.external->format;
  const bool json = format == FileFormat::kJsonLines || format == FileFormat::kJsonArray;
  for (const Field& field : found.schema.fields) {
    const Field* kept = FindColumn(current.schema.fields, field.name);
    if (kept == nullptr || Holds(*kept, field, json)) continue;
    return HeldBack("column \"" + field.name + "\" is " + DisplayTypeOf(field) +
                    " in the files and " + DisplayTypeOf(*kept) + " in the table");
  }
  TableDefinition allowed = current;
  if (policy == SchemaChangePolicy::kAddColumns) {
    allowed.schema.fields = AddColumns(current.schema.fields, found.schema.fields);
  }
  if (format == FileFormat::kCsv && !SameNames(allowed.schema.fields, found.schema.fields)) {
    return HeldBack("CSV is read by position, and the files have other columns than the table");
  }
  return allowed;
}

}  // namespace tarn::catalog
