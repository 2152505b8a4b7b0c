#include "services/catalog/crawl/table_inference.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "services/catalog/crawl/text_value.h"

namespace tarn::catalog {
namespace {

std::string NamesOf(const PartitionTuple& partition) {
  if (partition.empty()) return "no partitions";
  return absl::StrJoin(partition, "/", [](std::string* out, const PartitionValue& value) {
    out->append(value.name);
  });
}

bool IsPartition(const PartitionTuple& partition, const std::string& name) {
  for (const PartitionValue& value : partition) {
    if (absl::EqualsIgnoreCase(value.name, name)) return true;
  }
  return false;
}

ColumnType PartitionType(const std::vector<LandingFile>& files, size_t index) {
  InferredType type;
  for (const LandingFile& file : files) {
    const std::optional<std::string>& value = file.partition[index].value;
    if (value) type.Observe(ClassifyValue(file.partition[index].name, *value));
    if (value && value->empty()) type.Observe(InferredKind::kString);
  }
  if (type.kind == InferredKind::kDate) return {TypeKind::kDate};
  if (type.kind == InferredKind::kLong) return {TypeKind::kLong};
  return {TypeKind::kString};
}

}  // namespace

InferredTable InferTable(const std::vector<LandingFile>& files,
                         const std::vector<const InferredType*>& evidence) {
  InferredTable table;
  if (files.empty()) return table;
  InferredType columns{.kind = InferredKind::kStruct};
  for (const InferredType* file : evidence) columns = Merge(std::move(columns), *file);
  table.column_count = CountColumns(columns);
  const PartitionTuple& partition = files.front().partition;
  for (const auto& [name, type] : columns.parts) {
    if (!IsPartition(partition, name)) table.columns.push_back(FieldOf(name, type));
  }
  for (size_t i = 0; i < partition.size(); ++i) {
    table.columns.push_back({.name = partition[i].name, .type = PartitionType(files, i)});
    table.partition_fields.push_back({partition[i].name, {}, partition[i].name});
  }
  return table;
}

std::vector<FileProblem> CheckPartitions(const std::vector<LandingFile>& files,
                                         const std::vector<const InferredType*>& evidence,
                                         FileFormat format,
                                         const std::vector<std::string>& partition_columns) {
  std::vector<FileProblem> problems;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string names = NamesOf(files[i].partition);
    const std::string expected = NamesOf(files.front().partition);
    if (names != expected) {
      problems.push_back({files[i].path, "its folders name " + names + ", where those of " +
                                             files.front().below + " name " + expected});
    }
    if (!partition_columns.empty() && files[i].unnamed_folders != partition_columns.size()) {
      problems.push_back(
          {files[i].path, absl::StrCat(files[i].unnamed_folders,
                                       " of its folders have no name of their own, where the "
                                       "crawler's partition_columns name ",
                                       partition_columns.size())});
    }
    if (format != FileFormat::kCsv) continue;
    for (const auto& [name, type] : evidence[i]->parts) {
      if (IsPartition(files[i].partition, name)) {
        problems.push_back({files[i].path, "column \"" + name +
                                               "\" is also the name of a "
                                               "partition folder; rename one of them"});
      }
    }
  }
  return problems;
}

}  // namespace tarn::catalog
