#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "common/events/event.h"
#include "common/events/event_reader.h"
#include "common/events/event_subscriber.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/testing/test_database.h"
#include "common/status/error.h"

namespace tarn::events {
namespace {

absl::Status MigrateAll(PostgresPool& pool) {
  if (absl::Status status = Migrate(pool); !status.ok()) return status;
  return pool.Run([](Transaction& txn) -> absl::Status {
    txn.ExecScript("CREATE TABLE effects (n bigserial, subject text)");
    return absl::OkStatus();
  });
}

Event Of(const std::string& subject, const std::string& type = "tarn.test.thing.made") {
  return {.workspace = "default", .type = type, .source = "test", .subject = subject};
}

std::vector<std::string> Subjects(const std::vector<Event>& events) {
  std::vector<std::string> subjects;
  for (const Event& event : events) subjects.push_back(event.subject);
  return subjects;
}

using Strings = std::vector<std::string>;

class EventsPgTest : public ::testing::Test {
 protected:
  void Write(const Event& event) {
    absl::Status status = db_.pool().Run([&](Transaction& txn) { return Append(txn, event); });
    ASSERT_TRUE(status.ok()) << status;
  }

  EventBatch Read(const Cursor& cursor, int limit = 100, const EventFilter& filter = {}) {
    auto batch = ReadEvents(db_.pool(), cursor, limit, filter);
    EXPECT_TRUE(batch.ok()) << batch.status();
    return batch.ok() ? *batch : EventBatch{};
  }

  TestDatabase db_{MigrateAll};
};

TEST_F(EventsPgTest, ComeBackAsWrittenWithIdAndTime) {
  Event event = Of("a");
  event.data = R"({"n": 1})";
  event.request_id = "r1";
  Write(event);
  EventBatch batch = Read({});
  ASSERT_EQ(batch.events.size(), 1u);
  const Event& read = batch.events[0];
  EXPECT_EQ(read.id.size(), 36u);
  EXPECT_EQ(read.type, "tarn.test.thing.made");
  EXPECT_EQ(read.data, R"({"n": 1})");
  EXPECT_EQ(read.request_id, "r1");
  EXPECT_LT(absl::AbsDuration(absl::Now() - read.time), absl::Minutes(5));
}

TEST_F(EventsPgTest, APageEndsWhereTheNextBegins) {
  for (const char* subject : {"a", "b", "c"}) Write(Of(subject));
  EventBatch first = Read({}, 2);
  EXPECT_EQ(Subjects(first.events), (Strings{"a", "b"}));
  EventBatch second = Read(first.next, 2);
  EXPECT_EQ(Subjects(second.events), (Strings{"c"}));
  EXPECT_TRUE(Read(second.next).events.empty());
  Write(Of("d"));
  EXPECT_EQ(Subjects(Read(second.next).events), (Strings{"d"}));
}

TEST_F(EventsPgTest, AFilterSkipsWithoutLosing) {
  Write(Of("a", "tarn.x.made"));
  Write(Of("b", "tarn.y.made"));
  Write(Of("c", "tarn.z_.made"));
  EventBatch batch = Read({}, 100, {.type_prefixes = {"tarn.y.", "tarn.z"}});
  EXPECT_EQ(Subjects(batch.events), (Strings{"b", "c"}));
  EXPECT_TRUE(Read({}, 100, {.workspace = "other"}).events.empty());
  EXPECT_TRUE(Read(batch.next).events.empty());
}

TEST_F(EventsPgTest, ALateCommitOfAnOlderTransactionIsNotSkipped) {
  Cursor cursor;
  Strings seen;
  auto read_on = [&] {
    EventBatch batch = Read(cursor);
    cursor = batch.next;
    for (const std::string& subject : Subjects(batch.events)) seen.push_back(subject);
  };
  Write(Of("first"));
  absl::Status status = db_.pool().Run([&](Transaction& txn) -> absl::Status {
    absl::Status appended = Append(txn, Of("late"));  // has its xid from here on
    Write(Of("early"));
    read_on();
    EXPECT_EQ(seen, (Strings{"first"}));  // "early" waits for "late"
    return appended;
  });
  ASSERT_TRUE(status.ok()) << status;
  read_on();
  EXPECT_EQ(seen, (Strings{"first", "late", "early"}));
}

TEST_F(EventsPgTest, AnEventOfARolledBackTransactionNeverWas) {
  absl::Status status = db_.pool().Run([&](Transaction& txn) -> absl::Status {
    EXPECT_TRUE(Append(txn, Of("a")).ok());
    return FailedPrecondition("NO", "no");
  });
  EXPECT_EQ(ErrorReason(status), "NO");
  EXPECT_TRUE(Read({}).events.empty());
}

TEST_F(EventsPgTest, AnIncompleteEventIsRefused) {
  auto append = [&](const Event& event) {
    return ErrorReason(db_.pool().Run([&](Transaction& txn) { return Append(txn, event); }));
  };
  Event bad_data = Of("a");
  bad_data.data = "{";
  EXPECT_EQ(append(bad_data), "INVALID_EVENT");
  EXPECT_EQ(append(Of("a", "")), "INVALID_EVENT");
}

TEST_F(EventsPgTest, OldEventsAreDeleted) {
  Event old = Of("old");
  old.time = absl::Now() - absl::Hours(48);
  Write(old);
  Write(Of("new"));
  EXPECT_EQ(DeleteOlderThan(db_.pool(), absl::Hours(24)).value(), 1);
  EXPECT_EQ(Subjects(Read({}).events), (Strings{"new"}));
}

// Collects what a handler was given; waits for a number of events.
class Seen {
 public:
  void Add(const std::string& subject) {
    std::lock_guard lock(mutex_);
    subjects_.push_back(subject);
    changed_.notify_all();
  }
  Strings WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return subjects_.size() >= count; });
    return subjects_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Strings subjects_;
};

