#include "services/ingestion/device/device_store.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/events/event.h"
#include "common/idempotency/idempotency.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

constexpr std::string_view kSelect =
    "SELECT device_id, device_type, attributes, metadata, revision, create_time, update_time FROM "
    "ingestion.devices ";

idempotency::RequestKey KeyOf(const RequestContext& context, std::string_view method,
                              const std::string& request_id) {
  return {context.workspace, context.user,
          absl::StrCat("tarn.ingestion.v1.DeviceRegistryService/", std::string(method)),
          request_id};
}

Device FromRow(const Row& row) {
  Device device;
  device.id = row.Get<std::string>("device_id");
  device.type = row.Get<std::string>("device_type");
  device.attributes = row.Get<std::string>("attributes");
  device.metadata = row.Get<std::string>("metadata");
  device.revision = row.Get<int64_t>("revision");
  device.create_time = row.Get<absl::Time>("create_time");
  device.update_time = row.Get<absl::Time>("update_time");
  return device;
}

absl::StatusOr<Device> GetRow(Transaction& txn, std::string_view workspace, std::string_view id,
                              bool lock) {
  const Result rows =
      txn.Exec(absl::StrCat(std::string(kSelect), "WHERE workspace = $1 AND device_id = $2",
                            lock ? " FOR UPDATE" : ""),
               workspace, id);
  if (!rows.empty()) return FromRow(rows[0]);
  const std::string name = "devices/" + std::string(id);
  return NotFound("DEVICE_NOT_FOUND",
                  absl::StrCat("there is no device \"", std::string(id),
                               "\"; ListDevices (tarn get devices) shows those that exist"),
                  {{"device", name}});
}

absl::Status CheckEtag(const std::string& given, const Device& device) {
  if (given.empty() || given == device.etag()) return absl::OkStatus();
  return Aborted("ETAG_MISMATCH",
                 absl::StrCat(device.name(), " has changed since it was read; read it again"),
                 {{"device", device.name()}});
}

// Locks the registry to the end of the transaction.
struct RegistryLock {
  int64_t next_version = 0;
  int64_t device_count = 0;
};
RegistryLock LockRegistry(Transaction& txn, const std::string& workspace) {
  txn.Exec("INSERT INTO ingestion.device_registries (workspace) VALUES ($1) ON CONFLICT DO NOTHING",
           workspace);
  const Row row =
      txn.Exec(
             "SELECT version, device_count FROM ingestion.device_registries WHERE workspace = $1 "
             "FOR UPDATE",
             workspace)
          .One();
  return {row.Get<int64_t>("version") + 1, row.Get<int64_t>("device_count")};
}

void SetVersion(Transaction& txn, const std::string& workspace, const RegistryLock& lock,
                int64_t added, bool deleted) {
  txn.Exec(
      "UPDATE ingestion.device_registries SET version = $2, deletion_version = CASE WHEN "
      "$3::boolean THEN $2 ELSE deletion_version END, device_count = device_count + $4 WHERE "
      "workspace = $1",
      workspace, lock.next_version, deleted, added);
}

absl::Status Tell(Transaction& txn, const RequestContext& context, std::string_view what,
                  const std::string& subject, const std::string& request_id,
                  std::string data = "{}") {
  return events::Append(txn, {.workspace = context.workspace,
                              .type = absl::StrCat("tarn.ingestion.", std::string(what)),
                              .source = "ingestion",
                              .subject = subject,
                              .data = std::move(data),
                              .request_id = request_id});
}

}  // namespace

