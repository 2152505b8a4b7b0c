// The rules that data sets and dashboards share: names, etags, masks, repeated requests. A resource
// is its own proto here: a tree of plain settings that a mirror of structs would only repeat.
//
// Errors of every function besides those named: those of the pool. Thread safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/dashboard/resources/resource_table.h"

namespace google::protobuf {
class FieldMask;
class Message;
}  // namespace google::protobuf

namespace tarn {
class Clock;
class PostgresPool;
}  // namespace tarn
namespace tarn::auth {
struct Caller;
}

namespace tarn::dashboard {

// What tells one kind of resource from another.
template <typename Proto>
struct ResourceKind {
  std::string table;       // "dashboard.datasets"
  std::string collection;  // "datasets": names are <collection>/<id>
  std::string field;       // "dataset": where a request has the resource
  std::string noun;        // "data set", for messages
  std::string reason;      // "DATASET": reasons are <reason>_NOT_FOUND and so on
  absl::Status (*validate)(const Proto&) = nullptr;
  // In the transaction of a creation or change, and of a removal. Optional.
  std::function<absl::Status(Transaction&, std::string_view workspace, std::string_view id,
                             const Proto&)>
      after_write;
  std::function<absl::Status(Transaction&, std::string_view workspace, std::string_view id)>
      before_delete;
};

// A change as it was asked for: who, and under which request id (may be empty).
struct ChangeRequest {
  const auth::Caller& caller;
  std::string_view method;
  std::string_view request_id;
  const google::protobuf::Message& request;
};

template <typename Proto>
class ResourceManager {
 public:
  // Both must outlive it.
  ResourceManager(PostgresPool& pool, const Clock& clock, ResourceKind<Proto> kind)
      : pool_(pool), clock_(clock), kind_(std::move(kind)), table_(kind_.table) {}

  // INVALID_ARGUMENT with INVALID_FIELD; ALREADY_EXISTS with <reason>_EXISTS.
  absl::StatusOr<Proto> Create(const ChangeRequest& change, Proto resource);
  // NOT_FOUND with <reason>_NOT_FOUND.
  absl::StatusOr<Proto> Get(std::string_view workspace, const std::string& name);
  // Those after the id, at most `limit`.
  absl::StatusOr<std::vector<Proto>> List(std::string_view workspace, std::string_view after_id,
                                          int limit);
  // Replaces the fields of the mask, or all that may change when it is empty; what changes nothing
  // keeps etag and time. Errors: those above, and ABORTED with ETAG_MISMATCH.
  absl::StatusOr<Proto> Update(const ChangeRequest& change, const Proto& resource,
                               const google::protobuf::FieldMask& mask);
  // NOT_FOUND, or ABORTED with ETAG_MISMATCH.
  absl::Status Delete(const ChangeRequest& change, const std::string& name,
                      const std::string& etag);

  absl::StatusOr<std::string> IdOf(const std::string& name) const;

 private:
  Proto FromRow(const ResourceRow& row) const;
  static std::string SpecOf(Proto resource);
  absl::Status NotFoundError(std::string_view id) const;
  absl::Status CheckEtag(const std::string& given, const ResourceRow& row) const;
  absl::Status CheckMask(const google::protobuf::FieldMask& mask) const;
  absl::StatusOr<Proto> UpdateIn(Transaction& txn, const std::string& workspace,
                                 const std::string& id, const Proto& resource,
                                 const google::protobuf::FieldMask& mask);
  absl::Time Now() const;

  PostgresPool& pool_;
  const Clock& clock_;
  const ResourceKind<Proto> kind_;
  const ResourceTable table_;
};

}  // namespace tarn::dashboard
