// Rows as aligned columns under a header, for people to read. Widths are measured on what is known
// when the first row is written. One thread.
#pragma once

#include <string>
#include <vector>

#include "services/cli/terminal.h"

namespace tarn::cli {

struct TableColumn {
  std::string header;
  bool right_aligned = false;
};

struct TableCell {
  std::string text;  // on one line
  Style style = Style::kPlain;
};

using TableRow = std::vector<TableCell>;

class TextTable {
 public:
  TextTable(Terminal& terminal, std::vector<TableColumn> columns);

  // Widens the columns for `row`, which is written later.
  void Measure(const TableRow& row);
  // Divides a terminal's width among the columns: what is wider than its share is cut. Without a
  // terminal nothing is. Then writes the header.
  void Begin();
  void Write(const TableRow& row);

 private:
  void WriteLine(const TableRow& row);

  Terminal& terminal_;
  const std::vector<TableColumn> columns_;
  std::vector<int> widths_;
};

// All of a table at once.
void WriteTable(Terminal& terminal, std::vector<TableColumn> columns,
                const std::vector<TableRow>& rows);

}  // namespace tarn::cli
