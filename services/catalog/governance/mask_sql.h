// Column masks as SQL over the row (policy_expression.h). Pure but for the compiler's connection.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "tarn/catalog/v1/column_mask.pb.h"

#include "services/catalog/governance/policy_expression.h"

namespace tarn::catalog {

// What stands for the mask's column, of the column's type. `hash_secret` is the workspace's.
// INVALID_ARGUMENT for the person who wrote it: COLUMN_NOT_FOUND, MASK_TYPE for a kind of mask that
// the column's type does not take, and those of PolicyCompiler.
absl::StatusOr<std::string> MaskSql(PolicyCompiler& compiler, const v1::ColumnMask& mask,
                                    const PolicyScope& scope, std::string_view hash_secret);

// "hash", for messages.
std::string_view MaskName(const v1::ColumnMask& mask);

}  // namespace tarn::catalog
