// The rules of databases. Works in the caller's transaction; a change's event and audit entry are
// in it too.
#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/postgres/transaction.h"
#include "services/catalog/actor.h"
#include "services/catalog/database.h"

namespace tarn::catalog {

// What an update is to change.
struct DatabaseChange {
  std::optional<std::string> comment;
  std::optional<std::map<std::string, std::string>> properties;
  std::string etag;  // empty: whatever it is now
};

class DatabaseManager {
 public:
  explicit DatabaseManager(Transaction& txn) : txn_(txn) {}

  // ALREADY_EXISTS DATABASE_EXISTS; INVALID_ARGUMENT for a reserved name.
  absl::StatusOr<Database> Create(const Actor& actor, Database database);
  // NOT_FOUND DATABASE_NOT_FOUND, with the name that may have been meant.
  absl::StatusOr<Database> Get(const std::string& workspace, const std::string& id);
  std::vector<Database> List(const std::string& workspace, const std::string& after, int limit);
  // An update without a change leaves update_time and etag. ABORTED ETAG_MISMATCH.
  absl::StatusOr<Database> Update(const Actor& actor, const std::string& id,
                                  const DatabaseChange& change);
  // FAILED_PRECONDITION DATABASE_NOT_EMPTY; ABORTED ETAG_MISMATCH.
  absl::Status Delete(const Actor& actor, const std::string& id, const std::string& etag);

 private:
  Transaction& txn_;
};

// ABORTED ETAG_MISMATCH when `given` is neither empty nor `actual`.
absl::Status CheckEtag(const std::string& given, const std::string& actual,
                       const std::string& resource);

}  // namespace tarn::catalog
