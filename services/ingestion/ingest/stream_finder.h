// Finds a stream by its name without blocking whoever asks: one that is known is answered at once,
// any other is looked up in PostgreSQL by a thread of its own.
//
// Thread safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <absl/status/statusor.h>

#include "services/ingestion/stream/stream_registry.h"

namespace tarn::ingestion {

class StreamFinder {
 public:
  using Found = std::function<void(absl::StatusOr<StreamPtr>)>;

  explicit StreamFinder(StreamRegistry& registry) : registry_(registry) {}
  ~StreamFinder() { Stop(); }

  // `name` is `streams/{stream}`. `found` is called once, before this returns or on the finder's
  // thread. INVALID_ARGUMENT (INVALID_RESOURCE_NAME), NOT_FOUND (STREAM_NOT_FOUND), UNAVAILABLE
  // while PostgreSQL is away; RESOURCE_EXHAUSTED (OVERLOADED) when too many wait for it.
  void Find(const std::string& workspace, const std::string& name, Found found);

  // Answers what still waits with UNAVAILABLE; when it returns, the finder calls nobody any more
  // but from Find. What the answers need must be there until then.
  void Stop();

 private:
  struct Lookup {
    std::string workspace;
    std::string id;
    Found found;
  };

  void Run();

  StreamRegistry& registry_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Lookup> lookups_;
  bool stop_ = false;
  std::thread thread_;  // from the first lookup on
};

}  // namespace tarn::ingestion
