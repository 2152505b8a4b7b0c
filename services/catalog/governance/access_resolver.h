// What a principal may do with a table and see of it, from the grants and policies that there are:
//
//   level    administrators and the table's or database's owners manage. In a database that never
//            had a grant, the role decides as it always did: viewers read, editors manage. In one
//            that had, the highest grant that applies counts, for viewers READ at the most.
//   rows     all, while the table has no row filter. Else those for which every filter holds that
//            applies to the principal; none when none applies, owners and administrators included.
//   columns  those of the grants; each through the mask with the highest priority that applies.
//
// A filter or mask that does not fit the table's columns any more shows nothing: no rows, NULL.
// Services are let through everywhere. Pure but for what it is given; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "tarn/catalog/v1/column_mask.pb.h"
#include "tarn/catalog/v1/effective_access.pb.h"
#include "tarn/catalog/v1/grant.pb.h"
#include "tarn/catalog/v1/row_filter.pb.h"

#include "common/auth/caller.h"
#include "services/catalog/governance/policy_expression.h"

namespace tarn::catalog {

// The facts about a table or, without columns and table's owner, a database.
struct GovernedObject {
  PolicyTable table;
  std::string table_owner;
  std::string database_owner;
  // Whether the database ever had a grant.
  bool governed = false;
  // All on the table or its database; the other kinds on the table.
  std::vector<v1::Grant> grants;
  std::vector<v1::RowFilter> row_filters;
  std::vector<v1::ColumnMask> column_masks;

  bool IsOwnedBy(const std::string& user) const {
    return !user.empty() && (user == table_owner || user == database_owner);
  }
};

// For one principal; errors are those of the author's, at resolution.
struct PolicyEvaluator {
  std::function<absl::StatusOr<CompiledExpression>(const v1::RowFilter&)> filter;
  std::function<absl::StatusOr<std::string>(const v1::ColumnMask&)> mask;
};

// By which of its members a grant applies to the principal; nothing when it does not.
std::optional<std::string> GrantApplies(const v1::Grant& grant, const auth::Caller& principal);

// The level alone, with its reasons where they are wanted.
v1::AccessLevel ResolveLevel(const GovernedObject& object, const auth::Caller& principal,
                             google::protobuf::RepeatedPtrField<v1::AccessReason>* reasons);

// Without `show_policies` the answer holds no SQL of policies, nor what it says in errors. Errors
// are faults of the server only.
absl::StatusOr<v1::EffectiveAccess> ResolveAccess(const GovernedObject& object,
                                                  const auth::Caller& principal,
                                                  const PolicyEvaluator& evaluator,
                                                  bool show_policies);

}  // namespace tarn::catalog
