// From what a caller asked for to what is run: the shape is checked, limits are capped by the
// server's. Pure.
#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "tarn/query/v1/query_service.pb.h"

#include "services/query/query_options.h"
#include "services/query/query_spec.h"

namespace tarn::query {

// INVALID_ARGUMENT (INVALID_FIELD) names every field that cannot be.
absl::StatusOr<QuerySpec> MakeSpec(const QueryOptions& options, const std::string& workspace,
                                   const std::string& user,
                                   const ::tarn::query::v1::Statement& statement);

}  // namespace tarn::query
