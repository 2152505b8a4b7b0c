#include "services/ingestion/record/partition_writer.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/record/record_rows.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using catalog::v1::PartitionField;
using catalog::v1::Table;
using duckdb::QuoteIdentifier;

constexpr uint64_t kNoEnd = std::numeric_limits<int64_t>::max();
// The number of a row's partition. No field of a record can have such a name, as of the other
// tables and columns here.
constexpr char kPartition[] = "__tarn_partition";
// What the engine needs for the rows of one partition on their way to their file, up to 32 KiB for
// each leaf of the columns and thread, is to take 64 MiB at most.
constexpr size_t kLeavesAtATime = 1024;
// How often the rows are read before sorting them once is cheaper.
constexpr size_t kMaxScans = 4;

const table_schema::Field* FindColumn(const Table& table, const std::string& name) {
  for (const table_schema::Field& field : table.schema().fields()) {
    if (absl::EqualsIgnoreCase(field.name(), name)) return &field;
  }
  return nullptr;
}

// A partition's value as text, as SQL over the column; nothing for a transform that is not known.
std::optional<std::string> PartitionExpression(const PartitionField& partition,
                                               const table_schema::Field& column) {
  const std::string name = QuoteIdentifier(column.name());
  const std::string& transform = partition.transform();
  if (transform.empty() || transform == "identity")
    return absl::StrCat("CAST(", name, " AS VARCHAR)");
  const bool has_date = column.type() == "date" || absl::StartsWith(column.type(), "timestamp");
  if (has_date) {
    if (transform == "year") return absl::StrCat("strftime(", name, ", '%Y')");
    if (transform == "month") return absl::StrCat("strftime(", name, ", '%Y-%m')");
    if (transform == "day") return absl::StrCat("strftime(", name, ", '%Y-%m-%d')");
    if (transform == "hour" && column.type() != "date") {
      return absl::StrCat("strftime(", name, ", '%Y-%m-%d-%H')");
    }
  }
  int width = 0;
  if (absl::StartsWith(transform, "truncate[") && absl::EndsWith(transform, "]") &&
      absl::SimpleAtoi(transform.substr(9, transform.size() - 10), &width) && width > 0) {
    if (column.type() == "string") return absl::StrCat("left(", name, ", ", width, ")");
    if (column.type() == "int" || column.type() == "long") {
      return absl::StrCat("CAST(", name, " - (((", name, " % ", width, ") + ", width, ") % ", width,
                          ") AS VARCHAR)");
    }
  }
  return std::nullopt;
}

std::string PartitionName(const PartitionField& partition) {
  if (!partition.name().empty()) return partition.name();
  if (partition.transform().empty() || partition.transform() == "identity") {
    return partition.source();
  }
  return absl::StrCat(partition.source(), "_",
                      partition.transform().substr(0, partition.transform().find('[')));
}

// The expressions of all partition fields; they were checked by CheckPartitionFields.
absl::StatusOr<std::vector<std::string>> PartitionExpressions(const Table& table) {
  std::vector<std::string> expressions;
  for (int i = 0; i < table.partition_fields_size(); ++i) {
    const PartitionField& partition = table.partition_fields(i);
    const table_schema::Field* column = FindColumn(table, partition.source());
    std::optional<std::string> sql;
    if (column != nullptr) sql = PartitionExpression(partition, *column);
    if (!sql) {
      return InvalidFields(
          {{absl::StrCat("partition_fields[", i, "]"),
            column == nullptr
                ? absl::StrCat("the table has no column \"", partition.source(), "\"")
                : absl::StrCat("a stream cannot divide a column of type ", column->type(), " by \"",
                               partition.transform(),
                               "\"; it knows identity, truncate[w], and year, month, day and hour "
                               "of dates and timestamps")}});
    }
    expressions.push_back(*std::move(sql));
  }
  return expressions;
}

// The column that has the value of partition field `i`, as text.
std::string KeyColumn(size_t i) { return absl::StrCat("__tarn_key", i); }

