// One table for all files of a folder: their evidence merged, their folders' names made partition
// columns. Pure; any thread.
#pragma once

#include <vector>

#include <absl/status/statusor.h>

#include "services/catalog/crawl/landing_folder.h"
#include "services/catalog/crawl/scanned_file.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// Columns of the files, then those of the partitions. A partition column is a date when all of its
// values are, a long when all are whole numbers without leading zeros, else text. A column of a
// file that is called like a partition gives way to it.
struct InferredTable {
  std::vector<Field> columns;
  std::vector<PartitionField> partition_fields;
  size_t column_count = 0;  // those inside structs included
};

// Each file with what was seen in it.
InferredTable InferTable(const std::vector<LandingFile>& files,
                         const std::vector<const InferredType*>& evidence);

// What does not fit together: files whose folders name other partitions than the first one's, or
// are not as many as the `partition_columns` that stand for them; for CSV, where columns go by
// position, a column that is called like a partition.
std::vector<FileProblem> CheckPartitions(const std::vector<LandingFile>& files,
                                         const std::vector<const InferredType*>& evidence,
                                         FileFormat format,
                                         const std::vector<std::string>& partition_columns);

}  // namespace tarn::catalog
