#include "services/ingestion/reprocess/row_replacement.h"

#include <filesystem>
#include <optional>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/ids/ids.h"
#include "common/lake/hive_partition.h"
#include "common/lake/parquet_writer.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/system_columns.h"
#include "common/table_schema/table_reader.h"
#include "services/ingestion/delivery/data_file.h"
#include "services/ingestion/record/parquet_converter.h"

namespace tarn::ingestion {
namespace {

using catalog::v1::DataFile;
using catalog::v1::Table;
using duckdb::QuoteIdentifier;

const table_schema::Field* FindIngestedAt(const Table& table) {
  for (const table_schema::Field& field : table.schema().fields()) {
    if (field.name() == table_schema::kIngestedAtColumn && table_schema::IsSystemColumn(field)) {
      return &field;
    }
  }
  return nullptr;
}

// A bound as the engine prints it, in UTC: "2026-01-01 00:00:00.5+00".
std::optional<absl::Time> ParseBound(const std::string& text) {
  absl::Time time;
  if (!absl::EndsWith(text, "+00") ||
      !absl::ParseTime("%Y-%m-%d %H:%M:%E*S", text.substr(0, text.size() - 3), &time, nullptr)) {
    return std::nullopt;
  }
  return time;
}

enum class Overlap { kNone, kWhole, kSome, kUnknown };

// How the rows of a file lie to the range, by what is known of its _ingested_at.
Overlap OverlapOf(const DataFile& file, int field_id, absl::Time start, absl::Time end) {
  for (const catalog::v1::ColumnStatistics& column : file.columns()) {
    if (column.field_id() != field_id) continue;
    if (column.has_null_count() && column.null_count() == file.row_count()) return Overlap::kNone;
    const auto lower = ParseBound(column.lower_bound());
    const auto upper = ParseBound(column.upper_bound());
    if (!lower || !upper) return Overlap::kSome;
    if (*lower >= end || *upper < start) return Overlap::kNone;
    const bool no_null = column.has_null_count() && column.null_count() == 0;
    return no_null && *lower >= start && *upper < end ? Overlap::kWhole : Overlap::kSome;
  }
  return Overlap::kUnknown;
}

// The literal does not hang on the session's time zone.
std::string TimeSql(absl::Time time) {
  return absl::StrCat("make_timestamptz(CAST(", absl::ToUnixMicros(time), " AS BIGINT))");
}

absl::Status WithoutArrival(const Table& table, const std::string& file) {
  return FailedPrecondition(
      "ROWS_WITHOUT_ARRIVAL",
      absl::StrCat("file ", file, " of ", table.name(),
                   " does not say when its rows arrived, and some may have in the range; begin "
                   "after it was written, or put the rows into another table"),
      {{"table", table.name()}, {"file", file}});
}

// Writes the rows of one file that are not of the range; nothing when none is of the range.
class KeptRowsWriter {
 public:
  KeptRowsWriter(const Stream& stream, const Table& table, const lake::LakePaths& lake,
                 duckdb::Connection connection, absl::Time start, absl::Time end)
      : stream_(stream),
        table_(table),
        lake_(lake),
        connection_(std::move(connection)),
        in_range_(absl::StrCat("coalesce(", QuoteIdentifier(table_schema::kIngestedAtColumn),
                               " >= ", TimeSql(start), " AND ",
                               QuoteIdentifier(table_schema::kIngestedAtColumn), " < ",
                               TimeSql(end), ", false)")) {}

  // The rows that are of the range.
  absl::StatusOr<int64_t> Count(const DataFile& file) {
    TARN_ASSIGN_OR_RETURN(const duckdb::QueryResult result,
                          connection_.Query(absl::StrCat("SELECT count(*) FROM (", Rows(file),
                                                         ") WHERE ", in_range_)));
    return *result.At(0, 0).As<int64_t>();
  }

  absl::StatusOr<std::vector<DataFile>> Write(const DataFile& file) {
    TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(table_.name()));
    TARN_ASSIGN_OR_RETURN(const std::filesystem::path staging,
                          lake_.Join(lake::LakePaths::TableStaging(
                              stream_.workspace, id.database, id.table, table_.uid(),
                              absl::StrCat("reprocess-", NewUuid()))));
    absl::StatusOr<std::vector<DataFile>> kept = WriteTo(staging, file);
    lake::RemoveStaging(staging);
    return kept;
  }

