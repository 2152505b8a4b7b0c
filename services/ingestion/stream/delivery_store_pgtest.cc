// Positions and counts of deliveries in PostgreSQL, and what an upgrade makes of older ones.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/events/event.h"
#include "common/postgres/migrations.h"
#include "common/postgres/testing/test_database.h"
#include "common/testing/status_matchers.h"
#include "services/ingestion/migrations.h"
#include "services/ingestion/stream/delivery_store.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;

// The release before had 0001 to 0004.
constexpr size_t kOlderMigrations = 4;

class DeliveryStorePgTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(events::Migrate(database_.pool()));
    stream_.workspace = "default";
    stream_.id = "s";
    stream_.uid = "uid-s";
  }
  void Migrate() { ASSERT_OK(ApplyMigrations(database_.pool(), "ingestion", Migrations())); }
  void Run(const std::string& sql) {
    ASSERT_OK(database_.pool().Run([&](Transaction& txn) -> absl::Status {
      txn.Exec(sql);
      return absl::OkStatus();
    }));
  }
  void AddStream() {
    Run("INSERT INTO ingestion.streams (workspace, stream_id, uid, definition, owner, create_time, "
        "update_time) VALUES ('default', 's', 'uid-s', '{\"name\": \"streams/s\", \"table\": "
        "\"databases/d/tables/a\"}', 'ada', now(), now())");
  }
  DeliveryCounts CountsOf(const DeliveryKey& key) {
    auto all = store_.Counts(key.stream_uid);
    EXPECT_OK(all);
    for (const DeliveryCounts& each : *all) {
      if (each.log_id == key.log_id && each.destination == key.destination) return each;
    }
    ADD_FAILURE() << "there are no counts of " << key.destination;
    return {};
  }

  TestDatabase database_;
  DeliveryStore store_{database_.pool()};
  Stream stream_;
  const DeliveryKey key_{"uid-s", "log", "databases/d/tables/a"};
};

TEST_F(DeliveryStorePgTest, WhatAnOlderReleaseDeliveredIsTheOnlyDestinations) {
  ASSERT_OK(ApplyMigrations(database_.pool(), "ingestion", Migrations().first(kOlderMigrations)));
  AddStream();
  Run("INSERT INTO ingestion.stream_logs (stream_uid, log_id, wal_uuid, delivered_position, "
      "delivered_records, dead_letter_records) VALUES ('uid-s', 'log', 'wal', 7, 5, 2)");
  Run("INSERT INTO ingestion.dead_letters (stream_uid, log_id, position, payload, reason, field, "
      "message, ingest_time) VALUES ('uid-s', 'log', 9, 'x', 'TYPE_MISMATCH', '', '', now())");
  Migrate();
  ASSERT_OK_AND_ASSIGN(const Lease lease, store_.TakeLog("wal", "holder"));
  ASSERT_OK_AND_ASSIGN(const DeliveryState state, store_.Resume(lease, key_, "wal", 0));
  EXPECT_EQ(state.delivered_position, 7u);
  EXPECT_THAT(state.dead_letters, ElementsAre(9u));
  EXPECT_EQ(CountsOf(key_).delivered_records, 5);
  EXPECT_EQ(CountsOf(key_).waiting_dead_letters, 2);
}

TEST_F(DeliveryStorePgTest, CountsAreExactWhereverTheProcessIsKilled) {
  Migrate();
  AddStream();
  ASSERT_OK_AND_ASSIGN(const Lease lease, store_.TakeLog("wal", "holder"));
  ASSERT_OK(store_.Resume(lease, key_, "wal", 0));
  // Killed before the commit: the batch is prepared again, perhaps with another end.
  for (const uint64_t end : {10u, 8u}) {
    ASSERT_OK(store_.Prepare(
        lease, stream_, key_,
        {.end_position = end,
         .filtered = static_cast<int64_t>(end) - 5,
         .dead_letters = {{.position = 1, .payload = "x", .reason = "TYPE_MISMATCH"}}}));
    ASSERT_OK_AND_ASSIGN(const DeliveryState state, store_.Resume(lease, key_, "wal", 0));
    EXPECT_TRUE(state.has_prepared);
    EXPECT_THAT(state.dead_letters, ElementsAre(1u));
  }
  // And behind the commit: the position is what the catalog has.
  ASSERT_OK(store_.SetDelivered(lease, key_, 8, true));
  ASSERT_OK(store_.SetDelivered(lease, key_, 8, true));
  DeliveryCounts counts = CountsOf(key_);
  EXPECT_EQ(counts.filtered_records, 3);
  EXPECT_EQ(counts.dead_letter_records, 1);
  EXPECT_EQ(counts.delivered_records, 4);
  EXPECT_FALSE(store_.Resume(lease, key_, "wal", 0)->has_prepared);
  // What it does not get because it was added later is no delivery.
  EXPECT_EQ(store_.Resume(lease, key_, "wal", 20)->delivered_position, 20u);
  ASSERT_OK(store_.SetDelivered(lease, key_, 25, true));
  counts = CountsOf(key_);
  EXPECT_EQ(counts.delivered_records, 9);
  EXPECT_EQ(counts.filtered_records, 3);
}

TEST_F(DeliveryStorePgTest, APositionIsMovedByTheLastHolderOfTheLogAlone) {
  Migrate();
  AddStream();
  ASSERT_OK_AND_ASSIGN(const Lease old, store_.TakeLog("wal", "one"));
  ASSERT_OK(store_.Resume(old, key_, "wal", 0));
  ASSERT_OK(store_.TakeLog("wal", "two").status());
  EXPECT_THAT(store_.Resume(old, key_, "wal", 5),
              StatusIs(absl::StatusCode::kAborted, "LEASE_LOST"));
  EXPECT_THAT(store_.Prepare(old, stream_, key_, {.end_position = 5}),
              StatusIs(absl::StatusCode::kAborted, "LEASE_LOST"));
  EXPECT_THAT(store_.SetDelivered(old, key_, 5, true),
              StatusIs(absl::StatusCode::kAborted, "LEASE_LOST"));
  EXPECT_EQ(CountsOf(key_).delivered_position, 0);
}

}  // namespace
}  // namespace tarn::ingestion
