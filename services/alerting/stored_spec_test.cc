#include "services/alerting/stored_spec.h"

#include <array>

#include <google/protobuf/field_mask.pb.h>

#include "tarn/alerting/v1/channel.pb.h"

#include "common/testing/status_matchers.h"

namespace tarn::alerting {
namespace {

constexpr std::array<std::string_view, 4> kFields = {"description", "webhook", "slack", "retry"};

TEST(StoredSpecTest, ReadsBackWhatItWroteAndPassesOverWhatIsNew) {
  v1::Channel channel;
  channel.mutable_webhook()->set_url("http://a/");
  ASSERT_OK_AND_ASSIGN(std::string json, SpecToJson(channel));
  v1::Channel read;
  ASSERT_OK(SpecFromJson(json, &read));
  EXPECT_EQ(read.SerializeAsString(), channel.SerializeAsString());
  EXPECT_OK(SpecFromJson(R"({"description": "x", "of_a_later_release": 1})", &read));
}

TEST(ApplyUpdateTest, WithoutAMaskReplacesAllThatMayChange) {
  v1::Channel there;
  there.set_owner("ada");
  there.set_description("old");
  there.mutable_webhook()->set_url("http://a/");
  v1::Channel wanted;
  wanted.set_owner("eve");
  wanted.mutable_slack()->set_url("http://b/");
  ASSERT_OK(ApplyUpdate(wanted, {}, kFields, &there));
  EXPECT_EQ(there.owner(), "ada");
  EXPECT_EQ(there.description(), "");
  EXPECT_FALSE(there.has_webhook());
  EXPECT_EQ(there.slack().url(), "http://b/");
}

TEST(ApplyUpdateTest, WithAMaskReplacesTheFieldsOfTheMask) {
  v1::Channel there;
  there.set_description("old");
  (*there.mutable_webhook()->mutable_headers())["X-Team"] = "meters";
  v1::Channel wanted;
  wanted.mutable_webhook()->set_url("http://b/");
  google::protobuf::FieldMask mask;
  mask.add_paths("webhook");
  ASSERT_OK(ApplyUpdate(wanted, mask, kFields, &there));
  EXPECT_EQ(there.description(), "old");
  EXPECT_EQ(there.webhook().headers_size(), 0);
  EXPECT_EQ(there.webhook().url(), "http://b/");
  mask.add_paths("owner");
  EXPECT_THAT(ApplyUpdate(wanted, mask, kFields, &there),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

}  // namespace
}  // namespace tarn::alerting
