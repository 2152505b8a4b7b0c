// Reads the outbox for every open subscription, from one thread. It wakes up by NOTIFY, when a
// subscription has sent all it had, and every half second. Each subscription has its own place and
// filter, and is read for when it can take more.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/postgres/listener.h"
#include "services/alerting/background_loop.h"
#include "services/alerting/event/event_subscription.h"

namespace tarn {
class Clock;
class PostgresPool;
class StorageOpener;
}  // namespace tarn

namespace tarn::alerting {

struct AlertingMetrics;

// Start and Stop: one thread. Subscribe and Drain: any.
class EventFeed {
 public:
  // All outlive it.
  EventFeed(PostgresPool& pool, const StorageOpener& storage, Clock& clock,
            AlertingMetrics& metrics, int max_subscriptions);
  ~EventFeed();  // Stop
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;

  void Start();
  // The reactor of an admitted call. A request that is refused (INVALID_POSITION;
  // RESOURCE_EXHAUSTED with TOO_MANY_SUBSCRIPTIONS; UNAVAILABLE once drained) ends it at once.
  grpc::ServerWriteReactor<v1::SubscribeEventsResponse>* Subscribe(
      std::unique_ptr<rpc::CallScope> scope, const v1::SubscribeEventsRequest& request);
  // Ends every subscription with UNAVAILABLE, and every later one.
  void Drain();
  void Stop();

 private:
  using Subscriptions = std::list<std::shared_ptr<EventSubscription>>;

  absl::Status Add(std::shared_ptr<EventSubscription> subscription);
  // One look at the outbox for everybody.
  absl::StatusOr<bool> ReadForAll();
  absl::Status ReadFor(EventSubscription& subscription);
  // Those that are open, forgetting the others.
  Subscriptions Open();

  PostgresPool& pool_;
  const StorageOpener& storage_;
  Clock& clock_;
  AlertingMetrics& metrics_;
  const size_t max_subscriptions_;
  std::mutex mutex_;
  Subscriptions subscriptions_;
  bool draining_ = false;
  std::atomic<bool> stop_ = false;
  Listener listener_;
  std::thread listening_;
  // Shared with the subscriptions, which wake it.
  const std::shared_ptr<BackgroundLoop> loop_;
};

}  // namespace tarn::alerting
