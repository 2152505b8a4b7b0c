#include "services/dashboard/resources/resource_manager.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/util/field_mask_util.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/auth/caller.h"
#include "common/clock/clock.h"
#include "common/idempotency/idempotency.h"
#include "common/names/names.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/identity/key_proto.h"

namespace tarn::dashboard {
namespace {

using google::protobuf::FieldMask;
using google::protobuf::util::FieldMaskUtil;

idempotency::RequestKey KeyOf(const ChangeRequest& change) {
  return {.workspace = change.caller.workspace,
          .caller = change.caller.user,
          .method = std::string(change.method),
          .request_id = std::string(change.request_id)};
}

bool IsOutputOnly(const std::string& path) {
  return path == "name" || path == "owner" || path == "create_time" || path == "update_time" ||
         path == "etag";
}

}  // namespace

template <typename Proto>
absl::Time ResourceManager<Proto>::Now() const {
  // As PostgreSQL keeps it, so that an answer and a later read agree.
  return absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()));
}

template <typename Proto>
absl::StatusOr<std::string> ResourceManager<Proto>::IdOf(const std::string& name) const {
  const std::string pattern = kind_.collection + "/{id}";
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> ids, names::Parse(pattern, name));
  return ids[0];
}

template <typename Proto>
Proto ResourceManager<Proto>::FromRow(const ResourceRow& row) const {
  Proto resource;
  resource.ParseFromString(row.spec);
  resource.set_name(kind_.collection + "/" + row.id);
  resource.set_owner(row.owner);
  resource.set_etag(row.etag);
  SetTimestamp(row.create_time, resource.mutable_create_time());
  SetTimestamp(row.update_time, resource.mutable_update_time());
  return resource;
}

template <typename Proto>
std::string ResourceManager<Proto>::SpecOf(Proto resource) {
  resource.clear_name();
  resource.clear_owner();
  resource.clear_etag();
  resource.clear_create_time();
  resource.clear_update_time();
  return idempotency::Serialize(resource);
}

template <typename Proto>
absl::Status ResourceManager<Proto>::NotFoundError(std::string_view id) const {
  std::string name = kind_.collection + "/" + std::string(id);
  return NotFound(kind_.reason + "_NOT_FOUND", "there is no " + kind_.noun + " " + name,
                  {{kind_.field, name}});
}

template <typename Proto>
absl::Status ResourceManager<Proto>::CheckEtag(const std::string& given,
                                               const ResourceRow& row) const {
  if (given.empty() || given == row.etag) return absl::OkStatus();
  return Aborted("ETAG_MISMATCH", "the " + kind_.noun + " " + kind_.collection + "/" + row.id +
                                      " was changed since it was read; read it again");
}

template <typename Proto>
absl::Status ResourceManager<Proto>::CheckMask(const FieldMask& mask) const {
  for (const std::string& path : mask.paths()) {
    if (!FieldMaskUtil::IsValidPath<Proto>(path) || IsOutputOnly(path)) {
      return InvalidFields(
          {{"update_mask", "'" + path + "' is no field of a " + kind_.noun + " that may change"}});
    }
  }
  return absl::OkStatus();
}

template <typename Proto>
absl::StatusOr<Proto> ResourceManager<Proto>::Create(const ChangeRequest& change, Proto resource) {
  const std::string pattern = kind_.collection + "/";
  if (!resource.name().starts_with(pattern)) {
    return InvalidFields({{kind_.field + ".name", "must be " + pattern + "<id>"}});
  }
  const std::string id = resource.name().substr(pattern.size());
  TARN_RETURN_IF_ERROR(names::ValidateId(kind_.field + ".name", id));
  TARN_RETURN_IF_ERROR(kind_.validate(resource));
  const std::string& workspace = change.caller.workspace;
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Proto> {
    return idempotency::Once<Proto>(
        txn, "dashboard", KeyOf(change), change.request, [&]() -> absl::StatusOr<Proto> {
          ResourceRow row{.id = id, .spec = SpecOf(resource), .owner = change.caller.user};
          row.create_time = row.update_time = Now();
          row.etag = MakeEtag(row.spec, row.update_time);
          if (!table_.Insert(txn, workspace, row)) {
            return AlreadyExists(
                kind_.reason + "_EXISTS",
                "there is a " + kind_.noun + " " + pattern + id + " already; change that one");
          }
          if (kind_.after_write) {
            TARN_RETURN_IF_ERROR(kind_.after_write(txn, workspace, id, resource));
          }
          return FromRow(row);
        });
  });
}

