// Learns columns from records: an integer is a long, with any fraction among its values a double;
// true and false are boolean; text is string, whatever it looks like; an object is a struct, an
// array a list. The first kind that a field has decides; what differs later does not fit. A field
// that is never more than null is a string.
//
// Of a table that is there it learns what it lacks: new columns, new fields inside its structs (in
// lists and maps too), and that a learnt column of integers is a double after all. Null says
// nothing there. Declared columns keep their types.
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

// Of a table, nested ones included; beyond these, further fields are not learnt.
inline constexpr size_t kMaxLearntFields = 1000;
inline constexpr size_t kMaxFieldNameBytes = 255;

// Whether a column can have that name: 1 to 255 bytes, no control characters, not beginning with
// __tarn_.
bool IsUsableFieldName(std::string_view name);

class SchemaLearner {
 public:
  // Of a table that is to be made.
  SchemaLearner();
  // Of one with these columns.
  explicit SchemaLearner(const table_schema::Fields& known);
  ~SchemaLearner();

  void Observe(std::string_view record);
  // The known columns with what they have learnt, and behind them the new ones in the order in
  // which they appeared. What is new has no id and is marked as learnt.
  table_schema::Fields Columns() const;
  // Whether Columns() has more than was known.
  bool has_learnt() const { return has_learnt_; }

 private:
  struct Type;
  void Know(const table_schema::Field& field, Type& type);
  void ObserveValue(JsonCursor& cursor, const JsonToken& first, Type& type);
  void ObserveMembers(JsonCursor& cursor, Type& type);
  void ObserveMap(JsonCursor& cursor, Type& type);

  const bool whole_records_;
  std::unique_ptr<Type> root_;
  size_t field_count_ = 0;
  bool has_learnt_ = false;
};

}  // namespace tarn::ingestion
