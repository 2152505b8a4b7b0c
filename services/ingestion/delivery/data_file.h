// Files that were written for a table: made durable under their final names, and described as a
// commit takes them. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "tarn/catalog/v1/snapshot.pb.h"
#include "tarn/catalog/v1/table.pb.h"

#include "common/lake/data_file.h"
#include "common/lake/lake_paths.h"

namespace tarn::ingestion {

// Moves the files from where they were written to the table's data folder; `table` has the columns
// that they were written with. Errors are those of lake::PublishWrittenFiles.
absl::StatusOr<std::vector<catalog::v1::DataFile>> PublishDataFiles(
    const lake::LakePaths& lake, const catalog::v1::Table& table,
    std::vector<lake::WrittenFile>& files);

}  // namespace tarn::ingestion
