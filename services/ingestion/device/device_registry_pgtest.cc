// Devices on a real PostgreSQL: their RPC rules, imports, and the snapshots that enrichment reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/events/event.h"
#include "common/postgres/migrations.h"
#include "common/postgres/testing/test_database.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/testing/status_matchers.h"
#include "services/ingestion/device/device_manager.h"
#include "services/ingestion/device/device_registry.h"
#include "services/ingestion/migrations.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DeviceRegistryPgTest : public ::testing::Test {
 protected:
  static v1::Device MakeDevice(const std::string& id, const std::string& type, double lat) {
    v1::Device device;
    device.set_name("devices/" + id);
    device.set_type(type);
    (*device.mutable_attributes()->mutable_fields())["lat"].set_number_value(lat);
    return device;
  }
  absl::StatusOr<v1::Device> Create(const v1::Device& device, const std::string& request_id = "") {
    v1::CreateDeviceRequest request;
    *request.mutable_device() = device;
    request.set_request_id(request_id);
    return devices_.Create(ada_, request);
  }
  absl::StatusOr<v1::Device> Update(const v1::Device& device, std::vector<std::string> mask = {}) {
    v1::UpdateDeviceRequest request;
    *request.mutable_device() = device;
    for (std::string& path : mask) request.mutable_update_mask()->add_paths(std::move(path));
    return devices_.Update(ada_, request);
  }
  absl::Status Delete(const std::string& id, const std::string& etag = "") {
    v1::DeleteDeviceRequest request;
    request.set_name("devices/" + id);
    request.set_etag(etag);
    return devices_.Delete(ada_, request);
  }
  absl::StatusOr<v1::ImportDevicesResponse> Import(std::string_view csv, bool validate = false) {
    v1::ImportDevicesHeader header;
    header.set_format(v1::DEVICE_IMPORT_FORMAT_CSV);
    header.set_default_type("sensor");
    header.set_validate_only(validate);
    return devices_.Import(ada_, header, csv);
  }
  std::vector<std::string> Names(const std::string& type = "", const std::string& ws = "default") {
    std::vector<std::string> names;
    v1::ListDevicesRequest request;
    request.set_type(type);
    request.set_page_size(2);
    do {
      const auto page = devices_.List(ws, request);
      EXPECT_OK(page);
      if (!page.ok()) break;
      for (const v1::Device& device : page->devices()) names.push_back(device.name());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return names;
  }
  DeviceSnapshotPtr Snapshot() {
    clock_.Advance(DeviceRegistry::kRefreshPause);
    auto snapshot = registry_.Snapshot("default");
    EXPECT_OK(snapshot);
    return snapshot.ok() ? *snapshot : nullptr;
  }

  TestDatabase database_{[](PostgresPool& pool) -> absl::Status {
    TARN_RETURN_IF_ERROR(events::Migrate(pool));
    return ApplyMigrations(pool, "ingestion", Migrations());
  }};
  FakeClock clock_;
  DeviceStore store_{database_.pool(), 5};
  DeviceManager devices_{store_};
  DeviceRegistry registry_{store_, clock_};
  const RequestContext ada_{"default", "ada"};
};

