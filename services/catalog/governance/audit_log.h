// The audit log of the catalog: who changed what, when, and what it was before. Runs SQL in the
// caller's transaction, so that a change and its entry are there together or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "tarn/catalog/v1/audit_entry.pb.h"

#include "common/postgres/transaction.h"
#include "services/catalog/actor.h"

namespace google::protobuf {
class Message;
}

namespace tarn::catalog {

// Which entries are wanted; what is empty does not matter.
struct AuditFilter {
  std::string resource;  // and what is below it
  std::string user;
  v1::AuditAction action = v1::AUDIT_ACTION_UNSPECIFIED;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
};

class AuditLog {
 public:
  explicit AuditLog(Transaction& txn) : txn_(txn) {}

  // What was made, changed from one to the other, or removed. INTERNAL for what JSON cannot hold.
  absl::Status Created(const Actor& actor, std::string_view resource,
                       const google::protobuf::Message& after);
  absl::Status Updated(const Actor& actor, std::string_view resource,
                       const google::protobuf::Message& before,
                       const google::protobuf::Message& after);
  absl::Status Deleted(const Actor& actor, std::string_view resource,
                       const google::protobuf::Message& before);

  // The newest first, those with a number below `before`.
  std::vector<v1::AuditEntry> List(const std::string& workspace, const AuditFilter& filter,
                                   int64_t before, int limit);

 private:
  absl::Status Append(const Actor& actor, v1::AuditAction action, std::string_view resource,
                      const google::protobuf::Message* before,
                      const google::protobuf::Message* after);

  Transaction& txn_;
};

}  // namespace tarn::catalog
