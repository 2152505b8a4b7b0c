#include "common/names/names.h"

#include "common/testing/status_matchers.h"

namespace tarn::names {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(NamesTest, FormatsAndParsesTables) {
  EXPECT_EQ(Table("smart_hub", "usage"), "databases/smart_hub/tables/usage");
  EXPECT_EQ(Database("smart_hub"), "databases/smart_hub");
  EXPECT_THAT(ParseTable("databases/smart_hub/tables/usage"),
              IsOkAndHolds(TableId{"smart_hub", "usage"}));
  EXPECT_THAT(ParseDatabase("databases/iot"), IsOkAndHolds("iot"));
}

TEST(NamesTest, RefusesNamesOfAnotherForm) {
  for (const char* name :
       {"", "databases/a", "databases//tables/b", "databases/a/tables/b/c", "databases/A/tables/b",
        "databases/a/tables/../b", "tables/b", "databases/a-b/tables/c", "databases/a/tables/b/"}) {
    EXPECT_THAT(ParseTable(name), StatusIs(kInvalid, "INVALID_RESOURCE_NAME")) << name;
  }
  EXPECT_THAT(ParseTable("x"),
              StatusIs(kInvalid, ::testing::_, HasSubstr("databases/{database}/tables/{table}")));
}

TEST(NamesTest, ParsesAnyTemplate) {
  EXPECT_THAT(Parse("pipelines/{pipeline}/runs/{run}",
                    "pipelines/enrich-all/runs/0189f0a0-0000-7000-8000-000000000000"),
              IsOkAndHolds(ElementsAre("enrich-all", "0189f0a0-0000-7000-8000-000000000000")));
  EXPECT_EQ(Format("streams/{stream}", {"device_messages"}), "streams/device_messages");
  EXPECT_TRUE(Matches("streams/{stream}", "streams/s"));
  EXPECT_FALSE(Matches("streams/{stream}", "streams/a b"));
  EXPECT_FALSE(Matches("streams/{stream}", "rules/s"));
}

TEST(NamesTest, ParsesSqlNames) {
  EXPECT_THAT(ParseSqlName("smart_hub.usage"), IsOkAndHolds(TableId{"smart_hub", "usage"}));
  EXPECT_THAT(ParseSqlName("\"smart_hub\".\"usage\""), IsOkAndHolds(TableId{"smart_hub", "usage"}));
  EXPECT_EQ(SqlName({"a", "b"}), "a.b");
  for (const char* name : {"usage", "a.b.c", "a.", ".b", "a.b;drop", "\"a.b\"", "A.b"}) {
    EXPECT_THAT(ParseSqlName(name), StatusIs(kInvalid, "INVALID_RESOURCE_NAME")) << name;
  }
}

TEST(NamesTest, IdsHoldToTheirAlphabet) {
  EXPECT_OK(ValidateId("stream_id", "device-messages_2"));
  EXPECT_OK(ValidateSqlId("table_id", "usage_2"));
  EXPECT_OK(ValidateId("stream_id", std::string(63, 'a')));
  EXPECT_THAT(ValidateSqlId("table_id", "usage-2"),
              StatusIs(kInvalid, "INVALID_FIELD", HasSubstr("table_id: 'usage-2'")));
  for (const std::string& id : {std::string(), std::string("2x"), std::string("_x"),
                                std::string("A"), std::string("a b"), std::string(64, 'a')}) {
    EXPECT_THAT(ValidateId("id", id), StatusIs(kInvalid, "INVALID_FIELD")) << id;
  }
}

TEST(NamesTest, ReservedDatabasesCannotBeCreated) {
  EXPECT_OK(ValidateNewDatabaseId("database_id", "smart_hub"));
  for (const char* id : {"system", "information_schema", "smart_hub__archive"}) {
    EXPECT_TRUE(IsReservedDatabase(id));
    EXPECT_THAT(ValidateNewDatabaseId("database_id", id),
                StatusIs(kInvalid, "INVALID_FIELD", HasSubstr("reserved")));
  }
}

}  // namespace
}  // namespace tarn::names
