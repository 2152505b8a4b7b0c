#include <limits>

#include <gtest/gtest.h>

#include "common/postgres/postgres_pool.h"
#include "common/postgres/testing/test_database.h"
#include "common/postgres/value.h"
#include "common/status/error.h"

namespace tarn {
namespace {

class ValuePgTest : public ::testing::Test {
 protected:
  // What comes back when `value` is sent as `type`.
  template <typename T>
  absl::StatusOr<T> RoundTrip(const std::string& type, const T& value) {
    return db_.pool().Run([&](Transaction& txn) -> absl::StatusOr<T> {
      return txn.Exec("SELECT $1::" + type + " AS v", value).One().template Get<T>("v");
    });
  }

  TestDatabase db_;
};

#define EXPECT_ROUND_TRIP(type, value)               \
  do {                                               \
    auto returned = RoundTrip(type, value);          \
    ASSERT_TRUE(returned.ok()) << returned.status(); \
    EXPECT_EQ(*returned, value);                     \
  } while (false)

TEST_F(ValuePgTest, ValuesComeBackAsTheyWereSent) {
  EXPECT_ROUND_TRIP("boolean", true);
  EXPECT_ROUND_TRIP("int", -7);
  EXPECT_ROUND_TRIP("bigint", std::numeric_limits<int64_t>::min());
  EXPECT_ROUND_TRIP("float8", 0.1);
  EXPECT_ROUND_TRIP("float8", std::numeric_limits<double>::infinity());
  EXPECT_ROUND_TRIP("text", std::string("it's \\ \"quoted\" ü\n"));
  EXPECT_ROUND_TRIP("bytea", (Bytes{std::string("\0\xff'\\", 4)}));
  EXPECT_ROUND_TRIP("text[]", (std::vector<std::string>{"a", "", "b,c", "\"q\"\\", "NULL", "{}"}));
  EXPECT_ROUND_TRIP("text[]", std::vector<std::string>{});
  EXPECT_ROUND_TRIP("bigint[]", (std::vector<int64_t>{1, -2}));
  EXPECT_ROUND_TRIP("text", std::optional<std::string>());
  EXPECT_ROUND_TRIP("int", std::optional<int>(3));
}

TEST_F(ValuePgTest, TimesKeepMicrosecondsAndInfinity) {
  EXPECT_ROUND_TRIP("timestamptz", absl::FromUnixMicros(1'700'000'000'123'456));
  EXPECT_ROUND_TRIP("timestamptz", absl::FromUnixMicros(-1));
  EXPECT_ROUND_TRIP("timestamptz", absl::FromUnixSeconds(0));
  EXPECT_ROUND_TRIP("timestamptz", absl::InfiniteFuture());
  EXPECT_ROUND_TRIP("timestamptz", absl::InfinitePast());
}

TEST_F(ValuePgTest, ANulInATextIsRefusedInsteadOfCuttingIt) {
  auto returned = RoundTrip("text", std::string("a\0b", 3));
  EXPECT_EQ(ErrorReason(returned.status()), "INVALID_TEXT");
  EXPECT_EQ(ErrorReason(RoundTrip("text", std::string("\xff")).status()), "INVALID_TEXT");
}

TEST_F(ValuePgTest, ANullOrAWrongTypeIsAnInternalError) {
  auto of = [&](auto fn) {
    return db_.pool().Run([&](Transaction& txn) -> absl::Status {
      fn(txn.Exec("SELECT NULL::int AS n, 'x' AS t").One());
      return absl::OkStatus();
    });
  };
  EXPECT_EQ(ErrorReason(of([](Row row) { row.Get<int>("n"); })), "POSTGRES_RESULT");
  EXPECT_EQ(ErrorReason(of([](Row row) { row.Get<int64_t>("t"); })), "POSTGRES_RESULT");
  EXPECT_EQ(ErrorReason(of([](Row row) { row.Get<std::string>("z"); })), "POSTGRES_RESULT");
}

}  // namespace
}  // namespace tarn
