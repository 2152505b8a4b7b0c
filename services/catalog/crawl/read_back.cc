#include "services/catalog/crawl/read_back.h"

#include <optional>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/table_reader.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr size_t kFilesAtOnce = 500;

bool SameColumns(const std::vector<Field>& a, const std::vector<Field>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Field& x, const Field& y) {
    return x.name == y.name && x.type == y.type && SameColumns(x.fields, y.fields);
  });
}

// Rows, and values that are not NULL by column.
struct Counts {
  int64_t rows = 0;
  std::vector<int64_t> values;

  friend bool operator==(const Counts&, const Counts&) = default;
};

// What the engine counts; each column is counted, so that every value is converted.
absl::StatusOr<Counts> CountByEngine(duckdb::Connection& connection, const lake::LakePaths& lake,
                                     const Table& table, const std::vector<FileToVerify>& files) {
  v1::Table proto;
  ToProto(table, &proto);
  std::vector<v1::DataFile> data_files(files.size());
  for (size_t i = 0; i < files.size(); ++i) ToProto(*files[i].file, &data_files[i]);
  std::string columns = "count(*)";
  for (const Field& field : table.definition.schema.fields) {
    absl::StrAppend(&columns, ", count(", duckdb::QuoteIdentifier(field.name), ")");
  }
  TARN_ASSIGN_OR_RETURN(
      const duckdb::QueryResult result,
      connection.Query(
          absl::StrCat("SELECT ", columns, " FROM (",
                       table_schema::ReaderSql(proto, data_files, lake.root().string()), ")")));
  const auto count = [&result](size_t column) {
    const duckdb::Value value = result.At(0, column);
    return value.As<int64_t>() == nullptr ? int64_t{0} : *value.As<int64_t>();
  };
  Counts counts{.rows = count(0)};
  for (size_t i = 0; i < table.definition.schema.fields.size(); ++i) {
    counts.values.push_back(count(i + 1));
  }
  return counts;
}

bool IsPartitionColumn(const TableDefinition& definition, const std::string& name) {
  for (const PartitionField& field : definition.partition_fields) {
    if (field.source == name) return true;
  }
  return false;
}

// What the scan counted. Of partition columns, and in Parquet, whose values are not scanned, it is
// what the engine says.
Counts CountByScan(const TableDefinition& definition, const std::vector<FileToVerify>& files,
                   const Counts& by_engine) {
  Counts counts;
  for (const FileToVerify& file : files) counts.rows += file.file->row_count;
  const bool scanned = definition.external->format != FileFormat::kParquet;
  for (size_t i = 0; i < definition.schema.fields.size(); ++i) {
    const std::string& name = definition.schema.fields[i].name;
    if (!scanned || IsPartitionColumn(definition, name)) {
      counts.values.push_back(by_engine.values[i]);
      continue;
    }
    int64_t values = 0;
    for (const FileToVerify& file : files) {
      for (const auto& [column, type] : file.columns->parts) {
        if (column == name) values += type.value_count;
      }
    }
    counts.values.push_back(values);
  }
  return counts;
}

// The column of which the engine does not read all values, or nothing.
std::optional<std::string> LostValues(const TableDefinition& definition, const Counts& by_engine,
                                      const Counts& by_scan) {
  for (size_t i = 0; i < by_scan.values.size(); ++i) {
    if (by_engine.values[i] == by_scan.values[i]) continue;
    const Field& field = definition.schema.fields[i];
    return absl::StrCat("column \"", field.name, "\": the engine reads ", by_engine.values[i],
                        " of ", by_scan.values[i], " values as ", FormatColumnType(field.type));
  }
  return std::nullopt;
}

// The engine's first line, without the place of the lake on this machine.
std::string Explain(const absl::Status& status, const lake::LakePaths& lake) {
  const std::string message(status.message());
  return "the engine cannot read it with the types found: " +
         absl::StrReplaceAll(message.substr(0, message.find("\n\n")),
                             {{lake.root().string() + "/", ""}});
}

}  // namespace

bool SameReading(const TableDefinition& a, const TableDefinition& b) {
  return SameColumns(a.schema.fields, b.schema.fields) &&
         a.partition_fields == b.partition_fields && a.external == b.external;
}

absl::StatusOr<std::vector<FileProblem>> VerifyReadable(duckdb::LazyDatabase& engine,
                                                        const lake::LakePaths& lake,
                                                        const TableDefinition& definition,
                                                        const std::vector<FileToVerify>& files,
                                                        size_t max_problems,
                                                        const std::function<bool()>& stop) {
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine.Connect());
  const Table table{.type = TableType::kExternal, .definition = definition};
  std::vector<FileProblem> problems;
  for (size_t begin = 0; begin < files.size(); begin += kFilesAtOnce) {
    if (stop()) {
      return MakeError(absl::StatusCode::kCancelled, "CRAWL_STOPPED", "the crawl was stopped");
    }
    const size_t end = std::min(files.size(), begin + kFilesAtOnce);
    const std::vector<FileToVerify> batch(files.begin() + begin, files.begin() + end);
    const absl::StatusOr<Counts> counts = CountByEngine(connection, lake, table, batch);
    if (counts.ok() && *counts == CountByScan(definition, batch, *counts)) continue;
    if (!counts.ok() && !absl::IsInvalidArgument(counts.status()) &&
        !absl::IsFailedPrecondition(counts.status())) {
      return counts.status();
    }
    // One of them differs: which?
    const size_t before = problems.size();
    for (const FileToVerify& file : batch) {
      const absl::StatusOr<Counts> one = CountByEngine(connection, lake, table, {file});
      std::optional<std::string> problem;
      if (one.ok()) {
        problem = LostValues(definition, *one, CountByScan(definition, {file}, *one));
        file.file->row_count = one->rows;
      } else {
        problem = Explain(one.status(), lake);
      }
      if (problem) problems.push_back({file.file->path, *std::move(problem)});
      if (problems.size() >= max_problems) return problems;
    }
    if (problems.size() == before && !counts.ok()) return counts.status();
  }
  return problems;
}

}  // namespace tarn::catalog