std::string KeyColumns(size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i) {
    absl::StrAppend(&list, list.empty() ? "" : ", ", KeyColumn(i));
  }
  return list;
}

size_t LeafCount(const table_schema::Fields& fields) {
  size_t count = 0;
  for (const table_schema::Field& field : fields) {
    count += field.fields().empty() ? 1 : LeafCount(field.fields());
  }
  return count;
}

}  // namespace

absl::Status CheckPartitionFields(const Table& table) {
  return PartitionExpressions(table).status();
}

absl::StatusOr<std::string> PartitionKeys(const Table& table) {
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> expressions, PartitionExpressions(table));
  std::string list;
  for (size_t i = 0; i < expressions.size(); ++i) {
    absl::StrAppend(&list, ", ", expressions[i], " AS ", KeyColumn(i));
  }
  return list;
}

PartitionWriter::PartitionWriter(duckdb::Connection& connection, const Table& table,
                                 const table_schema::Fields& fields, std::string rows,
                                 const fs::path& folder, const lake::ParquetWriteOptions& options)
    : connection_(connection),
      table_(table),
      rows_(std::move(rows)),
      folder_(folder),
      options_(options),
      key_count_(static_cast<size_t>(table.partition_fields_size())),
      leaf_count_(LeafCount(fields)),
      end_(kNoEnd) {
  for (const table_schema::Field& field : fields) {
    absl::StrAppend(&columns_, columns_.empty() ? "" : ", ", "__tarn_row.",
                    QuoteIdentifier(field.name()));
  }
}

absl::StatusOr<uint64_t> PartitionWriter::Write(int max_partitions,
                                                std::vector<lake::WrittenFile>& files) {
  TARN_RETURN_IF_ERROR(FindPartitions(max_partitions));
  // Where the engine divides rows, it keeps no order among those of one partition.
  const size_t most = options_.order_by.empty() ? PartitionsAtATime() : 1;
  if (partitions_.size() > kMaxScans * most) TARN_RETURN_IF_ERROR(Cluster());
  for (size_t i = 0; i < partitions_.size(); i += most) {
    const size_t next = std::min(i + most, partitions_.size());
    TARN_RETURN_IF_ERROR(next == i + 1 ? WriteOne(i, files) : WriteSome(i, next, files));
  }
  return end_;
}

// Numbers the partitions, in the order in which they appear, in __tarn_partitions.
absl::Status PartitionWriter::FindPartitions(int max_partitions) {
  TARN_RETURN_IF_ERROR(connection_.Execute(absl::StrCat(
      "CREATE TEMP TABLE __tarn_partitions AS SELECT row_number() OVER (ORDER BY __tarn_first) - 1 "
      "AS ",
      kPartition, ", * FROM (SELECT min(", std::string(kPositionColumn), ") AS __tarn_first, ",
      KeyColumns(key_count_), " FROM ", rows_, " GROUP BY ALL ORDER BY __tarn_first LIMIT ",
      max_partitions + 1, ")")));
  TARN_ASSIGN_OR_RETURN(
      const duckdb::QueryResult found,
      connection_.Query(absl::StrCat("SELECT __tarn_first, ", KeyColumns(key_count_),
                                     " FROM __tarn_partitions ORDER BY ", kPartition)));
  for (const duckdb::Chunk& chunk : found.chunks()) {
    for (uint64_t row = 0; row < chunk.size(); ++row) {
      if (partitions_.size() == static_cast<size_t>(max_partitions)) {
        end_ = static_cast<uint64_t>(chunk.column(0).Int64(row));
        break;
      }
      std::vector<lake::PartitionValue>& partition = partitions_.emplace_back();
      for (size_t i = 0; i < key_count_; ++i) {
        lake::PartitionValue value{PartitionName(table_.partition_fields(static_cast<int>(i))), {}};
        const duckdb::Value cell = chunk.column(i + 1).Get(row);
        if (const auto* text = cell.As<std::string>()) value.value = *text;
        partition.push_back(std::move(value));
      }
    }
  }
  return absl::OkStatus();
}

