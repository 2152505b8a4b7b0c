// Forgets what is old, on a thread of its own so that a slow file system holds up nothing else:
// history, kept results and stored responses. Several processes may do so at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "common/postgres/postgres_pool.h"
#include "services/query/query_options.h"
#include "services/query/query_store.h"
#include "services/query/result_store.h"

namespace tarn::query {

class Housekeeper {
 public:
  // `is_open` tells whether the tables are there. All references outlive it.
  Housekeeper(QueryOptions options, PostgresPool& pool, QueryStore& store, ResultStore& results,
              std::function<bool()> is_open);
  ~Housekeeper() { Stop(); }

  void Start();
  // Ends between two days of results; waits for that.
  void Stop();

  // One round.
  void Run();

 private:
  void Loop();

  const QueryOptions options_;
  PostgresPool& pool_;
  QueryStore& store_;
  ResultStore& results_;
  const std::function<bool()> is_open_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace tarn::query