absl::StatusOr<Device> DeviceStore::Create(const RequestContext& context,
                                           const v1::CreateDeviceRequest& request,
                                           const Device& device) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Device> {
    const auto once = idempotency::Once<v1::Device>(
        txn, "ingestion", KeyOf(context, "CreateDevice", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Device> {
          const RegistryLock lock = LockRegistry(txn, context.workspace);
          const Result inserted = txn.Exec(
              "INSERT INTO ingestion.devices (workspace, device_id, device_type, attributes, "
              "metadata, version, create_time, update_time) VALUES ($1, $2, $3, $4::jsonb, "
              "$5::jsonb, $6, now(), now()) ON CONFLICT (workspace, device_id) DO NOTHING",
              context.workspace, device.id, device.type, device.attributes, device.metadata,
              lock.next_version);
          if (inserted.affected_rows() == 0) {
            return AlreadyExists("DEVICE_EXISTS",
                                 absl::StrCat("device \"", device.id,
                                              "\" is there already; change it with UpdateDevice "
                                              "or tarn apply"),
                                 {{"device", device.name()}});
          }
          TARN_RETURN_IF_ERROR(CheckRoom(lock.device_count + 1));
          SetVersion(txn, context.workspace, lock, 1, false);
          TARN_RETURN_IF_ERROR(
              Tell(txn, context, "device.created", device.name(), request.request_id()));
          return v1::Device();
        });
    TARN_RETURN_IF_ERROR(once.status());
    return GetRow(txn, context.workspace, device.id, false);
  });
}

absl::Status DeviceStore::CheckRoom(int64_t device_count) const {
  if (device_count <= max_devices_) return absl::OkStatus();
  return ResourceExhausted(
      "TOO_MANY_DEVICES",
      absl::StrCat("the workspace would have ", device_count, " devices; at most ", max_devices_,
                   " are kept (option ingestion.max_devices)"));
}

absl::StatusOr<Device> DeviceStore::Update(
    const RequestContext& context, const v1::UpdateDeviceRequest& request, std::string_view id,
    const std::function<absl::StatusOr<Device>(const Device&)>& change) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Device> {
    const auto once = idempotency::Once<v1::Device>(
        txn, "ingestion", KeyOf(context, "UpdateDevice", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Device> {
          const RegistryLock lock = LockRegistry(txn, context.workspace);
          TARN_ASSIGN_OR_RETURN(const Device current, GetRow(txn, context.workspace, id, true));
          TARN_RETURN_IF_ERROR(CheckEtag(request.device().etag(), current));
          TARN_ASSIGN_OR_RETURN(const Device next, change(current));
          const Result updated = txn.Exec(
              "UPDATE ingestion.devices SET device_type = $3, attributes = $4::jsonb, metadata = "
              "$5::jsonb, version = $6, revision = revision + 1, update_time = now() WHERE "
              "workspace = $1 AND device_id = $2 AND (device_type, attributes, metadata) IS "
              "DISTINCT FROM ($3, $4::jsonb, $5::jsonb)",
              context.workspace, id, next.type, next.attributes, next.metadata, lock.next_version);
          if (updated.affected_rows() == 0) return v1::Device();
          SetVersion(txn, context.workspace, lock, 0, false);
          TARN_RETURN_IF_ERROR(
              Tell(txn, context, "device.updated", current.name(), request.request_id()));
          return v1::Device();
        });
    TARN_RETURN_IF_ERROR(once.status());
    return GetRow(txn, context.workspace, id, false);
  });
}

absl::Status DeviceStore::Delete(const RequestContext& context,
                                 const v1::DeleteDeviceRequest& request, std::string_view id) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    return idempotency::Once<v1::DeleteDeviceResponse>(
               txn, "ingestion", KeyOf(context, "DeleteDevice", request.request_id()), request,
               [&]() -> absl::StatusOr<v1::DeleteDeviceResponse> {
                 const RegistryLock lock = LockRegistry(txn, context.workspace);
                 TARN_ASSIGN_OR_RETURN(const Device current,
                                       GetRow(txn, context.workspace, id, true));
                 TARN_RETURN_IF_ERROR(CheckEtag(request.etag(), current));
                 txn.Exec("DELETE FROM ingestion.devices WHERE workspace = $1 AND device_id = $2",
                          context.workspace, id);
                 SetVersion(txn, context.workspace, lock, -1, true);
                 TARN_RETURN_IF_ERROR(
                     Tell(txn, context, "device.deleted", current.name(), request.request_id()));
                 return v1::DeleteDeviceResponse();
               })
        .status();
  });
}

absl::StatusOr<Device> DeviceStore::Get(std::string_view workspace, std::string_view id) {
  return pool_.RunReadOnly([&](Transaction& txn) { return GetRow(txn, workspace, id, false); });
}

