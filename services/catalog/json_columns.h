// Values that the catalog keeps as jsonb. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/catalog/snapshot.h"

namespace tarn::catalog {

std::string MapToJson(const std::map<std::string, std::string>& map);
std::map<std::string, std::string> MapFromJson(const std::string& json);

// What catalog.commit_table takes as p_added. `origin` is that of files that give none.
std::string FilesToJson(const std::vector<DataFile>& files, const FileOrigin& origin);
std::string StringsToJson(const std::vector<std::string>& strings);

// [["dt","2019-12-21"],["h",null]]
std::string PartitionToJson(const PartitionTuple& partition);
std::string PartitionsToJson(const std::vector<PartitionTuple>& partitions);
PartitionTuple PartitionFromJson(const std::string& json);
// [[1,0,"a","b"],[2,null,null,null]]
std::vector<ColumnStatistics> ColumnStatisticsFromJson(const std::string& json);
// [{"kind":1,"source":"streams/s","log":"…","from":0,"to":9,"by":"ada"}]; of an origin of several
// commits also "rows", "first" and "last" (microseconds since 1970).
std::string OriginsToJson(const std::vector<FileOrigin>& origins);
std::vector<FileOrigin> OriginsFromJson(const std::string& json);

}  // namespace tarn::catalog
