// Reads what there is about tables and databases for decisions about them (access_resolver.h), and
// keeps what it has read for as long as it lives: one transaction.
#pragma once

#include <map>
#include <string>

#include <absl/status/statusor.h>

#include "common/names/names.h"
#include "common/postgres/transaction.h"
#include "services/catalog/governance/access_resolver.h"
#include "services/catalog/governance/policy_kind.h"

namespace tarn::catalog {

class GovernedObjects {
 public:
  GovernedObjects(Transaction& txn, std::string workspace)
      : txn_(txn), workspace_(std::move(workspace)) {}

  // A table with its columns, or a database: owners, grants and policies. NOT_FOUND TABLE_NOT_FOUND
  // or DATABASE_NOT_FOUND.
  absl::StatusOr<const GovernedObject*> Get(const PolicyObject& object);
  // The columns of a table or view. Errors as Get.
  absl::StatusOr<PolicyTable> FindTable(const names::TableId& id);

 private:
  Transaction& txn_;
  const std::string workspace_;
  std::map<PolicyObject, GovernedObject> known_;
};

}  // namespace tarn::catalog
