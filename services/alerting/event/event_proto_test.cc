#include "services/alerting/event/event_proto.h"

#include "tarn/alerting/v1/event.pb.h"

#include "common/ids/ids.h"
#include "common/testing/status_matchers.h"

namespace tarn::alerting {
namespace {

TEST(EventProtoTest, AnEventGoesBothWays) {
  v1::Event proto;
  proto.set_id(NewUuid());
  proto.set_type("com.example.x");
  proto.set_source("//example.com");
  proto.set_subject("s");
  proto.mutable_time()->set_seconds(1'700'000'000);
  (*proto.mutable_data()->mutable_fields())["a"].set_string_value("b");
  ASSERT_OK_AND_ASSIGN(events::Event event, FromProto(proto, "events[0]"));
  EXPECT_EQ(ToProto(event).SerializeAsString(), proto.SerializeAsString());
}

TEST(EventProtoTest, TarnsOwnSourceIsAUri) {
  v1::Event proto = ToProto({.type = "tarn.catalog.table.created",
                             .source = "catalog",
                             .time = absl::UnixEpoch(),
                             .data = "[1]"});
  EXPECT_EQ(proto.source(), "//tarn/catalog");
  EXPECT_EQ(proto.data().fields().at("value").list_value().values_size(), 1);
}

TEST(EventProtoTest, RefusesWhatWouldPassForTarns) {
  v1::Event proto;
  proto.set_type("tarn");
  proto.set_source("//tarn/catalog");
  proto.set_id("7");
  absl::Status status = FromProto(proto, "events[0]").status();
  EXPECT_EQ(FieldViolationsOf(status).size(), 3u);
}

TEST(PositionTest, IsBoundToItsWorkspace) {
  const events::Cursor cursor{7, 9};
  EXPECT_THAT(DecodePosition("w", EncodePosition("w", cursor)), IsOkAndHolds(cursor));
  EXPECT_THAT(DecodePosition("v", EncodePosition("w", cursor)),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_POSITION"));
}

}  // namespace
}  // namespace tarn::alerting
