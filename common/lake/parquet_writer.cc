#include "common/lake/parquet_writer.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <set>

#include <absl/strings/str_cat.h>
#include <sys/statvfs.h>

#include "common/duckdb/sql_text.h"
#include "common/lake/durable_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::lake {
namespace {

namespace fs = std::filesystem;
using duckdb::MapValue;
using duckdb::QuoteIdentifier;
using duckdb::QuoteLiteral;
using duckdb::Value;

// Below this much free space, a failed write of the engine is taken for a full disk: the engine
// itself reports no more than that input or output failed.
constexpr uint64_t kFullDiskBytes = 8ULL << 20;

std::string CopyStatement(const std::string& select_sql, const fs::path& folder,
                          const ParquetWriteOptions& options) {
  // Line breaks keep a trailing comment of the SELECT from swallowing what follows.
  std::string source = absl::StrCat("(\n", select_sql, "\n)");
  if (!options.order_by.empty()) {
    source = absl::StrCat("(SELECT * FROM ", source, " ORDER BY ", options.order_by, ")");
  }
  std::string sql =
      absl::StrCat("COPY ", source, " TO ", QuoteLiteral(folder.string()),
                   " (FORMAT parquet, RETURN_STATS, FILENAME_PATTERN '{uuid}', COMPRESSION ",
                   QuoteLiteral(options.compression), ", ROW_GROUP_SIZE ", options.row_group_rows);
  if (!options.field_ids.empty()) absl::StrAppend(&sql, ", FIELD_IDS ", options.field_ids);
  if (options.partition_columns.empty()) {
    absl::StrAppend(&sql, ", FILE_SIZE_BYTES ", options.max_file_bytes);
  } else {
    std::string columns;
    for (const std::string& column : options.partition_columns) {
      absl::StrAppend(&columns, columns.empty() ? "" : ", ", QuoteIdentifier(column));
    }
    // The folder is ours and was just found empty or made; engine and we agree on that.
    absl::StrAppend(&sql, ", PARTITION_BY (", columns, "), WRITE_PARTITION_COLUMNS ",
                    options.write_partition_columns ? "true" : "false",
                    ", OVERWRITE_OR_IGNORE true");
  }
  return sql + ")";
}

// The names of a path as the engine quotes it: "s"."y.z".
std::vector<std::string> ParseQuotedPath(const std::string& text) {
  std::vector<std::string> names(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
        names.back().push_back('"');
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (text[i] == '.' && !quoted) {
      names.emplace_back();
    } else {
      names.back().push_back(text[i]);
    }
  }
  return names;
}

std::optional<uint64_t> ParseCount(const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

ColumnStats ReadColumn(const std::string& quoted_path, const MapValue& stats) {
  ColumnStats column;
  column.path = ParseQuotedPath(quoted_path);
  for (const auto& [key, value] : stats.entries) {
    const auto* name = key.As<std::string>();
    const auto* text = value.As<std::string>();
    if (name == nullptr || text == nullptr) continue;
    if (*name == "min") {
      column.lower = *text;
    } else if (*name == "max") {
      column.upper = *text;
    } else if (*name == "null_count") {
      column.null_count = ParseCount(*text);
    } else if (*name == "num_values") {
      column.value_count = ParseCount(*text);
    } else if (*name == "column_size_bytes") {
      column.bytes = ParseCount(*text);
    } else if (*name == "has_nan") {
      column.has_nan = *text == "true";
    }
  }
  return column;
}

uint64_t Unsigned(const Value& value) {
  if (const auto* n = value.As<uint64_t>()) return *n;
  if (const auto* n = value.As<int64_t>()) return static_cast<uint64_t>(*n);
  return 0;
}

// One row of what COPY returns: filename, count, file_size_bytes, footer_size_bytes,
// column_statistics, partition_keys.
absl::StatusOr<WrittenFile> ReadRow(const duckdb::QueryResult& result, uint64_t row,
                                    const fs::path& folder, const ParquetWriteOptions& options) {
  const Value path = result.At(row, 0);
  const Value statistics = result.At(row, 4);
  const Value partition_keys = result.At(row, 5);
  if (path.As<std::string>() == nullptr) {
    return Internal("ENGINE_ANSWER", "the engine did not name a file that it wrote");
  }
  WrittenFile file;
  file.path = *path.As<std::string>();
  file.relative_path = fs::path(file.path).lexically_relative(folder).string();
  file.row_count = Unsigned(result.At(row, 1));
  file.bytes = Unsigned(result.At(row, 2));
  if (const auto* columns = statistics.As<MapValue>()) {
    for (const auto& [name, stats] : columns->entries) {
      if (name.As<std::string>() == nullptr || stats.As<MapValue>() == nullptr) continue;
      file.columns.push_back(ReadColumn(*name.As<std::string>(), *stats.As<MapValue>()));
    }
  }
  for (const std::string& column : options.partition_columns) {
    bool found = false;
    if (const auto* keys = partition_keys.As<MapValue>()) {
      for (const auto& [name, value] : keys->entries) {
        if (name != Value(column)) continue;
        found = true;
        PartitionValue partition{column, std::nullopt};
        if (const auto* text = value.As<std::string>()) partition.value = *text;
        file.partition.push_back(std::move(partition));
      }
    }
    if (!found) {
      return Internal("ENGINE_ANSWER",
                      "the engine gave no value of the partition column '" + column + "'");
    }
  }
  return file;
}

absl::Status WithFullDisk(const absl::Status& status, const fs::path& folder) {
  if (ErrorReason(status) != duckdb::kEngineIo) return status;
  struct statvfs info = {};
  if (::statvfs(folder.c_str(), &info) == 0 &&
      static_cast<uint64_t>(info.f_bavail) * info.f_frsize < kFullDiskBytes) {
    return Annotate(FileError(ENOSPC, "write Parquet files to", folder),
                    std::string(status.message()));
  }
  return status;
}

absl::StatusOr<std::vector<WrittenFile>> RunCopy(duckdb::Connection& connection,
                                                 const std::string& sql, const fs::path& folder,
                                                 const ParquetWriteOptions& options) {
  // Prepared, so that a SELECT that smuggles a second statement in is refused.
  TARN_ASSIGN_OR_RETURN(duckdb::QueryResult result, connection.Query(sql, {}));
  std::vector<WrittenFile> files;
  for (uint64_t row = 0; row < result.row_count(); ++row) {
    TARN_ASSIGN_OR_RETURN(WrittenFile file, ReadRow(result, row, folder, options));
    if (file.row_count == 0) {
      std::error_code ignored;
      fs::remove(file.path, ignored);
    } else {
      files.push_back(std::move(file));
    }
  }
  return files;
}

}  // namespace

absl::StatusOr<std::vector<WrittenFile>> WriteParquet(duckdb::Connection& connection,
                                                      const std::string& select_sql,
                                                      const fs::path& folder,
                                                      const ParquetWriteOptions& options) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return FileError(error.value(), "make the folder", folder);
  if (!fs::is_empty(folder, error) || error) {
    return FailedPrecondition(
        "STAGING_NOT_EMPTY",
        absl::StrCat("'", folder.string(),
                     "' must be an empty folder; give every write a staging folder of its own"));
  }
  auto files = RunCopy(connection, CopyStatement(select_sql, folder, options), folder, options);
  if (files.ok()) return files;
  const absl::Status status = WithFullDisk(files.status(), folder);
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
  }
  return status;
}

absl::Status PublishWrittenFiles(std::vector<WrittenFile>& files, const fs::path& folder) {
  std::vector<fs::path> written;
  for (const WrittenFile& file : files) written.emplace_back(file.path);
  TARN_RETURN_IF_ERROR(FsyncAll(written));
  std::set<fs::path> folders;
  for (const WrittenFile& file : files) {
    folders.insert((folder / file.relative_path).parent_path());
  }
  TARN_RETURN_IF_ERROR(CreateDirectoriesDurably(folders));
  for (WrittenFile& file : files) {
    const fs::path target = folder / file.relative_path;
    if (std::rename(file.path.c_str(), target.c_str()) != 0) {
      return FileError(errno, "rename a file to", target);
    }
    file.path = target.string();
  }
  return FsyncAll({folders.begin(), folders.end()});
}

void RemoveStaging(const fs::path& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

}  // namespace tarn::lake
