// Grants and policies in PostgreSQL, with their versions. Runs SQL in the caller's transaction, as
// Transaction::Exec does; no state, no rules.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

#include "common/postgres/transaction.h"
#include "services/catalog/governance/policy_kind.h"

namespace tarn::catalog {

// A policy of any kind as it is stored.
struct PolicyRecord {
  PolicyKind kind = PolicyKind::kGrant;
  std::string id;
  PolicyObject object;
  // Proto JSON of what its author wrote: without name and what is output only.
  std::string definition;
  std::vector<std::string> sources;  // "database.table"
  std::string owner;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;
};

// A version: the record as it was then, and who made it so.
struct PolicyRecordVersion {
  PolicyRecord record;
  std::string changed_by;
};

class PolicyStore {
 public:
  explicit PolicyStore(Transaction& txn) : txn_(txn) {}

  // Everybody else who changes policies of the workspace waits until this transaction ends.
  void Lock(const std::string& workspace);
  // What hashes of the workspace's masks are made with; "" before its first Lock.
  std::string HashSecret(const std::string& workspace);

  std::optional<PolicyRecord> Find(const std::string& workspace, PolicyKind kind,
                                   const std::string& id);
  // Writes the record and its version, whose number follows the last one of that name. The name is
  // free, under Lock. Gives the record as it is then.
  PolicyRecord Insert(const std::string& workspace, const std::string& user,
                      const PolicyRecord& record);
  // Writes definition, sources and owner as a new version.
  PolicyRecord Update(const std::string& workspace, const std::string& user,
                      const PolicyRecord& record);
  void Delete(const std::string& workspace, PolicyKind kind, const std::string& id);

  // By id, those after `after`; of one object where it is given, with the tables of a database.
  std::vector<PolicyRecord> List(const std::string& workspace, PolicyKind kind,
                                 const std::optional<PolicyObject>& object,
                                 const std::string& after, int limit);
  // All of the kind on just this object, by id.
  std::vector<PolicyRecord> On(const std::string& workspace, PolicyKind kind,
                               const PolicyObject& object);
  int64_t CountOn(const std::string& workspace, PolicyKind kind, const PolicyObject& object);
  // Tables that row filters of `table` read, as "database.table".
  std::vector<std::string> SourcesOf(const std::string& workspace, const PolicyObject& table);
  // Those below `before`, the newest first.
  std::vector<PolicyRecordVersion> Versions(const std::string& workspace, PolicyKind kind,
                                            const std::string& id, int64_t before, int limit);

  void MarkGoverned(const std::string& workspace, const std::string& database);
  bool IsGoverned(const std::string& workspace, const std::string& database);

 private:
  void InsertVersion(const std::string& workspace, const std::string& user,
                     const PolicyRecord& record);

  Transaction& txn_;
};

}  // namespace tarn::catalog
