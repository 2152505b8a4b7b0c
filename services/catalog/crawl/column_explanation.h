// Why the columns of a crawled table have their types: which files and values led to them, what did
// not fit, and with what confidence. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/catalog/crawl/landing_folder.h"
#include "services/catalog/crawl/scanned_file.h"
#include "services/catalog/crawl/table_inference.h"

namespace tarn::catalog {

struct ValueSample {
  std::string path;  // relative to the workspace's landing area
  std::string value;
};

// What was seen of one type.
struct SeenType {
  std::string type;
  int64_t value_count = 0;
  int64_t file_count = 0;
  std::vector<ValueSample> samples;  // at most three, each from another file
};

struct ColumnExplanation {
  std::string column;  // "data.temp", "items[].price"
  std::string type;
  std::string reason;
  // Of n values, those f that are of the type by themselves: f / (n + 1), so that few values do not
  // make certain. 1 for declared types, and for partitions all of whose values are of the type; 0
  // without a value.
  double confidence = 0;
  bool conflict = false;
  int64_t value_count = 0;
  int64_t file_count = 0;
  std::vector<SeenType> seen;  // the most frequent first
};

// One for each column of `table` and for each part of a nested one, in their order. `files` and
// `evidence` are those that the table was inferred from; `root` is left out of samples' paths.
std::vector<ColumnExplanation> ExplainColumns(const std::vector<LandingFile>& files,
                                              const std::vector<const InferredType*>& evidence,
                                              const InferredTable& table, const std::string& root);

}  // namespace tarn::catalog
