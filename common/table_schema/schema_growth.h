// What a writer that learns more columns tells the catalog: how one schema of a table has grown
// into another. Pure functions; any thread.
#pragma once

#include "tarn/catalog/v1/schema.pb.h"

#include "common/table_schema/engine_types.h"

namespace tarn::table_schema {

// The largest id of all fields, nested ones included; 0 without any.
int LargestFieldId(const Fields& fields);

// As CommitTable takes it.
struct SchemaGrowth {
  Fields added_columns;
  ::google::protobuf::RepeatedPtrField<::tarn::catalog::v1::AddedField> added_fields;
  ::google::protobuf::RepeatedPtrField<::tarn::catalog::v1::WidenedField> widened_fields;
};

// What `after` has and `before` does not. Fields are the same by their ids; `after` has all those
// of `before`, and its new ones have ids as well.
SchemaGrowth GrowthBetween(const Fields& before, const Fields& after);

}  // namespace tarn::table_schema
