// Values that the catalog keeps as jsonb. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/catalog/snapshot.h"

namespace tarn::catalog {

std::string MapToJson(const std::map<std::string, std::string>& map);
std::map<std::string, std::string> MapFromJson(const std::string& json);

// What catalog.commit_table takes as p_added.
std::string FilesToJson(const std::vector<DataFile>& files);
std::string StringsToJson(const std::vector<std::string>& strings);

// [["dt","2019-12-21"],["h",null]]
std::string PartitionToJson(const PartitionTuple& partition);
std::string PartitionsToJson(const std::vector<PartitionTuple>& partitions);
PartitionTuple PartitionFromJson(const std::string& json);
// [[1,0,"a","b"],[2,null,null,null]]
std::vector<ColumnStatistics> ColumnStatisticsFromJson(const std::string& json);

}  // namespace tarn::catalog
