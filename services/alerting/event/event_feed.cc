#include "services/alerting/event/event_feed.h"

#include "common/clock/clock.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/alerting_metrics.h"
#include "services/alerting/event/event_proto.h"

namespace tarn::alerting {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(500);
constexpr int kBatchSize = 200;

absl::Status Stopping() {
  return Unavailable("MODULE_STOPPING",
                     "alerting is stopping; subscribe again with the last position");
}

}  // namespace

EventFeed::EventFeed(PostgresPool& pool, const StorageOpener& storage, Clock& clock,
                     AlertingMetrics& metrics, int max_subscriptions)
    : pool_(pool),
      storage_(storage),
      clock_(clock),
      metrics_(metrics),
      max_subscriptions_(static_cast<size_t>(max_subscriptions)),
      listener_(pool.options().dsn, std::string(events::kChannel)),
      loop_(std::make_shared<BackgroundLoop>("event feed", kPollInterval,
                                             [this] { return ReadForAll(); })) {}

EventFeed::~EventFeed() { Stop(); }

void EventFeed::Start() {
  loop_->Start(1);
  listening_ = std::thread([this] {
    while (!stop_) {
      // Where PostgreSQL is away it waits out the time: the loop polls in any case.
      listener_.Wait(absl::Seconds(5)).IgnoreError();
      loop_->Wake();
    }
  });
}

void EventFeed::Stop() {
  stop_ = true;
  listener_.Interrupt();
  if (listening_.joinable()) listening_.join();
  loop_->Stop();
}

void EventFeed::Drain() {
  Subscriptions open;
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
    open.swap(subscriptions_);
  }
  for (const auto& subscription : open) subscription->End(Stopping());
}

grpc::ServerWriteReactor<v1::SubscribeEventsResponse>* EventFeed::Subscribe(
    std::unique_ptr<rpc::CallScope> scope, const v1::SubscribeEventsRequest& request) {
  std::optional<events::Cursor> after;
  absl::Status refused;
  if (!request.after_position().empty()) {
    absl::StatusOr<events::Cursor> cursor =
        DecodePosition(scope->context().caller.workspace, request.after_position());
    if (cursor.ok()) {
      after = *cursor;
    } else {
      refused = cursor.status();
    }
  }
  auto subscription = std::make_shared<EventSubscription>(
      std::move(scope), request, after, [loop = loop_] { loop->Wake(); },
      [&sent = metrics_.events_sent] { sent.Increment(); });
  subscription->HoldUntilDone();
  // A reactor may be used before it is handed to gRPC: what it starts is done then.
  EventSubscription* reactor = subscription.get();
  if (refused.ok()) refused = Add(subscription);
  if (refused.ok()) {
    loop_->Wake();
  } else {
    subscription->End(std::move(refused));
  }
  return reactor;
}

absl::Status EventFeed::Add(std::shared_ptr<EventSubscription> subscription) {
  std::lock_guard lock(mutex_);
  if (draining_) return Stopping();
  if (subscriptions_.size() >= max_subscriptions_) {
    return ResourceExhausted("TOO_MANY_SUBSCRIPTIONS",
                             "there are " + std::to_string(max_subscriptions_) +
                                 " subscriptions already; end one, or raise "
                                 "alerting.max_subscriptions");
  }
  subscriptions_.push_back(std::move(subscription));
  metrics_.subscriptions.Set(static_cast<double>(subscriptions_.size()));
  return absl::OkStatus();
}

EventFeed::Subscriptions EventFeed::Open() {
  std::lock_guard lock(mutex_);
  subscriptions_.remove_if([](const auto& subscription) { return subscription->ended(); });
  metrics_.subscriptions.Set(static_cast<double>(subscriptions_.size()));
  return subscriptions_;
}

absl::StatusOr<bool> EventFeed::ReadForAll() {
  Subscriptions open = Open();
  for (const auto& subscription : open) {
    if (clock_.Now() >= subscription->token_expire_time()) {
      subscription->End(Unauthenticated(
          "TOKEN_EXPIRED", "the token has expired; subscribe again with the last position"));
    }
  }
  if (open.empty()) return false;
  TARN_RETURN_IF_ERROR(storage_.Check());
  for (const auto& subscription : open) {
    if (subscription->WantsEvents()) TARN_RETURN_IF_ERROR(ReadFor(*subscription));
  }
  return false;
}

absl::Status EventFeed::ReadFor(EventSubscription& subscription) {
  if (!subscription.begun()) {
    events::Cursor first;
    if (subscription.cursor().has_value()) {
      first = *subscription.cursor();
    } else {
      TARN_ASSIGN_OR_RETURN(first, events::LatestCursor(pool_));
    }
    subscription.Begin(first);
    return absl::OkStatus();
  }
  TARN_ASSIGN_OR_RETURN(
      events::EventBatch batch,
      events::ReadEvents(pool_, *subscription.cursor(), kBatchSize, subscription.filter()));
  subscription.Deliver(std::move(batch));
  return absl::OkStatus();
}

}  // namespace tarn::alerting
