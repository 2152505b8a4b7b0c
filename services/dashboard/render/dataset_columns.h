// The columns that data sets have, asked of query and remembered for a short while.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/dashboard/render/query_runner.h"

namespace tarn {
class Clock;
}

namespace tarn::dashboard {

namespace v1 {
class Dataset;
}

// Thread safe. Remembers for each user apart, since what a user may see can differ.
class DatasetColumns {
 public:
  static constexpr absl::Duration kMaxAge = absl::Seconds(30);
  static constexpr size_t kMaxEntries = 1000;

  // Both must outlive it.
  DatasetColumns(QueryRunner& runner, const Clock& clock) : runner_(runner), clock_(clock) {}

  // Errors are those of the query: a table that is gone, SQL that is wrong.
  absl::StatusOr<std::vector<QueryColumn>> Get(const rpc::CallContext& call,
                                               const v1::Dataset& dataset,
                                               const std::string& source);

 private:
  // Workspace, user, data set, etag.
  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  struct Entry {
    std::vector<QueryColumn> columns;
    absl::Time expire_time;
  };

  QueryRunner& runner_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<Key, Entry> entries_;
};

}  // namespace tarn::dashboard
