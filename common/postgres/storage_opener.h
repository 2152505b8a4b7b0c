// Opens a module's tables: runs its migrations (and what else must stand before the first call),
// again and again until it works, so that a PostgreSQL that is down at the start delays a module
// and does not end it. Until then Check tells callers why not.
//
// The one way in which modules do this: the module's parts hold one, its service refuses every call
// with Check, its loops rest until Check is OK, and Ready starts with it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <absl/status/status.h>

namespace tarn {

// Check may be called from any thread; Start and Stop from one. Everything that `open` uses must
// outlive it.
class StorageOpener {
 public:
  // `open` is called by one thread at a time, and never again once it was OK.
  StorageOpener(std::string module, std::function<absl::Status()> open);
  ~StorageOpener() { Stop(); }
  StorageOpener(const StorageOpener&) = delete;
  StorageOpener& operator=(const StorageOpener&) = delete;

  // Tries once, so that a database that is there is open when it returns; goes on in a thread of
  // its own when that fails. Once.
  void Start();
  // Ends the retry; a try that is under way ends first. Idempotent.
  void Stop();

  // OK once open. Before: UNAVAILABLE with the reason and message of the last failure (or
  // DATABASE_NOT_READY where it had no reason), since the caller did nothing wrong.
  absl::Status Check() const;

 private:
  bool TryOnce();
  void RetryLoop();

  const std::string module_;
  const std::function<absl::Status()> open_;
  mutable std::mutex mutex_;
  std::condition_variable stop_;
  absl::Status status_;
  bool stopping_ = false;
  bool failure_logged_ = false;
  std::thread thread_;
};

}  // namespace tarn
