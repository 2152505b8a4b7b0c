#include "services/cli/text_table.h"

#include <algorithm>
#include <numeric>

#include "services/cli/display_text.h"

namespace tarn::cli {
namespace {

constexpr int kGap = 2;
// A column is never cut below this.
constexpr int kNarrowest = 8;

}  // namespace

TextTable::TextTable(Terminal& terminal, std::vector<TableColumn> columns)
    : terminal_(terminal), columns_(std::move(columns)) {
  for (const TableColumn& column : columns_) {
    widths_.push_back(DisplayWidth(OneLine(column.header)));
  }
}

void TextTable::Measure(const TableRow& row) {
  for (size_t i = 0; i < row.size() && i < widths_.size(); ++i) {
    widths_[i] = std::max(widths_[i], DisplayWidth(row[i].text));
  }
}

void TextTable::Begin() {
  if (terminal_.out_is_tty && !widths_.empty()) {
    const int gaps = kGap * (static_cast<int>(widths_.size()) - 1);
    int excess = std::accumulate(widths_.begin(), widths_.end(), gaps) - terminal_.width;
    // The widest column gives first, until it is as narrow as the next.
    while (excess > 0) {
      auto widest = std::max_element(widths_.begin(), widths_.end());
      if (*widest <= kNarrowest) break;
      --*widest;
      --excess;
    }
  }
  TableRow header;
  for (const TableColumn& column : columns_) {
    header.push_back({.text = OneLine(column.header), .style = Style::kBold});
  }
  WriteLine(header);
}

void TextTable::Write(const TableRow& row) { WriteLine(row); }

void TextTable::WriteLine(const TableRow& row) {
  std::string line;
  for (size_t i = 0; i < columns_.size() && i < row.size(); ++i) {
    const std::string text =
        terminal_.out_is_tty ? CutToWidth(row[i].text, widths_[i]) : row[i].text;
    const int padding = std::max(0, widths_[i] - DisplayWidth(text));
    if (i > 0) line.append(kGap, ' ');
    if (columns_[i].right_aligned) line.append(padding, ' ');
    line += terminal_.OnOut(row[i].style, text);
    // No white space at the end of a line.
    if (!columns_[i].right_aligned && i + 1 < columns_.size()) line.append(padding, ' ');
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  terminal_.out << line << "\n";
}

void WriteTable(Terminal& terminal, std::vector<TableColumn> columns,
                const std::vector<TableRow>& rows) {
  TextTable table(terminal, std::move(columns));
  for (const TableRow& row : rows) table.Measure(row);
  table.Begin();
  for (const TableRow& row : rows) table.Write(row);
}

}  // namespace tarn::cli