class EventSubscriberPgTest : public EventsPgTest {
 protected:
  static absl::Status Effect(Transaction& txn, const Event& event) {
    txn.Exec("INSERT INTO effects (subject) VALUES ($1)", event.subject);
    return absl::OkStatus();
  }

  Strings Effects() {
    auto effects = db_.pool().Run([](Transaction& txn) -> absl::StatusOr<Strings> {
      Strings subjects;
      for (const Row& row : txn.Exec("SELECT subject FROM effects ORDER BY n")) {
        subjects.push_back(row.Get<std::string>("subject"));
      }
      return subjects;
    });
    return effects.value_or(Strings{"error"});
  }

  // Until the effects are `expected`, or half a minute.
  void ExpectEffects(const Strings& expected) {
    absl::Time deadline = absl::Now() + absl::Seconds(30);
    Strings effects;
    while ((effects = Effects()) != expected && absl::Now() < deadline) std::this_thread::yield();
    EXPECT_EQ(effects, expected);
  }
};

TEST_F(EventSubscriberPgTest, HandlesOldAndNewEventsInOrder) {
  Write(Of("a"));
  EventSubscriber subscriber(db_.pool(), {.name = "s"}, Effect);
  subscriber.Start();
  Write(Of("b"));
  Write(Of("c"));
  ExpectEffects({"a", "b", "c"});
}

TEST_F(EventSubscriberPgTest, GoesOnWhereItStopped) {
  Write(Of("a"));
  {
    EventSubscriber subscriber(db_.pool(), {.name = "s"}, Effect);
    subscriber.Start();
    ExpectEffects({"a"});
  }
  Write(Of("b"));
  EventSubscriber subscriber(db_.pool(), {.name = "s"}, Effect);
  subscriber.Start();
  ExpectEffects({"a", "b"});
}

TEST_F(EventSubscriberPgTest, AFailedEventIsTriedAgainBeforeTheNext) {
  Write(Of("a"));
  Write(Of("b"));
  Seen seen, errors;
  std::atomic<int> failures = 2;
  SubscriberOptions options{.name = "s", .max_backoff = absl::Milliseconds(1)};
  options.on_error = [&](const absl::Status& status, const Event* event) {
    errors.Add(ErrorReason(status) + " " + (event != nullptr ? event->subject : ""));
  };
  EventSubscriber subscriber(db_.pool(), options, [&](Transaction& txn, const Event& event) {
    seen.Add(event.subject);
    Effect(txn, event).IgnoreError();
    return failures-- > 0 ? FailedPrecondition("NOT_YET", "not yet") : absl::OkStatus();
  });
  subscriber.Start();
  EXPECT_EQ(seen.WaitFor(4), (Strings{"a", "a", "a", "b"}));
  EXPECT_EQ(errors.WaitFor(2), (Strings{"NOT_YET a", "NOT_YET a"}));
  ExpectEffects({"a", "b"});
}

TEST_F(EventSubscriberPgTest, TwoOfOneNameShareTheWork) {
  EventSubscriber first(db_.pool(), {.name = "s", .poll_interval = absl::Milliseconds(20)}, Effect);
  EventSubscriber second(db_.pool(), {.name = "s", .poll_interval = absl::Milliseconds(20)},
                         Effect);
  first.Start();
  second.Start();
  Strings expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back(std::to_string(i));
    Write(Of(expected.back()));
  }
  ExpectEffects(expected);
}

TEST_F(EventSubscriberPgTest, ALatestOneBeginsWithWhatComes) {
  Write(Of("old"));
  EventSubscriber subscriber(db_.pool(), {.name = "s", .begin = SubscriberOptions::Begin::kLatest},
                             Effect);
  subscriber.Start();
  absl::Time deadline = absl::Now() + absl::Seconds(30);
  auto registered = [&] {
    return db_.pool()
        .Run([](Transaction& txn) -> absl::StatusOr<bool> {
          return !txn.Exec("SELECT 1 FROM events.cursors").empty();
        })
        .value_or(false);
  };
  while (!registered() && absl::Now() < deadline) std::this_thread::yield();
  Write(Of("new"));
  ExpectEffects({"new"});
}

TEST_F(EventSubscriberPgTest, SurvivesBrokenConnections) {
  EventSubscriber subscriber(db_.pool(), {.name = "s", .max_backoff = absl::Milliseconds(10)},
                             Effect);
  subscriber.Start();
  Write(Of("a"));
  ExpectEffects({"a"});
  db_.BreakConnections();
  Write(Of("b"));
  ExpectEffects({"a", "b"});
}

}  // namespace
}  // namespace tarn::events