 private:
  std::string Rows(const DataFile& file) const {
    return table_schema::ReaderSql(table_, {file}, lake_.root().string());
  }

  absl::StatusOr<std::vector<DataFile>> WriteTo(const std::filesystem::path& staging,
                                                const DataFile& file) {
    lake::ParquetWriteOptions write{
        .field_ids = table_schema::FieldIdsSpec(table_.schema().fields()),
        .order_by = OrderBySql(table_)};
    TARN_ASSIGN_OR_RETURN(
        std::vector<lake::WrittenFile> files,
        lake::WriteParquet(connection_,
                           absl::StrCat("SELECT * FROM (", Rows(file), ") WHERE NOT ", in_range_),
                           staging, write));
    std::vector<lake::PartitionValue> partition;
    for (const catalog::v1::PartitionValue& value : file.partition()) {
      partition.push_back(
          {value.name(), value.has_value() ? std::optional(value.value()) : std::nullopt});
    }
    for (lake::WrittenFile& written : files) {
      written.partition = partition;
      if (!partition.empty()) {
        written.relative_path =
            absl::StrCat(lake::PartitionPath(partition), "/", written.relative_path);
      }
    }
    return PublishDataFiles(lake_, table_, files);
  }

  const Stream& stream_;
  const Table& table_;
  const lake::LakePaths& lake_;
  duckdb::Connection connection_;
  const std::string in_range_;
};

}  // namespace

absl::StatusOr<RowReplacement> RowReplacer::Plan(const Stream& stream, const std::string& table,
                                                 absl::Time start, absl::Time end,
                                                 const std::function<absl::Status()>& stop) {
  TARN_ASSIGN_OR_RETURN(const CatalogClient::Scan scan,
                        catalog_.PlanScan(stream, table, start, end));
  RowReplacement replacement;
  replacement.base_snapshot_id = scan.table.current_snapshot().snapshot_id();
  const table_schema::Field* const ingested_at = FindIngestedAt(scan.table);
  std::vector<const DataFile*> straddling;
  for (const DataFile& file : scan.files) {
    Overlap overlap =
        ingested_at == nullptr ? Overlap::kUnknown : OverlapOf(file, ingested_at->id(), start, end);
    if (overlap == Overlap::kUnknown) {
      // Whatever is in it was there when it was committed.
      const absl::Time added = absl::FromUnixSeconds(file.added_time().seconds()) +
                               absl::Nanoseconds(file.added_time().nanos());
      if (file.has_added_time() && added < start) continue;
      return WithoutArrival(scan.table, file.path());
    }
    if (overlap == Overlap::kNone) continue;
    if (overlap == Overlap::kSome || file.row_count() < 0) {
      straddling.push_back(&file);
      continue;
    }
    replacement.removed_paths.push_back(file.path());
    replacement.rows_replaced += file.row_count();
  }
  if (straddling.empty()) return replacement;
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine_.Connect());
  KeptRowsWriter writer(stream, scan.table, lake_, std::move(connection), start, end);
  for (const DataFile* file : straddling) {
    TARN_RETURN_IF_ERROR(stop());
    TARN_ASSIGN_OR_RETURN(const int64_t count, writer.Count(*file));
    if (count == 0) continue;
    TARN_ASSIGN_OR_RETURN(std::vector<DataFile> kept, writer.Write(*file));
    int64_t kept_rows = 0;
    for (const DataFile& each : kept) kept_rows += each.row_count();
    if (file->row_count() >= 0 && kept_rows + count != file->row_count()) {
      return Internal("ROWS_DIFFER",
                      absl::StrCat("file ", file->path(), " has ", file->row_count(), " rows, but ",
                                   count, " and ", kept_rows, " were read; nothing was changed"));
    }
    replacement.removed_paths.push_back(file->path());
    replacement.rows_replaced += count;
    for (DataFile& each : kept) replacement.kept_rows.push_back(std::move(each));
  }
  return replacement;
}

}  // namespace tarn::ingestion
