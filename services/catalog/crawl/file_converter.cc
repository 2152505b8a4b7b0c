#include "services/catalog/crawl/file_converter.h"

#include <filesystem>
#include <fstream>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "tarn/catalog/v1/schema.pb.h"

#include "common/duckdb/sql_text.h"
#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/lake/parquet_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "services/catalog/crawl/xml_rows.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = 1 << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsPartitionColumn(const TableDefinition& definition, const std::string& name) {
  for (const PartitionField& field : definition.partition_fields) {
    if (field.source == name) return true;
  }
  return false;
}

// {'state': 'VARCHAR', …} of the columns that stand in the file.
std::string ColumnsSpec(const TableDefinition& definition) {
  std::vector<std::string> columns;
  for (const Field& field : definition.schema.fields) {
    if (IsPartitionColumn(definition, field.name)) continue;
    v1::Field proto;
    ToProto(field, &proto);
    columns.push_back(absl::StrCat(duckdb::QuoteLiteral(field.name), ": ",
                                   duckdb::QuoteLiteral(table_schema::EngineTypeOf(proto))));
  }
  return absl::StrCat("{", absl::StrJoin(columns, ", "), "}");
}

}  // namespace

std::string FileConverter::FolderOf(const std::string& source) const {
  const std::string landing = workspace_ + "/landing/";
  const std::string below = source.rfind(landing, 0) == 0 ? source.substr(landing.size()) : source;
  return lake::LakePaths::Derived(workspace_) + "/" + below;
}

absl::Status FileConverter::WriteRows(const std::string& source, const std::string& to) {
  const std::string absolute = lake_.root() / source;
  std::ofstream out(to, std::ios::binary);
  if (reading_.format == FileFormat::kXml) {
    TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> file, TextFile::OpenBytes(absolute));
    TARN_ASSIGN_OR_RETURN(const std::string document, ReadDocument(*file));
    TARN_ASSIGN_OR_RETURN(const XmlRows rows, ReadXmlRows(document, reading_.row_element));
    out << rows.json_lines;
  } else {
    TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> file,
                          TextFile::Open(absolute, reading_.encoding));
    const absl::Status visited = reading_.text->VisitRows(
        file->stream(), reading_.comment, [&](const std::string& row) -> absl::Status {
          out << row << '\n';
          return absl::OkStatus();
        });
    TARN_RETURN_IF_ERROR(file->status());
    TARN_RETURN_IF_ERROR(visited);
  }
  out.close();
  if (!out) return lake::FileError(errno, "write", to);
  return absl::OkStatus();
}

absl::StatusOr<std::string> FileConverter::ConvertToParquet(const std::string& source,
                                                            const TableDefinition& definition) {
  const std::string derived = lake::LakePaths::Derived(workspace_);
  const fs::path work = lake_.root() / derived / ("." + NewUuid());
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(work));

  const auto convert = [&]() -> absl::StatusOr<std::string> {
    const fs::path lines = work / "rows.jsonl";
    TARN_RETURN_IF_ERROR(WriteRows(source, lines));
    TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine_.Connect());
    const std::string select = absl::StrCat(
        "SELECT * FROM read_json(", duckdb::QuoteLiteral(lines.string()),
        ", columns=", ColumnsSpec(definition),
        ", format='newline_delimited', maximum_object_size=67108864, hive_partitioning=false)");
    TARN_ASSIGN_OR_RETURN(std::vector<lake::WrittenFile> files,
                          lake::WriteParquet(connection, select, work / "parquet",
                                             {.max_file_bytes = uint64_t{1} << 60}));
    if (files.size() != 1) {
      return InvalidArgument("CORRUPT_FILE", "the file has no rows; remove or exclude it");
    }
    const std::string folder = FolderOf(source);
    TARN_RETURN_IF_ERROR(lake::PublishWrittenFiles(files, lake_.root() / folder));
    return folder + "/" + files[0].relative_path;
  };
  absl::StatusOr<std::string> result = convert();
  lake::RemoveStaging(work);
  return result;
}

absl::StatusOr<std::string> FileConverter::CopyText(const std::string& source) {
  const bool csv = reading_.format == FileFormat::kCsv;
  TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> file,
                        TextFile::Open(lake_.root() / source, reading_.encoding));
  std::istream& in = file->stream();
  const std::string folder = FolderOf(source);
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(lake_.root() / folder));
  const std::string copy = absl::StrCat(folder, "/", NewUuid(), csv ? ".csv" : ".json");
  TARN_ASSIGN_OR_RETURN(lake::DurableWriter out, lake::DurableWriter::Create(lake_.root() / copy));
  if (csv) {
    const CsvDialect dialect = DialectOf(reading_);
    absl::Status written;
    const absl::Status visited =
        VisitCsvRows(in, dialect, [&](int64_t, const std::vector<std::string>& fields) {
          written = out.Append(CsvRow(dialect, fields));
          return written.ok();
        });
    TARN_RETURN_IF_ERROR(written);
    TARN_RETURN_IF_ERROR(visited);
  } else {
    std::string block(kBlockBytes, '\0');
    bool first = true;
    while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
      std::string_view text(block.data(), static_cast<size_t>(in.gcount()));
      if (first && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
      first = false;
      TARN_RETURN_IF_ERROR(out.Append(text));
    }
  }
  TARN_RETURN_IF_ERROR(file->status());
  TARN_RETURN_IF_ERROR(out.Commit());
  return copy;
}

}  // namespace tarn::catalog