// Brings the rows into the order of their partitions, so that the engine finds those of some
// without reading all.
absl::Status PartitionWriter::Cluster() {
  TARN_RETURN_IF_ERROR(connection_.Execute(
      absl::StrCat("CREATE TEMP TABLE __tarn_clustered AS SELECT ", columns_, ", ", kPartition,
                   RowsOf(0, partitions_.size()), " ORDER BY ", kPartition)));
  clustered_ = true;
  return absl::OkStatus();
}

size_t PartitionWriter::PartitionsAtATime() const {
  return std::clamp<size_t>(kLeavesAtATime / std::max<size_t>(leaf_count_, 1), 1, kMaxOpenFiles);
}

// "FROM …": the rows of the partitions [from, to) as __tarn_row, each with its number.
std::string PartitionWriter::RowsOf(size_t from, size_t to) const {
  if (clustered_) {
    return absl::StrCat(" FROM __tarn_clustered __tarn_row WHERE ", kPartition, " >= ", from,
                        " AND ", kPartition, " < ", to);
  }
  std::string join;
  for (size_t i = 0; i < key_count_; ++i) {
    absl::StrAppend(&join, " AND __tarn_row.", KeyColumn(i), " IS NOT DISTINCT FROM __tarn_p.",
                    KeyColumn(i));
  }
  return absl::StrCat(" FROM ", rows_, " __tarn_row JOIN (SELECT * FROM __tarn_partitions WHERE ",
                      kPartition, " >= ", from, " AND ", kPartition, " < ", to,
                      ") __tarn_p ON true", join, " WHERE __tarn_row.",
                      std::string(kPositionColumn), " < ", end_);
}

absl::Status PartitionWriter::WriteOne(size_t number, std::vector<lake::WrittenFile>& files) {
  const bool all = partitions_.size() == 1 && end_ == kNoEnd;
  const std::string rows =
      all ? absl::StrCat(" FROM ", rows_, " __tarn_row") : RowsOf(number, number + 1);
  TARN_ASSIGN_OR_RETURN(std::vector<lake::WrittenFile> written,
                        lake::WriteParquet(connection_, absl::StrCat("SELECT ", columns_, rows),
                                           folder_ / absl::StrCat("part", number), options_));
  for (lake::WrittenFile& file : written) Add(std::move(file), number, files);
  return absl::OkStatus();
}

absl::Status PartitionWriter::WriteSome(size_t from, size_t to,
                                        std::vector<lake::WrittenFile>& files) {
  lake::ParquetWriteOptions options = options_;
  // By number: folders named by the values themselves might have names that are too long.
  options.partition_columns = {kPartition};
  options.write_partition_columns = false;
  TARN_ASSIGN_OR_RETURN(
      std::vector<lake::WrittenFile> written,
      lake::WriteParquet(connection_,
                         absl::StrCat("SELECT ", columns_, ", ", kPartition, RowsOf(from, to)),
                         folder_ / absl::StrCat("part", from), options));
  for (lake::WrittenFile& file : written) {
    size_t number = 0;
    if (!absl::SimpleAtoi(file.partition[0].value.value_or(""), &number) ||
        number >= partitions_.size()) {
      return Internal("ENGINE_ANSWER", "the engine named a partition that there is not");
    }
    Add(std::move(file), number, files);
  }
  return absl::OkStatus();
}

void PartitionWriter::Add(lake::WrittenFile file, size_t number,
                          std::vector<lake::WrittenFile>& files) const {
  file.partition = partitions_[number];
  file.relative_path = absl::StrCat(lake::PartitionPath(file.partition), "/",
                                    fs::path(file.path).filename().string());
  files.push_back(std::move(file));
}

}  // namespace tarn::ingestion
