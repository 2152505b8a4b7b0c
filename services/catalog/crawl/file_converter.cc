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
#include "services/catalog/crawl/file_scanner.h"
#include "services/catalog/crawl/xml_rows.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;

constexpr std::streamoff kByteOrderMarkBytes = 3;

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

absl::StatusOr<std::string> FileConverter::ConvertXml(const std::string& source,
                                                      const std::string& row_element,
                                                      const TableDefinition& definition) {
  TARN_ASSIGN_OR_RETURN(const std::string document, ReadWholeFile(lake_.root() / source));
  TARN_ASSIGN_OR_RETURN(const XmlRows rows, ReadXmlRows(document, row_element));
  const std::string derived = lake::LakePaths::Derived(workspace_);
  const fs::path work = lake_.root() / derived / ("." + NewUuid());
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(work));

  const auto convert = [&]() -> absl::StatusOr<std::string> {
    const fs::path lines = work / "rows.jsonl";
    std::ofstream out(lines, std::ios::binary);
    out << rows.json_lines;
    out.close();
    if (!out) return lake::FileError(errno, "write", lines);
    TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine_.Connect());
    const std::string select = absl::StrCat(
        "SELECT * FROM read_json(", duckdb::QuoteLiteral(lines.string()),
        ", columns=", ColumnsSpec(definition),
        ", format='newline_delimited', maximum_object_size=67108864, hive_partitioning=false)");
    TARN_ASSIGN_OR_RETURN(std::vector<lake::WrittenFile> files,
                          lake::WriteParquet(connection, select, work / "parquet",
                                             {.max_file_bytes = uint64_t{1} << 60}));
    if (files.size() != 1) {
      return InvalidArgument("CORRUPT_FILE", "the document has no rows");
    }
    const std::string folder = FolderOf(source);
    TARN_RETURN_IF_ERROR(lake::PublishWrittenFiles(files, lake_.root() / folder));
    return folder + "/" + files[0].relative_path;
  };
  absl::StatusOr<std::string> result = convert();
  lake::RemoveStaging(work);
  return result;
}

absl::StatusOr<std::string> FileConverter::ConvertMarkedJson(const std::string& source) {
  std::ifstream in(lake_.root() / source, std::ios::binary);
  in.seekg(kByteOrderMarkBytes);
  const std::string folder = FolderOf(source);
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(lake_.root() / folder));
  const std::string copy = folder + "/" + NewUuid() + ".json";
  TARN_ASSIGN_OR_RETURN(lake::DurableWriter out, lake::DurableWriter::Create(lake_.root() / copy));
  std::vector<char> block(1 << 20);
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    TARN_RETURN_IF_ERROR(out.Append({block.data(), static_cast<size_t>(in.gcount())}));
  }
  if (in.bad()) return FailedPrecondition("FILE_IO", "the file cannot be read");
  TARN_RETURN_IF_ERROR(out.Commit());
  return copy;
}

}  // namespace tarn::catalog