absl::StatusOr<std::vector<Device>> DeviceStore::List(std::string_view workspace,
                                                      std::string_view type, std::string_view after,
                                                      int limit) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<Device>> {
    std::vector<Device> devices;
    for (const Row row :
         txn.Exec(absl::StrCat(std::string(kSelect),
                               "WHERE workspace = $1 AND device_id > $2 AND ($3 = '' OR "
                               "device_type = $3) ORDER BY device_id LIMIT $4"),
                  workspace, after, type, limit)) {
      devices.push_back(FromRow(row));
    }
    return devices;
  });
}

absl::StatusOr<v1::ImportDevicesResponse> DeviceStore::Import(const RequestContext& context,
                                                              const std::vector<Device>& devices,
                                                              bool validate_only) {
  constexpr size_t kRowsAtOnce = 1000;
  v1::ImportDevicesResponse response;
  const absl::Status status = pool_.Run([&](Transaction& txn) -> absl::Status {
    response.Clear();
    const RegistryLock lock = LockRegistry(txn, context.workspace);
    for (size_t begin = 0; begin < devices.size(); begin += kRowsAtOnce) {
      const size_t end = std::min(devices.size(), begin + kRowsAtOnce);
      std::vector<std::string> ids, types, attributes, metadata;
      for (size_t i = begin; i < end; ++i) {
        ids.push_back(devices[i].id);
        types.push_back(devices[i].type);
        attributes.push_back(devices[i].attributes);
        metadata.push_back(devices[i].metadata);
      }
      const Result written = txn.Exec(
          "INSERT INTO ingestion.devices AS d (workspace, device_id, device_type, attributes, "
          "metadata, version, create_time, update_time) SELECT $1, i, t, a::jsonb, m::jsonb, "
          "$6, now(), now() FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS u "
          "(i, t, a, m) ON CONFLICT (workspace, device_id) DO UPDATE SET device_type = "
          "excluded.device_type, attributes = excluded.attributes, metadata = "
          "excluded.metadata, version = excluded.version, revision = d.revision + 1, "
          "update_time = now() WHERE (d.device_type, d.attributes, d.metadata) IS DISTINCT "
          "FROM (excluded.device_type, excluded.attributes, excluded.metadata) "
          "RETURNING d.revision = 1 AS created",
          context.workspace, ids, types, attributes, metadata, lock.next_version);
      int64_t created = 0;
      for (const Row row : written) created += row.Get<bool>("created") ? 1 : 0;
      const auto changed = static_cast<int64_t>(written.size());
      response.set_created_count(response.created_count() + created);
      response.set_updated_count(response.updated_count() + changed - created);
      response.set_unchanged_count(response.unchanged_count() + static_cast<int64_t>(end - begin) -
                                   changed);
    }
    TARN_RETURN_IF_ERROR(CheckRoom(lock.device_count + response.created_count()));
    // A check alone is undone, as after an error.
    if (validate_only) return absl::CancelledError();
    if (response.created_count() + response.updated_count() == 0) return absl::OkStatus();
    SetVersion(txn, context.workspace, lock, response.created_count(), false);
    return Tell(txn, context, "devices.imported", "devices", "",
                absl::StrCat("{\"created\": ", response.created_count(),
                             ", \"updated\": ", response.updated_count(), "}"));
  });
  if (!status.ok() && !(validate_only && absl::IsCancelled(status))) return status;
  return response;
}

absl::StatusOr<DeviceStore::Changes> DeviceStore::ChangesSince(std::string_view workspace,
                                                               int64_t version) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<Changes> {
    Changes changes;
    const Result registry = txn.Exec(
        "SELECT version, deletion_version FROM ingestion.device_registries WHERE workspace = $1",
        workspace);
    if (registry.empty()) return changes;  // never had a device
    changes.version = registry[0].Get<int64_t>("version");
    if (changes.version <= version) return changes;
    changes.all = registry[0].Get<int64_t>("deletion_version") > version;
    for (const Row row : txn.Exec(
             "SELECT device_id, device_type, attributes FROM ingestion.devices WHERE workspace = "
             "$1 AND version > $2",
             workspace, changes.all ? int64_t{0} : version)) {
      Device& device = changes.devices.emplace_back();
      device.id = row.Get<std::string>("device_id");
      device.type = row.Get<std::string>("device_type");
      device.attributes = row.Get<std::string>("attributes");
    }
    return changes;
  });
}

}  // namespace tarn::ingestion
