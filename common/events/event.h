// The events of all modules, and how they are written: one outbox (PostgreSQL schema `events`) in
// the transaction of the change that they tell of.
//
//   pool.Run([&](Transaction& txn) -> absl::Status {
//     txn.Exec("INSERT INTO catalog.snapshots …");
//     return events::Append(txn, {.workspace = ws, .type = "tarn.catalog.table.snapshot_created",
//                                 .source = "catalog", .subject = "databases/d/tables/t",
//                                 .data = R"({"snapshot": 7})"});
//   });
//
// Reading is in event_reader.h and event_subscriber.h. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/postgres/transaction.h"

namespace tarn {

class PostgresPool;

namespace events {

// The channel of NOTIFY on which a commit with events is announced.
inline constexpr std::string_view kChannel = "tarn_events";

// A place in the stream. Order is (xid, seq): by transaction, then as appended.
struct Cursor {
  uint64_t xid = 0;  // 0, 0: before everything
  int64_t seq = 0;
  friend auto operator<=>(const Cursor&, const Cursor&) = default;
};

struct Event {
  std::string id;                          // UUID; Append makes one when it is empty
  std::string workspace;                   // required
  std::string type;                        // required: "tarn.<module>.<resource>.<past tense>"
  std::string source;                      // required: the module, or what a user's event names
  std::string subject;                     // resource name
  absl::Time time = absl::InfinitePast();  // InfinitePast: the transaction's time
  std::string data = "{}";                 // JSON
  std::string request_id;
  Cursor position;  // set when read
};

// Creates and migrates schema `events`. Every process that uses events calls it at start.
absl::Status Migrate(PostgresPool& pool);

// Adds `event` to the transaction and announces it after COMMIT. Data of a shape that PostgreSQL
// does not take for JSON is INVALID_ARGUMENT, as is a missing required field (INVALID_EVENT).
absl::Status Append(Transaction& txn, const Event& event);

// Deletes events older than `age`, at most `limit` at once so that nothing waits long; how many.
// Subscribers that are further behind lose them.
absl::StatusOr<int64_t> DeleteOlderThan(PostgresPool& pool, absl::Duration age,
                                        int64_t limit = 10'000);

// CloudEvents 1.0 in structured JSON form. Extensions: `tarnworkspace`, `tarnrequestid`.
std::string ToCloudEventJson(const Event& event);

}  // namespace events
}  // namespace tarn
