// Whether a record fits a table's columns exactly. What passes here is turned into typed columns by
// the engine without losing anything; what does not goes to the dead letters with its reason.
//
//   boolean                   true, false
//   int, long                 whole numbers in range; 1.0 and 1e3 are no whole numbers
//   float, double             numbers; an integer only where it is held exactly; not beyond range
//   decimal(p,s)              numbers or text with as many digits as fit; beyond 15 digits as text
//   string                    text
//   date, time, timestamp, …  ISO 8601 text (text_values.h); uuid text
//   struct, list, map         objects, arrays, objects
// null and an absent field are NULL. Names must agree in every letter.
//
// Built once for a schema; thread safe after that.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <absl/status/status.h>

#include "common/table_schema/engine_types.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {

class JsonCursor;
struct JsonToken;

// Whether a stream can fill columns of these types: INVALID_ARGUMENT (INVALID_FIELD) says which it
// cannot. `path` is where the fields stand in the request.
absl::Status CheckStreamColumns(std::string_view path, const table_schema::Fields& fields);

class RecordMatcher {
 public:
  // How a top-level field that the table lacks is taken when its value is null: ADD_COLUMN adds no
  // column for it, and nothing is lost.
  enum class UnknownNull { kRefuse, kIgnore };

  RecordMatcher(const table_schema::Fields& fields, UnknownNull unknown_null);
  ~RecordMatcher();

  // Nothing when the record fits.
  std::optional<RecordError> Match(std::string_view record) const;

 private:
  struct Column;
  using Result = std::optional<RecordError>;

  static void Build(const table_schema::Field& field, Column& column);
  Result MatchValue(JsonCursor& cursor, const JsonToken& first, const Column& column) const;
  Result MatchMembers(JsonCursor& cursor, const Column& column, bool top_level) const;
  Result MatchMap(JsonCursor& cursor, const Column& column) const;

  const UnknownNull unknown_null_;
  std::unique_ptr<Column> root_;
};

}  // namespace tarn::ingestion
