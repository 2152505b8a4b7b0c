// The forms of grants and policies, before anything is looked up: INVALID_ARGUMENT INVALID_FIELD
// with every violation. Pure; any thread.
#pragma once

#include <absl/status/status.h>

#include "tarn/catalog/v1/column_mask.pb.h"
#include "tarn/catalog/v1/effective_access.pb.h"
#include "tarn/catalog/v1/grant.pb.h"
#include "tarn/catalog/v1/row_filter.pb.h"

namespace tarn::catalog {

absl::Status ValidatePolicy(const v1::Grant& grant);
absl::Status ValidatePolicy(const v1::RowFilter& filter);
absl::Status ValidatePolicy(const v1::ColumnMask& mask);

// Somebody of whom is asked.
absl::Status ValidatePrincipal(const v1::Principal& principal);

}  // namespace tarn::catalog
