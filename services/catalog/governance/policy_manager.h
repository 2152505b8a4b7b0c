// The rules of grants, row filters and column masks. Works in the caller's transaction; a change,
// its version, its audit entry and its event are in it together.
//
// Methods are there for v1::Grant, v1::RowFilter and v1::ColumnMask. Common errors:
// <KIND>_NOT_FOUND (also for what the caller may not read), GOVERNANCE_NOT_ALLOWED, INVALID_FIELD.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/field_mask.pb.h>

#include "tarn/catalog/v1/effective_access.pb.h"

#include "common/auth/caller.h"
#include "common/duckdb/lazy_database.h"
#include "common/postgres/transaction.h"
#include "services/catalog/actor.h"
#include "services/catalog/governance/governed_objects.h"
#include "services/catalog/governance/policy_store.h"

namespace tarn::catalog {

// Those of one kind on one table or database; far more than anybody reads.
inline constexpr int64_t kMaxPoliciesOnObject = 1000;

template <typename P>
struct PolicyPage {
  std::vector<P> policies;
  // Where the next page goes on; "" on the last one. Not the last of `policies`: what the caller
  // may not read is left out of them.
  std::string next;
};

class PolicyManager {
 public:
  // `engine` is that of PolicyEngineOptions.
  PolicyManager(Transaction& txn, duckdb::LazyDatabase& engine, auth::Caller caller,
                std::string request_id);

  // ALREADY_EXISTS <KIND>_EXISTS; TABLE_NOT_FOUND, DATABASE_NOT_FOUND; RESOURCE_EXHAUSTED
  // POLICY_LIMIT; of row filters POLICY_CYCLE and PolicyCompiler's; of masks ALREADY_EXISTS
  // MASK_PRIORITY_TAKEN and MaskSql's.
  template <typename P>
  absl::StatusOr<P> Create(P policy);
  template <typename P>
  absl::StatusOr<P> Get(const std::string& name);
  template <typename P>
  absl::StatusOr<PolicyPage<P>> List(const std::optional<PolicyObject>& object,
                                     const std::string& after, int limit);
  // An update without a change leaves version and etag. ABORTED ETAG_MISMATCH; as Create.
  template <typename P>
  absl::StatusOr<P> Update(const P& given, const google::protobuf::FieldMask& mask);
  template <typename P>
  absl::Status Delete(const std::string& name, const std::string& etag);
  // The newest first, those below `before`. For administrators also of a policy that is gone.
  template <typename P>
  absl::StatusOr<std::vector<PolicyRecordVersion>> Versions(const std::string& name, int64_t before,
                                                            int limit);

  // What `principal` may see of a table. PERMISSION_DENIED GOVERNANCE_NOT_ALLOWED for a caller who
  // asks for somebody else and neither is a service nor administers the table.
  absl::StatusOr<v1::EffectiveAccess> Access(const names::TableId& table,
                                             const std::optional<auth::Caller>& principal);

 private:
  template <typename P>
  absl::StatusOr<P> Find(const std::string& name);
  template <typename P>
  absl::StatusOr<P> FromRecord(const PolicyRecord& record);
  // The database of a table that is gone; null when that is gone too.
  absl::StatusOr<const GovernedObject*> ObjectOf(const PolicyObject& object);
  template <typename P>
  absl::StatusOr<bool> Reads(const P& policy);

  // What the kinds check beyond their form; `sources` is what a row filter reads. They may write
  // names as the table has them.
  absl::Status Settle(const GovernedObject& object, v1::Grant* grant,
                      std::vector<std::string>* sources);
  absl::Status Settle(const GovernedObject& object, v1::RowFilter* filter,
                      std::vector<std::string>* sources);
  absl::Status Settle(const GovernedObject& object, v1::ColumnMask* mask,
                      std::vector<std::string>* sources);
  absl::Status CheckSources(const names::TableId& table,
                            const std::vector<names::TableId>& sources);

  template <typename P>
  absl::Status Announce(const std::string& what, const std::string& name);
  absl::StatusOr<PolicyCompiler*> Compiler();
  PolicyScope ScopeOf(const GovernedObject& object, const auth::Caller& principal, bool subqueries);

  Transaction& txn_;
  duckdb::LazyDatabase& engine_;
  const auth::Caller caller_;
  const Actor actor_;
  PolicyStore store_;
  GovernedObjects objects_;
  std::optional<PolicyCompiler> compiler_;
};

}  // namespace tarn::catalog
