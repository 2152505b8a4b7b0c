#include "services/catalog/json_columns.h"

#include <nlohmann/json.hpp>

namespace tarn::catalog {
namespace {

using nlohmann::json;

// Names and bounds may hold bytes that are not UTF-8 (a file's name): those are replaced.
std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

template <typename T>
json OrNull(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json PartitionJson(const PartitionTuple& partition) {
  json out = json::array();
  for (const PartitionValue& value : partition) {
    out.push_back(json::array({value.name, OrNull(value.value)}));
  }
  return out;
}

json StatisticsJson(const std::vector<ColumnStatistics>& columns) {
  json out = json::array();
  for (const ColumnStatistics& column : columns) {
    out.push_back(json::array({column.field_id, OrNull(column.null_count),
                               OrNull(column.lower_bound), OrNull(column.upper_bound)}));
  }
  return out;
}

json OriginsJson(const std::vector<FileOrigin>& origins) {
  json out = json::array();
  for (const FileOrigin& origin : origins) {
    json entry = {{"kind", static_cast<int>(origin.kind)}};
    if (!origin.source.empty()) entry["source"] = origin.source;
    if (!origin.cause.empty()) entry["cause"] = origin.cause;
    if (!origin.committed_by.empty()) entry["by"] = origin.committed_by;
    if (origin.log_range) {
      entry["log"] = origin.log_range->log_id;
      entry["from"] = origin.log_range->from;
      entry["to"] = origin.log_range->to;
    }
    if (origin.row_count) entry["rows"] = *origin.row_count;
    if (origin.first_commit_time) entry["first"] = absl::ToUnixMicros(*origin.first_commit_time);
    if (origin.last_commit_time) entry["last"] = absl::ToUnixMicros(*origin.last_commit_time);
    out.push_back(std::move(entry));
  }
  return out;
}

std::optional<absl::Time> TimeFromJson(const json& entry, const char* key) {
  if (!entry.contains(key)) return std::nullopt;
  return absl::FromUnixMicros(entry.at(key).get<int64_t>());
}

}  // namespace

std::string MapToJson(const std::map<std::string, std::string>& map) { return Dump(json(map)); }

std::map<std::string, std::string> MapFromJson(const std::string& text) {
  return json::parse(text).get<std::map<std::string, std::string>>();
}

std::string FilesToJson(const std::vector<DataFile>& files, const FileOrigin& origin) {
  const json origins = OriginsJson({origin});
  json out = json::array();
  for (const DataFile& file : files) {
    json entry = {{"path", file.path},
                  {"rows", file.row_count},
                  {"bytes", file.byte_count},
                  {"partition", PartitionJson(file.partition)}};
    if (!file.derived_path.empty()) entry["derived"] = file.derived_path;
    if (!file.columns.empty()) entry["columns"] = StatisticsJson(file.columns);
    if (file.modify_time) {
      entry["mtime"] =
          absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", *file.modify_time, absl::UTCTimeZone());
    }
    entry["origins"] = file.origins.empty() ? origins : OriginsJson(file.origins);
    out.push_back(std::move(entry));
  }
  return Dump(out);
}

std::string StringsToJson(const std::vector<std::string>& strings) { return Dump(json(strings)); }

std::string PartitionToJson(const PartitionTuple& partition) {
  return Dump(PartitionJson(partition));
}

std::string PartitionsToJson(const std::vector<PartitionTuple>& partitions) {
  json out = json::array();
  for (const PartitionTuple& partition : partitions) out.push_back(PartitionJson(partition));
  return Dump(out);
}

PartitionTuple PartitionFromJson(const std::string& text) {
  PartitionTuple partition;
  if (text == "[]") return partition;
  for (const json& entry : json::parse(text)) {
    PartitionValue value{.name = entry.at(0).get<std::string>()};
    if (!entry.at(1).is_null()) value.value = entry.at(1).get<std::string>();
    partition.push_back(std::move(value));
  }
  return partition;
}

std::vector<ColumnStatistics> ColumnStatisticsFromJson(const std::string& text) {
  std::vector<ColumnStatistics> columns;
  for (const json& entry : json::parse(text)) {
    ColumnStatistics column{.field_id = entry.at(0).get<int>()};
    if (!entry.at(1).is_null()) column.null_count = entry.at(1).get<int64_t>();
    if (!entry.at(2).is_null()) column.lower_bound = entry.at(2).get<std::string>();
    if (!entry.at(3).is_null()) column.upper_bound = entry.at(3).get<std::string>();
    columns.push_back(std::move(column));
  }
  return columns;
}

std::string OriginsToJson(const std::vector<FileOrigin>& origins) {
  return Dump(OriginsJson(origins));
}

std::vector<FileOrigin> OriginsFromJson(const std::string& text) {
  std::vector<FileOrigin> origins;
  for (const json& entry : json::parse(text)) {
    FileOrigin origin{.kind = static_cast<OriginKind>(entry.value("kind", 0)),
                      .source = entry.value("source", ""),
                      .cause = entry.value("cause", ""),
                      .committed_by = entry.value("by", ""),
                      .first_commit_time = TimeFromJson(entry, "first"),
                      .last_commit_time = TimeFromJson(entry, "last")};
    if (entry.contains("rows")) origin.row_count = entry.at("rows").get<int64_t>();
    if (entry.contains("log")) {
      origin.log_range = {entry.at("log").get<std::string>(), entry.at("from").get<int64_t>(),
                          entry.at("to").get<int64_t>()};
    }
    origins.push_back(std::move(origin));
  }
  return origins;
}

}  // namespace tarn::catalog