template <typename Proto>
absl::StatusOr<Proto> ResourceManager<Proto>::Get(std::string_view workspace,
                                                  const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::string id, IdOf(name));
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<Proto> {
    std::optional<ResourceRow> row = table_.Find(txn, workspace, id);
    if (!row.has_value()) return NotFoundError(id);
    return FromRow(*row);
  });
}

template <typename Proto>
absl::StatusOr<std::vector<Proto>> ResourceManager<Proto>::List(std::string_view workspace,
                                                                std::string_view after_id,
                                                                int limit) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<Proto>> {
    std::vector<Proto> resources;
    for (const ResourceRow& row : table_.List(txn, workspace, after_id, limit)) {
      resources.push_back(FromRow(row));
    }
    return resources;
  });
}

template <typename Proto>
absl::StatusOr<Proto> ResourceManager<Proto>::UpdateIn(Transaction& txn,
                                                       const std::string& workspace,
                                                       const std::string& id, const Proto& resource,
                                                       const FieldMask& mask) {
  std::optional<ResourceRow> row = table_.Find(txn, workspace, id, ResourceTable::Lock::kUpdate);
  if (!row.has_value()) return NotFoundError(id);
  TARN_RETURN_IF_ERROR(CheckEtag(resource.etag(), *row));
  Proto changed = resource;
  if (mask.paths_size() > 0) {
    changed = FromRow(*row);
    FieldMaskUtil::MergeOptions replace;
    replace.set_replace_message_fields(true);
    replace.set_replace_repeated_fields(true);
    FieldMaskUtil::MergeMessageTo(resource, mask, replace, &changed);
  }
  TARN_RETURN_IF_ERROR(kind_.validate(changed));
  std::string spec = SpecOf(changed);
  if (spec == row->spec) return FromRow(*row);
  row->spec = std::move(spec);
  row->update_time = std::max(Now(), row->update_time + absl::Microseconds(1));
  row->etag = MakeEtag(row->spec, row->update_time);
  table_.Update(txn, workspace, *row);
  if (kind_.after_write) TARN_RETURN_IF_ERROR(kind_.after_write(txn, workspace, id, changed));
  return FromRow(*row);
}

template <typename Proto>
absl::StatusOr<Proto> ResourceManager<Proto>::Update(const ChangeRequest& change,
                                                     const Proto& resource, const FieldMask& mask) {
  TARN_ASSIGN_OR_RETURN(std::string id, IdOf(resource.name()));
  TARN_RETURN_IF_ERROR(CheckMask(mask));
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Proto> {
    return idempotency::Once<Proto>(txn, "dashboard", KeyOf(change), change.request, [&] {
      return UpdateIn(txn, change.caller.workspace, id, resource, mask);
    });
  });
}

template <typename Proto>
absl::Status ResourceManager<Proto>::Delete(const ChangeRequest& change, const std::string& name,
                                            const std::string& etag) {
  using google::protobuf::Empty;
  TARN_ASSIGN_OR_RETURN(std::string id, IdOf(name));
  const std::string& workspace = change.caller.workspace;
  return pool_
      .Run([&](Transaction& txn) -> absl::StatusOr<Empty> {
        return idempotency::Once<Empty>(
            txn, "dashboard", KeyOf(change), change.request, [&]() -> absl::StatusOr<Empty> {
              std::optional<ResourceRow> row =
                  table_.Find(txn, workspace, id, ResourceTable::Lock::kUpdate);
              if (!row.has_value()) return NotFoundError(id);
              TARN_RETURN_IF_ERROR(CheckEtag(etag, *row));
              if (kind_.before_delete) {
                TARN_RETURN_IF_ERROR(kind_.before_delete(txn, workspace, id));
              }
              table_.Delete(txn, workspace, id);
              return Empty();
            });
      })
      .status();
}

template class ResourceManager<v1::Dataset>;
template class ResourceManager<v1::Dashboard>;

}  // namespace tarn::dashboard
