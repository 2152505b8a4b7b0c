// Learns columns from records: an integer is a long, with any fraction among its values a double;
// true and false are boolean; text is string, whatever it looks like; an object is a struct, an
// array a list. The first kind that a field has decides; what differs later does not fit. A field
// that is never more than null is a string.
//
// Not thread safe. Records that are no JSON objects say nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {

class JsonCursor;
struct JsonToken;

// Of a table; beyond these, further fields are not learnt.
inline constexpr size_t kMaxLearntFields = 1000;
inline constexpr size_t kMaxFieldNameBytes = 255;

// Whether a column can have that name: 1 to 255 bytes, no control characters, not beginning with
// __tarn_.
bool IsUsableFieldName(std::string_view name);

class SchemaLearner {
 public:
  enum class Scope {
    kWholeRecord,  // every field
    kNewFields,    // only top-level fields that `known` lacks, and of these only typed ones
  };
  // `known` may be empty.
  SchemaLearner(Scope scope, const table_schema::Fields& known);
  ~SchemaLearner();

  void Observe(std::string_view record);
  // The learnt columns in the order in which they appeared, without ids.
  table_schema::Fields Columns() const;

 private:
  struct Type;
  void ObserveValue(JsonCursor& cursor, const JsonToken& first, Type& type);
  void ObserveMembers(JsonCursor& cursor, Type& type, bool top_level);
  bool IsKnown(std::string_view name) const;

  const Scope scope_;
  std::vector<std::string> known_;  // lower case
  std::unique_ptr<Type> root_;
  size_t field_count_ = 0;
};

}  // namespace tarn::ingestion
