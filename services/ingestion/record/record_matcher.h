// Reads a record into a table's columns, exactly or not at all: what does not fit goes to the dead
// letters with its reason.
//
//   boolean                   true, false
//   int, long                 whole numbers in range; 1.0 and 1e3 are no whole numbers
//   float, double             numbers; an integer only where it is held exactly; not beyond range
//   decimal(p,s)              numbers or text with as many digits as fit; beyond 15 digits as text
//   string                    text
//   date, time, timestamp, …  ISO 8601 text (text_values.h); uuid text
//   struct, list, map         objects, arrays, objects
// null and an absent field are NULL. Names must agree in every letter. System columns
// (common/table_schema) are not a record's to fill, nor is the one that captures.
//
// Built once for a schema; thread safe after that, with a scratch for each thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/duckdb/row_source.h"
#include "common/table_schema/engine_types.h"
#include "services/ingestion/record/field_capture.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {

class JsonCursor;
struct JsonToken;

// How fields are taken that the table lacks, at the top level and inside structs.
struct UnknownFields {
  enum class Policy {
    kRefuse,
    // Refused, and RecordError says whether the record teaches: by such a field, or by a fraction
    // in a learnt column of integers. Those that are null are passed over: nothing is lost.
    kLearn,
    // Kept in `column`, as a FieldCapture writes them.
    kCapture,
  };
  Policy policy = Policy::kRefuse;
  // A column of type string, NULL where there are none. Without such a column they are refused.
  std::string column;
};

class RecordMatcher {
 public:
  // What one thread needs while it reads records. Holds texts that had to be written anew: it stays
  // until the statement that reads them has ended.
  class Scratch {
   private:
    friend class RecordMatcher;
    // Of every field, the last object that had it; of every struct, where its last field was found.
    std::vector<uint64_t> seen;
    std::vector<size_t> hints;
    uint64_t object_count = 0;
    std::deque<std::string> texts;
    FieldCapture capture;
  };

  explicit RecordMatcher(const table_schema::Fields& fields, const UnknownFields& unknown = {});
  ~RecordMatcher();

  // Nothing when the record fits.
  std::optional<RecordError> Match(std::string_view record) const;
  // The same, and writes the fields at chunk.row(), field i of the schema into column i; system
  // columns are left to the caller. Neither finishes nor abandons the row. The record's bytes stay
  // until the statement has ended.
  std::optional<RecordError> Read(std::string_view record, Scratch& scratch,
                                  duckdb::ChunkWriter& chunk) const;

 private:
  struct Column;
  struct Pass;

  void Build(const table_schema::Field& field, bool top_level, Column& column);
  std::optional<RecordError> Run(std::string_view record, Pass& pass) const;

  UnknownFields::Policy policy_;
  size_t capture_column_ = 0;  // kCapture
  std::unique_ptr<Column> root_;
  size_t field_count_ = 0;
  size_t struct_count_ = 0;
};

}  // namespace tarn::ingestion
