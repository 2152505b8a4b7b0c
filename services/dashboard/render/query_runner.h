// Runs the statements of a render. An interface so that rendering is tested without query.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <google/protobuf/struct.pb.h>

#include "services/dashboard/render/sql_text.h"

namespace tarn::rpc {
struct CallContext;
}

namespace tarn::dashboard {

struct QueryColumn {
  std::string name;
  // The catalog's type.
  std::string type;
};

struct QueryRows {
  std::vector<QueryColumn> columns;
  std::vector<google::protobuf::ListValue> rows;
  // `queries/{query}`.
  std::string query;
};

class QueryRunner {
 public:
  virtual ~QueryRunner() = default;
  // With the rights of the caller of `call`, and no longer than it lasts. `source` is what asks,
  // for the history. Errors are query's own, or UNAVAILABLE. Any thread.
  virtual absl::StatusOr<QueryRows> Run(const rpc::CallContext& call, const SqlStatement& statement,
                                        const std::string& source) = 0;
};

}  // namespace tarn::dashboard
