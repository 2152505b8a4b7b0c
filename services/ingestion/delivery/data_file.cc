#include "services/ingestion/delivery/data_file.h"

#include <unordered_map>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/lake/parquet_writer.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {
namespace {

using catalog::v1::DataFile;

// Field ids of the leaves by dotted path, as the statistics of a written file name them.
void CollectIds(const table_schema::Fields& fields, std::vector<std::string>& path,
                std::unordered_map<std::string, int>& ids) {
  for (const table_schema::Field& field : fields) {
    path.push_back(field.name());
    ids[absl::StrJoin(path, "\x1f")] = field.id();
    CollectIds(field.fields(), path, ids);
    path.pop_back();
  }
}

DataFile ToDataFile(const lake::WrittenFile& file, const std::string& relative_path,
                    const std::unordered_map<std::string, int>& ids) {
  DataFile data;
  data.set_path(relative_path);
  data.set_row_count(static_cast<int64_t>(file.row_count));
  data.set_byte_count(static_cast<int64_t>(file.bytes));
  for (const lake::PartitionValue& partition : file.partition) {
    auto* value = data.add_partition();
    value->set_name(partition.name);
    if (partition.value) value->set_value(*partition.value);
  }
  for (const lake::ColumnStats& column : file.columns) {
    const auto id = ids.find(absl::StrJoin(column.path, "\x1f"));
    if (id == ids.end()) continue;
    auto* stats = data.add_columns();
    stats->set_field_id(id->second);
    if (column.null_count) stats->set_null_count(static_cast<int64_t>(*column.null_count));
    if (column.lower) stats->set_lower_bound(*column.lower);
    if (column.upper) stats->set_upper_bound(*column.upper);
  }
  return data;
}

}  // namespace

absl::StatusOr<std::vector<DataFile>> PublishDataFiles(const lake::LakePaths& lake,
                                                       const catalog::v1::Table& table,
                                                       std::vector<lake::WrittenFile>& files) {
  const std::string data = table.location() + "/data";
  TARN_ASSIGN_OR_RETURN(const auto folder, lake.Join(data));
  TARN_RETURN_IF_ERROR(lake::PublishWrittenFiles(files, folder));
  std::unordered_map<std::string, int> ids;
  std::vector<std::string> path;
  CollectIds(table.schema().fields(), path, ids);
  std::vector<DataFile> published;
  for (const lake::WrittenFile& file : files) {
    published.push_back(ToDataFile(file, absl::StrCat(data, "/", file.relative_path), ids));
  }
  return published;
}

}  // namespace tarn::ingestion
