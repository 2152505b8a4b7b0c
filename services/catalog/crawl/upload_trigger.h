// Starts the crawls of crawlers that are to follow uploads (Crawler.on_upload): a subscriber to the
// outbox that queues them in the transaction in which the event counts as handled, so that each
// upload is followed by a crawl that begins after it. Uploads while a crawl waits share it.
//
// Several processes may run one; each event is handled once. Thread safe.
#pragma once

#include <mutex>

#include "common/events/event_subscriber.h"
#include "common/postgres/postgres_pool.h"
#include "services/catalog/change_signal.h"

namespace tarn::catalog {

class UploadTrigger {
 public:
  // Both outlive it; `jobs` is told of what is queued.
  UploadTrigger(PostgresPool& pool, ChangeSignal& jobs);

  // Once PostgreSQL is open. Later calls do nothing; it ends with the object.
  void Start() {
    std::call_once(started_, [this] { subscriber_.Start(); });
  }

 private:
  absl::Status Handle(Transaction& txn, const events::Event& event);

  ChangeSignal& jobs_;
  std::once_flag started_;
  events::EventSubscriber subscriber_;
};

}  // namespace tarn::catalog
