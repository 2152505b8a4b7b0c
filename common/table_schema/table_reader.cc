#include "common/table_schema/table_reader.h"

#include <map>
#include <optional>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/duckdb/sql_text.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/system_columns.h"

namespace tarn::table_schema {
namespace {

namespace catalog = ::tarn::catalog::v1;
using duckdb::QuoteIdentifier;
using duckdb::QuoteLiteral;
using duckdb::QuoteLiteralList;

// The values of a file's partition fields, as a key that groups files.
using PartitionKey = std::vector<std::optional<std::string>>;

PartitionKey KeyOf(const catalog::DataFile& file) {
  PartitionKey key;
  for (const catalog::PartitionValue& value : file.partition()) {
    key.push_back(value.has_value() ? std::optional(value.value()) : std::nullopt);
  }
  return key;
}

std::string AbsolutePath(const catalog::DataFile& file, std::string_view lake_root) {
  const std::string& path = file.derived_path().empty() ? file.path() : file.derived_path();
  return duckdb::ExactPath(absl::StrCat(std::string(lake_root), "/", path));
}

// The engine's name for a file's place in the list, which a column of that name would hide.
constexpr char kFileIndex[] = "file_index";

bool NeedsFileTimes(const catalog::Table& table) {
  for (const Field& field : table.schema().fields()) {
    if (field.name() == kCommittedAtColumn && IsSystemColumn(field)) return true;
  }
  return false;
}

// The commit time of a row's file, for rows whose files do not hold it: a constant list, looked up
// by the file's place.
std::string CommittedAtSql(const std::vector<catalog::DataFile>& files) {
  std::vector<std::string> micros;
  for (const catalog::DataFile& file : files) {
    micros.push_back(file.has_added_time() ? absl::StrCat(file.added_time().seconds() * 1'000'000 +
                                                          file.added_time().nanos() / 1000)
                                           : "NULL");
  }
  return absl::StrCat("coalesce(", QuoteIdentifier(kCommittedAtColumn), ", make_timestamptz(CAST(",
                      QuoteLiteral(absl::StrCat("[", absl::StrJoin(micros, ","), "]")),
                      " AS BIGINT[])[CAST(", kFileIndex, " AS BIGINT) + 1]))");
}

// Parquet of our own, by field id.
std::string ManagedSql(const catalog::Table& table, const std::vector<catalog::DataFile>& files,
                       std::string_view lake_root) {
  std::vector<std::string> paths;
  for (const catalog::DataFile& file : files) paths.push_back(AbsolutePath(file, lake_root));
  const bool file_times = NeedsFileTimes(table);
  Fields read = table.schema().fields();
  std::vector<std::string> columns;
  for (Field& field : read) {
    const std::string name = QuoteIdentifier(field.name());
    if (file_times && absl::EqualsIgnoreCase(field.name(), kFileIndex)) {
      field.set_name("__file_index");
      columns.push_back(absl::StrCat("__file_index AS ", name));
    } else if (file_times && field.name() == kCommittedAtColumn) {
      columns.push_back(absl::StrCat(CommittedAtSql(files), " AS ", name));
    } else if (field.widened()) {
      // A comparison of the bare column would be pushed into the files, and what it is compared
      // with be rounded to their type: x > 1.5 to x > 2.
      columns.push_back(
          absl::StrCat("CASE WHEN ", name, " IS NOT NULL THEN ", name, " END AS ", name));
    } else {
      columns.push_back(name);
    }
  }
  return absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM read_parquet(",
                      QuoteLiteralList(paths), ", schema=", ReadSchemaSpec(read), ")");
}

std::string EmptySql(const catalog::Table& table) {
  std::vector<std::string> columns;
  for (const Field& field : table.schema().fields()) {
    columns.push_back(
        absl::StrCat("CAST(NULL AS ", EngineTypeOf(field), ") AS ", QuoteIdentifier(field.name())));
  }
  return absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " WHERE false");
}

bool IsPartitionColumn(const catalog::Table& table, const std::string& name) {
  for (const catalog::PartitionField& field : table.partition_fields()) {
    if (field.source() == name) return true;
  }
  return false;
}

// {'a': 'BIGINT', …} of the columns that stand in the files themselves.
std::string ColumnsSpec(const catalog::Table& table) {
  std::vector<std::string> columns;
  for (const Field& field : table.schema().fields()) {
    if (IsPartitionColumn(table, field.name())) continue;
    columns.push_back(
        absl::StrCat(QuoteLiteral(field.name()), ": ", QuoteLiteral(EngineTypeOf(field))));
  }
  return absl::StrCat("{", absl::StrJoin(columns, ", "), "}");
}

std::string CsvReader(const catalog::Table& table, const std::string& files) {
  const catalog::CsvOptions& csv = table.external().csv();
  const auto or_default = [](const std::string& value, const char* fallback) {
    return QuoteLiteral(value.empty() ? fallback : value);
  };
  const std::string nulls = csv.null_text().empty()
                                ? std::string("''")
                                : absl::StrCat("['', ", QuoteLiteral(csv.null_text()), "]");
  return absl::StrCat(
      "read_csv(", files, ", columns=", ColumnsSpec(table),
      ", auto_detect=false, header=", csv.header() ? "true" : "false",
      ", delim=", or_default(csv.delimiter(), ","), ", quote=", or_default(csv.quote(), "\""),
      ", escape=", or_default(csv.escape().empty() ? csv.quote() : csv.escape(), "\""),
      ", nullstr=", nulls, ", hive_partitioning=false)");
}

// Files that somebody else wrote may lack a column: all of one partition's, too, so that no file of
// the list has it. A relation without rows, whose columns take on any type, makes it NULL there.
std::string ParquetReader(const catalog::Table& table, const std::string& files) {
  std::vector<std::string> columns;
  for (const Field& field : table.schema().fields()) {
    if (IsPartitionColumn(table, field.name())) continue;
    columns.push_back(absl::StrCat("NULL AS ", QuoteIdentifier(field.name())));
  }
  const std::string reader =
      absl::StrCat("read_parquet(", files, ", union_by_name=true, hive_partitioning=false)");
  if (columns.empty()) return reader;
  return absl::StrCat("(SELECT * FROM ", reader, " UNION ALL BY NAME SELECT ",
                      absl::StrJoin(columns, ", "), " WHERE false)");
}

std::string FileReader(const catalog::Table& table, const std::string& files) {
  switch (table.external().format()) {
    case catalog::FILE_FORMAT_CSV:
      return CsvReader(table, files);
    case catalog::FILE_FORMAT_JSON_LINES:
    case catalog::FILE_FORMAT_JSON_ARRAY:
      return absl::StrCat("read_json(", files, ", columns=", ColumnsSpec(table), ", format=",
                          table.external().format() == catalog::FILE_FORMAT_JSON_ARRAY
                              ? "'array'"
                              : "'newline_delimited'",
                          ", maximum_object_size=67108864, hive_partitioning=false)");
    default:
      return ParquetReader(table, files);
  }
}

// One SELECT for each combination of partition values.
std::string ExternalSql(const catalog::Table& table, const std::vector<catalog::DataFile>& files,
                        std::string_view lake_root) {
  std::map<PartitionKey, std::vector<std::string>> groups;
  for (const catalog::DataFile& file : files)
    groups[KeyOf(file)].push_back(AbsolutePath(file, lake_root));
  std::vector<std::string> selects;
  for (const auto& [key, paths] : groups) {
    std::vector<std::string> columns;
    for (const Field& field : table.schema().fields()) {
      std::string value = QuoteIdentifier(field.name());
      for (int i = 0; i < table.partition_fields_size(); ++i) {
        if (table.partition_fields(i).source() != field.name()) continue;
        const bool known = static_cast<size_t>(i) < key.size() && key[i].has_value();
        value = known ? QuoteLiteral(*key[i]) : "NULL";
      }
      columns.push_back(absl::StrCat("CAST(", value, " AS ", EngineTypeOf(field), ") AS ",
                                     QuoteIdentifier(field.name())));
    }
    selects.push_back(absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM ",
                                   FileReader(table, QuoteLiteralList(paths))));
  }
  return absl::StrJoin(selects, " UNION ALL ");
}

}  // namespace

std::string ReaderSql(const catalog::Table& table, const std::vector<catalog::DataFile>& files,
                      std::string_view lake_root) {
  if (files.empty()) return EmptySql(table);
  if (table.type() == catalog::TABLE_TYPE_EXTERNAL) return ExternalSql(table, files, lake_root);
  return ManagedSql(table, files, lake_root);
}

}  // namespace tarn::table_schema
