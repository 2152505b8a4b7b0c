#include "services/cli/result_writer.h"

#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "tarn/query/v1/query_service.pb.h"

#include "services/cli/display_text.h"
#include "services/cli/text_table.h"

namespace tarn::cli {
namespace {

constexpr size_t kMeasuredRows = 1000;

// Calls `each` with every line of `rows`.
template <typename Each>
void ForEachRow(std::string_view rows, Each each) {
  while (!rows.empty()) {
    const size_t end = rows.find('\n');
    const std::string_view row = rows.substr(0, end);
    if (!row.empty()) each(row);
    if (end == std::string_view::npos) return;
    rows.remove_prefix(end + 1);
  }
}

bool IsNumberType(const std::string& type) {
  constexpr std::array<std::string_view, 5> kNumbers = {"int", "long", "float", "double",
                                                        "decimal"};
  for (std::string_view number : kNumbers) {
    if (type.compare(0, number.size(), number) == 0) return true;
  }
  return false;
}

std::string StringValue(std::string_view element) {
  const auto value = nlohmann::json::parse(element, nullptr, /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : std::string(element);
}

class TableWriter : public ResultWriter {
 public:
  explicit TableWriter(Terminal& terminal) : terminal_(terminal) {}

  void Begin(const query::v1::ResultSchema& schema) override {
    std::vector<TableColumn> columns;
    for (const auto& column : schema.columns()) {
      columns.push_back({.header = column.name(), .right_aligned = IsNumberType(column.type())});
    }
    if (!columns.empty()) table_.emplace(terminal_, std::move(columns));
  }

  void Write(std::string_view rows) override {
    if (!table_) return;
    ForEachRow(rows, [this](std::string_view row) { Add(CellsOf(row)); });
  }

  void End() override {
    if (table_ && !begun_) WriteWaiting();
  }

 private:
  TableRow CellsOf(std::string_view row) const {
    TableRow cells;
    for (std::string_view element : RowElements(row)) {
      if (element == "null") {
        // In a pipe NULL is nothing; on a terminal it is told from the empty text.
        cells.push_back({.text = terminal_.out_is_tty ? "NULL" : "", .style = Style::kDim});
      } else if (!element.empty() && element.front() == '"') {
        cells.push_back({.text = OneLine(StringValue(element))});
      } else {
        cells.push_back({.text = OneLine(element)});
      }
    }
    return cells;
  }

  void Add(TableRow row) {
    if (begun_) {
      table_->Write(row);
      return;
    }
    table_->Measure(row);
    waiting_.push_back(std::move(row));
    if (waiting_.size() == kMeasuredRows) WriteWaiting();
  }

  void WriteWaiting() {
    begun_ = true;
    table_->Begin();
    for (const TableRow& row : waiting_) table_->Write(row);
    waiting_.clear();
    terminal_.out.flush();
  }

  Terminal& terminal_;
  std::optional<TextTable> table_;
  std::vector<TableRow> waiting_;
  bool begun_ = false;
};

class CsvWriter : public ResultWriter {
 public:
  explicit CsvWriter(Terminal& terminal) : terminal_(terminal) {}

  void Begin(const query::v1::ResultSchema&) override {}
  void Write(std::string_view rows) override { terminal_.out << rows << std::flush; }
  bool WantsCsv() const override { return true; }

 private:
  Terminal& terminal_;
};

class JsonWriter : public ResultWriter {
 public:
  explicit JsonWriter(Terminal& terminal) : terminal_(terminal) {}

  void Begin(const query::v1::ResultSchema& schema) override {
    for (const auto& column : schema.columns()) {
      keys_.push_back(nlohmann::json(column.name())
                          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
  }

  void Write(std::string_view rows) override {
    ForEachRow(rows, [this](std::string_view row) {
      const std::vector<std::string_view> elements = RowElements(row);
      terminal_.out << '{';
      for (size_t i = 0; i < elements.size() && i < keys_.size(); ++i) {
        terminal_.out << (i > 0 ? "," : "") << keys_[i] << ':' << elements[i];
      }
      terminal_.out << "}\n";
    });
    terminal_.out.flush();
  }

 private:
  Terminal& terminal_;
  std::vector<std::string> keys_;
};

}  // namespace

std::vector<std::string_view> RowElements(std::string_view row) {
  std::vector<std::string_view> elements;
  if (row.size() < 2 || row.front() != '[') return elements;
  row = row.substr(1, row.rfind(']') - 1);
  int depth = 0;
  bool in_string = false;
  size_t begin = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    const char c = row[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ',' && depth == 0) {
      elements.push_back(row.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  if (!row.empty()) elements.push_back(row.substr(begin));
  for (std::string_view& element : elements) {
    while (!element.empty() && element.front() == ' ') element.remove_prefix(1);
    while (!element.empty() && element.back() == ' ') element.remove_suffix(1);
  }
  return elements;
}

std::unique_ptr<ResultWriter> NewTableWriter(Terminal& terminal) {
  return std::make_unique<TableWriter>(terminal);
}

std::unique_ptr<ResultWriter> NewCsvWriter(Terminal& terminal) {
  return std::make_unique<CsvWriter>(terminal);
}

std::unique_ptr<ResultWriter> NewJsonWriter(Terminal& terminal) {
  return std::make_unique<JsonWriter>(terminal);
}

}  // namespace tarn::cli
