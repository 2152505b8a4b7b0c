#include "common/postgres/connection_string.h"

#include <gtest/gtest.h>

#include "common/status/error.h"

namespace tarn::postgres_internal {
namespace {

const SessionSettings kSettings{.application_name = "tarn-test",
                                .connect_timeout = absl::Milliseconds(1500),
                                .statement_timeout = absl::Seconds(3),
                                .idle_in_transaction_timeout = absl::Minutes(1)};

TEST(ConnectionStringTest, AddsSettingsToAUriAndToWords) {
  for (const char* dsn : {"postgresql://ann:se%27cret@db:5433/tarn",
                          "host=db port=5433 user=ann password='se\\'cret' dbname=tarn"}) {
    auto result = MakeConnectionString(dsn, kSettings);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_NE(result->dsn.find("password='se\\'cret'"), std::string::npos) << result->dsn;
    EXPECT_NE(result->dsn.find("statement_timeout=3000"), std::string::npos);
    EXPECT_NE(result->dsn.find("connect_timeout='2'"), std::string::npos);
    EXPECT_EQ(result->server, "host=db port=5433 dbname=tarn user=ann");
  }
}

TEST(ConnectionStringTest, WhatTheDsnSaysWinsOverDefaults) {
  auto result = MakeConnectionString("host=db connect_timeout=9 application_name=mine", kSettings);
  ASSERT_TRUE(result.ok());
  EXPECT_NE(result->dsn.find("connect_timeout='9'"), std::string::npos);
  EXPECT_NE(result->dsn.find("application_name='mine'"), std::string::npos);
}

TEST(ConnectionStringTest, ABadDsnIsRefusedWithoutShowingItsPassword) {
  auto result = MakeConnectionString("hots=db password=topsecret", kSettings);
  EXPECT_EQ(ErrorReason(result.status()), "POSTGRES_DSN_INVALID");
  EXPECT_EQ(result.status().ToString().find("topsecret"), std::string::npos);
}

}  // namespace
}  // namespace tarn::postgres_internal