TEST_F(DeviceRegistryPgTest, ADeviceIsMadeReadChangedAndRemoved) {
  ASSERT_OK_AND_ASSIGN(const v1::Device made, Create(MakeDevice("iot-1", "sensor", 37.5), "r"));
  EXPECT_EQ(made.attributes().fields().at("lat").number_value(), 37.5);
  EXPECT_EQ(Create(MakeDevice("iot-1", "sensor", 37.5), "r")->etag(), made.etag());
  EXPECT_THAT(Create(MakeDevice("iot-1", "sensor", 1)),
              StatusIs(absl::StatusCode::kAlreadyExists, "DEVICE_EXISTS"));
  EXPECT_THAT(Create(MakeDevice("iot-1", "sensor", 1), "r"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REQUEST_ID_REUSED"));

  v1::Device change = MakeDevice("iot-1", "gateway", 40);
  ASSERT_OK_AND_ASSIGN(const v1::Device retyped, Update(change, {"type"}));
  EXPECT_EQ(retyped.type(), "gateway");
  EXPECT_EQ(retyped.attributes().fields().at("lat").number_value(), 37.5);
  EXPECT_NE(retyped.etag(), made.etag());
  EXPECT_EQ(Update(retyped)->etag(), retyped.etag());  // unchanged
  change.set_etag(made.etag());
  EXPECT_THAT(Update(change), StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
  change.clear_etag();
  EXPECT_THAT(Update(change, {"name"}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Update(change)->attributes().fields().at("lat").number_value(), 40);

  EXPECT_THAT(Delete("iot-1", made.etag()), StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
  ASSERT_OK(Delete("iot-1"));
  EXPECT_THAT(Delete("iot-1"), StatusIs(absl::StatusCode::kNotFound, "DEVICE_NOT_FOUND"));
  EXPECT_THAT(devices_.Get("default", "devices/iot-1"),
              StatusIs(absl::StatusCode::kNotFound, "DEVICE_NOT_FOUND"));
}

TEST_F(DeviceRegistryPgTest, AMalformedDeviceIsRefusedWithEveryField) {
  v1::Device device;
  device.set_name("devices/~x");
  device.set_type("Bad Type");
  (*device.mutable_attributes()->mutable_fields())["x"].set_string_value(std::string(5000, 'x'));
  const absl::Status status = Create(device).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, ElementsAre("device.name", "device.type", "device"));
}

TEST_F(DeviceRegistryPgTest, DevicesAreListedByPagesOfAWorkspaceAndType) {
  for (const char* id : {"b", "A", "c", "d"}) {
    ASSERT_OK(Create(MakeDevice(id, *id == 'c' ? "gateway" : "sensor", 1)));
  }
  EXPECT_THAT(Names(), ElementsAre("devices/A", "devices/b", "devices/c", "devices/d"));
  EXPECT_THAT(Names("sensor"), ElementsAre("devices/A", "devices/b", "devices/d"));
  EXPECT_THAT(Names("", "other"), ElementsAre());
}

TEST_F(DeviceRegistryPgTest, AnImportIsAllOrNothingAndHarmlessWhenRepeated) {
  ASSERT_OK(Create(MakeDevice("d1", "sensor", 1)));
  EXPECT_THAT(Import("id,lat\nd2,2\nbad id,3\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_IMPORT", HasSubstr("line 3")));
  EXPECT_THAT(Names(), ElementsAre("devices/d1"));
  const std::string text = "id,lat\nd1,7\nd2,2\nd3,3\n";
  ASSERT_OK_AND_ASSIGN(const auto checked, Import(text, true));
  EXPECT_EQ(checked.created_count(), 2);
  EXPECT_EQ(checked.updated_count(), 1);
  EXPECT_THAT(Names(), ElementsAre("devices/d1"));
  ASSERT_OK_AND_ASSIGN(const auto imported, Import(text));
  EXPECT_EQ(imported.DebugString(), checked.DebugString());
  ASSERT_OK_AND_ASSIGN(const auto again, Import(text));
  EXPECT_EQ(again.unchanged_count(), 3);
  EXPECT_EQ(again.created_count() + again.updated_count(), 0);
}

TEST_F(DeviceRegistryPgTest, NoMoreDevicesAreKeptThanAllowed) {
  ASSERT_OK(Import("id\nd1\nd2\nd3\nd4\nd5\n"));
  EXPECT_THAT(Create(MakeDevice("d6", "sensor", 1)),
              StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_DEVICES"));
  EXPECT_THAT(Import("id\nd5\nd6\n"),
              StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_DEVICES"));
  ASSERT_OK(Delete("d1"));
  ASSERT_OK(Create(MakeDevice("d6", "sensor", 1)));
  EXPECT_EQ(Names().size(), 5u);
}

TEST_F(DeviceRegistryPgTest, ASnapshotFollowsChangesAndIsItselfUnchanged) {
  const DeviceSnapshotPtr empty = Snapshot();
  EXPECT_EQ(empty->version, 0);
  EXPECT_TRUE(empty->devices.empty());
  ASSERT_OK(Import("id,lat\nd1,1\nd2,2\n"));
  const DeviceSnapshotPtr first = Snapshot();
  ASSERT_EQ(first->devices.size(), 2u);
  EXPECT_EQ(first->devices.at("d1")->attributes, "{\"lat\": 1}");
  EXPECT_EQ(Snapshot(), first);  // nothing changed, nothing is made anew

  ASSERT_OK(Update(MakeDevice("d1", "gateway", 9)));
  ASSERT_OK(Create(MakeDevice("d3", "sensor", 3)));
  const DeviceSnapshotPtr second = Snapshot();
  EXPECT_EQ(second->devices.size(), 3u);
  EXPECT_EQ(second->devices.at("d1")->type, "gateway");
  EXPECT_EQ(second->devices.at("d2"), first->devices.at("d2"));
  EXPECT_EQ(first->devices.at("d1")->type, "sensor");

  ASSERT_OK(Delete("d2"));
  const DeviceSnapshotPtr third = Snapshot();
  EXPECT_EQ(third->devices.size(), 2u);
  EXPECT_FALSE(third->devices.contains("d2"));
  EXPECT_TRUE(registry_.Snapshot("other").value()->devices.empty());
}

TEST_F(DeviceRegistryPgTest, TheLastSnapshotServesWhilePostgresIsAway) {
  ASSERT_OK(Import("id\nd1\n"));
  PostgresPool nowhere({.dsn = "host=127.0.0.1 port=1 dbname=none"});
  DeviceStore lost(nowhere, 5);
  DeviceRegistry unknown(lost, clock_);
  EXPECT_FALSE(unknown.Snapshot("default").ok());
  ASSERT_EQ(Snapshot()->devices.size(), 1u);
  database_.BreakConnections();
  EXPECT_EQ(Snapshot()->devices.size(), 1u);
}

TEST_F(DeviceRegistryPgTest, ChangesAreToldAsEvents) {
  ASSERT_OK(Create(MakeDevice("d1", "sensor", 1)));
  ASSERT_OK(Update(MakeDevice("d1", "sensor", 2)));
  ASSERT_OK(Import("id\nd1\nd2\n"));
  ASSERT_OK(Import("id\nd1\nd2\n"));
  ASSERT_OK(Delete("d2"));
  const auto types = database_.pool().RunReadOnly(
      [](Transaction& txn) -> absl::StatusOr<std::vector<std::string>> {
        std::vector<std::string> out;
        for (const Row row : txn.Exec("SELECT type FROM events.outbox ORDER BY xid, seq")) {
          out.push_back(row.Get<std::string>("type"));
        }
        return out;
      });
  ASSERT_OK(types);
  EXPECT_THAT(*types,
              ElementsAre("tarn.ingestion.device.created", "tarn.ingestion.device.updated",
                          "tarn.ingestion.devices.imported", "tarn.ingestion.device.deleted"));
}

}  // namespace
}  // namespace tarn::ingestion
