#include "common/table_schema/schema_growth.h"

#include <algorithm>

namespace tarn::table_schema {
namespace {

const Field* FindById(const Fields& fields, int id) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [id](const Field& f) { return f.id() == id; });
  return found == fields.end() ? nullptr : &*found;
}

// One level, that of the field `parent_id`; 0 for the columns.
void Describe(int parent_id, const Fields& before, const Fields& after, SchemaGrowth& growth) {
  for (const Field& field : after) {
    const Field* old = FindById(before, field.id());
    if (old == nullptr) {
      if (parent_id == 0) {
        *growth.added_columns.Add() = field;
      } else {
        auto* added = growth.added_fields.Add();
        added->set_parent_id(parent_id);
        *added->mutable_field() = field;
      }
      continue;
    }
    if (old->type() != field.type()) {
      auto* widened = growth.widened_fields.Add();
      widened->set_field_id(field.id());
      widened->set_type(field.type());
    }
    Describe(field.id(), old->fields(), field.fields(), growth);
  }
}

}  // namespace

int LargestFieldId(const Fields& fields) {
  int largest = 0;
  for (const Field& field : fields) {
    largest = std::max({largest, field.id(), LargestFieldId(field.fields())});
  }
  return largest;
}

SchemaGrowth GrowthBetween(const Fields& before, const Fields& after) {
  SchemaGrowth growth;
  Describe(0, before, after, growth);
  return growth;
}

}  // namespace tarn::table_schema
