// Writes the rows of a query as they arrive, in one of three forms. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/cli/terminal.h"

namespace tarn::query::v1 {
class ResultSchema;
}

namespace tarn::cli {

// The elements of one row, a JSON array, as they are written there; "{}" and "[]" keep theirs.
std::vector<std::string_view> RowElements(std::string_view row);

class ResultWriter {
 public:
  virtual ~ResultWriter() = default;

  // Once, before rows.
  virtual void Begin(const query::v1::ResultSchema& schema) = 0;
  // Whole rows, in the form that WantsCsv asks for.
  virtual void Write(std::string_view rows) = 0;
  // After the last rows, also of a query that failed half-way.
  virtual void End() {}
  // Whether rows come as CSV; else as a JSON array a line.
  virtual bool WantsCsv() const { return false; }
};

// Aligned columns for people: numbers to the right, as wide as the terminal at most. Widths come
// from the first thousand rows, which wait for each other.
std::unique_ptr<ResultWriter> NewTableWriter(Terminal& terminal);
// CSV as the server sends it.
std::unique_ptr<ResultWriter> NewCsvWriter(Terminal& terminal);
// One JSON object a line. Values stay as the server wrote them.
std::unique_ptr<ResultWriter> NewJsonWriter(Terminal& terminal);

}  // namespace tarn::cli
