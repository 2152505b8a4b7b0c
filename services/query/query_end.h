// How a query ended, written into what is kept and shown of it. Pure functions.
#pragma once

#include <string_view>

#include <absl/status/status.h>

#include "tarn/query/v1/query.pb.h"

#include "services/query/query_spec.h"

namespace tarn::query {

// What the statement read and made, as far as it came.
void FillOutcome(const QueryOutcome& outcome, ::tarn::query::v1::Query* query);

// SUCCEEDED, CANCELLED, TIMED_OUT or FAILED, by the status' reason.
::tarn::common::v1::ExecutionState StateOf(const absl::Status& status);
// "SUCCEEDED"; for metrics.
std::string_view StateName(::tarn::common::v1::ExecutionState state);

// Code, reason, message and metadata of an error.
void FillError(const absl::Status& status, ::tarn::query::v1::Query* query);

}  // namespace tarn::query
