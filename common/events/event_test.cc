#include "common/events/event.h"

#include <gtest/gtest.h>

namespace tarn::events {
namespace {

TEST(CloudEventTest, HasTheAttributesOfTheSpecification) {
  Event event{.id = "0190-1",
              .workspace = "default",
              .type = "tarn.catalog.table.snapshot_created",
              .source = "catalog",
              .subject = "databases/d/tables/t",
              .time = absl::FromUnixMillis(1'700'000'000'250),
              .data = R"({"b": 1, "a": "ü"})",
              .request_id = "r1"};
  EXPECT_EQ(ToCloudEventJson(event),
            R"({"specversion":"1.0","id":"0190-1","source":"catalog",)"
            R"("type":"tarn.catalog.table.snapshot_created","subject":"databases/d/tables/t",)"
            R"("time":"2023-11-14T22:13:20.25Z","tarnworkspace":"default","tarnrequestid":"r1",)"
            R"("datacontenttype":"application/json","data":{"b":1,"a":"ü"}})");
}

}  // namespace
}  // namespace tarn::events
