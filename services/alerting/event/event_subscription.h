// One stream of SubscribeEvents: a reactor that sends what EventFeed reads for it.
//
// It holds one batch at a time, so that a slow client costs no memory: the feed reads on once
// everything was sent. Methods are called by the feed's thread, reactions by gRPC's; one mutex
// guards the state, and is never held while gRPC is called.
//
// It ends once: by the client's going away, by End, or by a failed write. A client that does not
// read holds up the end until its call is cancelled.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <grpcpp/support/server_callback.h>

#include "tarn/alerting/v1/alerting_service.pb.h"

#include "common/events/event_reader.h"
#include "common/rpc/call_handler.h"

namespace tarn::alerting {

class EventSubscription final : public grpc::ServerWriteReactor<v1::SubscribeEventsResponse>,
                                public std::enable_shared_from_this<EventSubscription> {
 public:
  // `scope` is that of the admitted call. `on_drained` is called when it can take more events, and
  // `on_sent` after each event that went out; what they refer to outlives the reactor.
  EventSubscription(std::unique_ptr<rpc::CallScope> scope,
                    const v1::SubscribeEventsRequest& request, std::optional<events::Cursor> after,
                    std::function<void()> on_drained, std::function<void()> on_sent);

  // Keeps it alive until gRPC is done with it. Once, before the reactor is handed to gRPC.
  void HoldUntilDone() { self_ = shared_from_this(); }

  const events::EventFilter& filter() const { return filter_; }
  absl::Time token_expire_time() const { return token_expire_time_; }
  // Where to read on; nothing as long as it has no place yet. The feed's thread alone.
  const std::optional<events::Cursor>& cursor() const { return cursor_; }
  // Sets the first place and lets the client know, by the initial metadata, that nothing which
  // happens from now on is missed.
  void Begin(events::Cursor cursor);
  bool begun() const { return begun_; }

  // Whether it has sent everything and goes on.
  bool WantsEvents() const;
  bool ended() const;

  // What was read after cursor().
  void Deliver(events::EventBatch batch);
  // Ends the stream after the write under way.
  void End(absl::Status status);

  void OnSendInitialMetadataDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // What is to be done outside the lock.
  enum class Action { kNothing, kMetadata, kWrite, kFinish };
  Action Next();
  void Act(Action action);
  void OnOperationDone(bool ok);

  const std::unique_ptr<rpc::CallScope> scope_;
  const std::string workspace_;
  const std::string subject_;  // "" for any
  const absl::Time token_expire_time_;
  const events::EventFilter filter_;
  const std::function<void()> on_drained_;
  const std::function<void()> on_sent_;
  std::optional<events::Cursor> cursor_;
  bool begun_ = false;
  std::shared_ptr<EventSubscription> self_;

  mutable std::mutex mutex_;
  std::deque<v1::SubscribeEventsResponse> waiting_;
  v1::SubscribeEventsResponse written_;  // gRPC reads it until the write is done
  bool begins_ = false;                  // the initial metadata are to be sent
  bool writing_ = false;                 // an operation is under way
  bool finished_ = false;
  std::optional<absl::Status> end_;  // set: finish when no write is under way
};

}  // namespace tarn::alerting
