// A query as it is stored. Plain struct.
#pragma once

#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "tarn/query/v1/query.pb.h"
#include "tarn/query/v1/query_service.pb.h"

namespace tarn::query {

// The one place where the module keeps protos in its domain: a query is written once, read back and
// shown, never computed on.
struct QueryRecord {
  std::string workspace;
  std::string id;
  // State, times and user included.
  ::tarn::query::v1::Query query;
  ::tarn::query::v1::Statement statement;
  bool cancel_requested = false;
};

bool IsTerminal(::tarn::common::v1::ExecutionState state);

}  // namespace tarn::query
