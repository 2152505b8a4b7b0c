// Rows as JSON and CSV, straight from the engine's vectors.
//
// JSON, one object a row, after the rules of proto JSON where it has any:
//   BOOLEAN                       true, false
//   integers of up to 32 bits     number
//   wider integers                number up to ±(2^53 - 1), a string of digits beyond
//   DECIMAL                       string, all digits of the scale ("1.50")
//   FLOAT, DOUBLE                 shortest number that reads back; "NaN", "Infinity", "-Infinity"
//   VARCHAR, enum, UUID           string; VARCHAR called JSON is put in as it stands
//   BLOB                          base64 string; BIT "0101"; BIGNUM a string of digits
//   dates, times, INTERVAL        ISO 8601 strings (value_text.h)
//   LIST, ARRAY                   array
//   STRUCT                        object; fields without a name are called "1", "2", …
//   MAP                           object with the keys as text; the last of equal texts counts
//   UNION                         the value of its field
//   NULL                          null
// Columns of one name: the second and later become "name_2", "name_3", … .
//
// CSV (RFC 4180): lines end with CRLF; NULL is empty, an empty string is ""; fields with comma,
// quote, CR, LF, or space at an end are quoted; numbers and times as above without JSON's quotes;
// nested values as their JSON. Nothing is done about formulas of spreadsheets.
//
// Pure functions over a chunk; any thread.
#pragma once

#include <string>
#include <vector>

#include "common/duckdb/chunk.h"

namespace tarn::duckdb {

// `text` as a JSON string, quotes included. Valid UTF-8 passes through.
void AppendJsonString(std::string_view text, std::string& out);
// One value as JSON or as an unquoted piece of text (numbers, times: without quotes; nested: JSON).
void AppendJsonValue(const ColumnView& column, uint64_t row, std::string& out);
void AppendTextValue(const ColumnView& column, uint64_t row, std::string& out);

// Writes rows of one schema. Holds the column names as they are printed.
class JsonRowWriter {
 public:
  explicit JsonRowWriter(const Schema& schema);
  // {"a":1,"b":null}, without a newline.
  void AppendRow(const Chunk& chunk, uint64_t row, std::string& out) const;
  // The names that the objects have.
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::vector<std::string> keys_;  // escaped, with colon
};

class CsvRowWriter {
 public:
  explicit CsvRowWriter(char separator = ',') : separator_(separator) {}
  void AppendHeader(const Schema& schema, std::string& out) const;
  void AppendRow(const Chunk& chunk, uint64_t row, std::string& out) const;

 private:
  void AppendField(std::string_view text, std::string& out) const;
  char separator_;
};

}  // namespace tarn::duckdb
