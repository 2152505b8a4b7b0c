// What the catalog's benchmark does to it: commits of files that nobody reads, so that nothing but
// the catalog and PostgreSQL is measured. Errors end the program, except where they are counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "bench/load/load_target.h"

namespace tarn::bench {

// Makes bench.<name>, with the columns of the commits below.
void CreateCatalogTable(LoadTarget& target, const std::string& name);

// Appends to one table, one after the other. Its files hold `serial` 1000 n to 1000 n + 999, n
// counted on from file to file, and statistics of four columns.
class Appender {
 public:
  // `writer` tells its files from those of others who append to the same table.
  Appender(LoadTarget& target, const std::string& table, const std::string& writer);

  // How long the commit took; less than 0 when it failed.
  absl::Duration Append(int files = 1);

 private:
  const std::string table_;
  const std::string writer_;
  const std::string location_;
  const rpc::Credentials credentials_;
  const std::shared_ptr<grpc::Channel> channel_;
  int64_t files_ = 0;
  int64_t commits_ = 0;
};

struct CommitRate {
  double commits_s = 0;
  int64_t failed = 0;
};

// `writers` at once for `duration`, spread over the tables.
CommitRate MeasureCommits(LoadTarget& target, const std::vector<std::string>& tables, int writers,
                          absl::Duration duration);

// p99 of `calls` calls, in milliseconds.
double GetTableP99(LoadTarget& target, const std::string& table, int calls);
// The same of scans of a table of one Appender's, whose predicate leaves 10 of its `files` files;
// the first scan, which may have to read them all, is not counted.
double PlanScanP99(LoadTarget& target, const std::string& table, int64_t files, int calls);

// Appends one by one to `old` and to a table that is as good as new, in turns: the ratio of the two
// medians.
double LateEarlyRatio(LoadTarget& target, const std::string& old, int commits);

}  // namespace tarn::bench
