#include "services/query/housekeeper.h"

#include "common/idempotency/idempotency.h"
#include "common/logging/logging.h"

namespace tarn::query {
namespace {

constexpr absl::Duration kPeriod = absl::Minutes(30);
constexpr int64_t kQueriesAtOnce = 1000;
constexpr absl::Duration kWaitForTables = absl::Seconds(1);

}  // namespace

Housekeeper::Housekeeper(QueryOptions options, PostgresPool& pool, QueryStore& store,
                         ResultStore& results, std::function<bool()> is_open)
    : options_(std::move(options)),
      pool_(pool),
      store_(store),
      results_(results),
      is_open_(std::move(is_open)) {}

void Housekeeper::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Housekeeper::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Housekeeper::Run() {
  absl::StatusOr<int64_t> forgotten = kQueriesAtOnce;
  while (forgotten.ok() && *forgotten == kQueriesAtOnce && !stopping_) {
    forgotten = store_.DeleteEndedBefore(absl::Now() - options_.history_retention, kQueriesAtOnce);
  }
  if (!forgotten.ok()) logging::Warn("query", "old history was not removed", forgotten.status());
  const absl::Status responses = idempotency::Purge(pool_, "query").status();
  if (!responses.ok()) logging::Warn("query", "stored responses were not removed", responses);
  results_.RemoveBefore(absl::Now() - options_.result_retention, stopping_);
}

void Housekeeper::Loop() {
  while (!stopping_) {
    const bool open = is_open_();
    if (open) Run();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoMilliseconds(open ? kPeriod : kWaitForTables),
                      [this] { return stopping_.load(); });
  }
}

}  // namespace tarn::query
