#include "services/alerting/event/event_subscription.h"

#include "services/alerting/event/event_proto.h"

namespace tarn::alerting {
namespace {

events::EventFilter FilterOf(const std::string& workspace,
                             const v1::SubscribeEventsRequest& request) {
  events::EventFilter filter{.workspace = workspace};
  if (!request.type_prefix().empty()) filter.type_prefixes = {request.type_prefix()};
  return filter;
}

}  // namespace

EventSubscription::EventSubscription(std::unique_ptr<rpc::CallScope> scope,
                                     const v1::SubscribeEventsRequest& request,
                                     std::optional<events::Cursor> after,
                                     std::function<void()> on_drained,
                                     std::function<void()> on_sent)
    : scope_(std::move(scope)),
      workspace_(scope_->context().caller.workspace),
      subject_(request.subject()),
      token_expire_time_(scope_->context().token_expire_time),
      filter_(FilterOf(workspace_, request)),
      on_drained_(std::move(on_drained)),
      on_sent_(std::move(on_sent)),
      cursor_(after) {}

bool EventSubscription::WantsEvents() const {
  std::lock_guard lock(mutex_);
  return !finished_ && !end_.has_value() && !writing_ && waiting_.empty();
}

bool EventSubscription::ended() const {
  std::lock_guard lock(mutex_);
  return finished_ || end_.has_value();
}

EventSubscription::Action EventSubscription::Next() {
  if (writing_ || finished_) return Action::kNothing;
  if (end_.has_value()) {
    finished_ = true;
    return Action::kFinish;
  }
  if (begins_) {
    begins_ = false;
    writing_ = true;
    return Action::kMetadata;
  }
  if (waiting_.empty()) return Action::kNothing;
  written_ = std::move(waiting_.front());
  waiting_.pop_front();
  writing_ = true;
  return Action::kWrite;
}

void EventSubscription::Act(Action action) {
  if (action == Action::kMetadata) {
    StartSendInitialMetadata();
  } else if (action == Action::kWrite) {
    StartWrite(&written_);
  } else if (action == Action::kFinish) {
    // Nobody changes end_ any more. The scope is left before gRPC may call OnDone.
    grpc::Status status = scope_->Finish(*end_);
    Finish(status);
  }
}

void EventSubscription::Begin(events::Cursor cursor) {
  cursor_ = cursor;
  begun_ = true;
  Action action;
  {
    std::lock_guard lock(mutex_);
    begins_ = true;
    action = Next();
  }
  Act(action);
}

void EventSubscription::Deliver(events::EventBatch batch) {
  cursor_ = batch.next;
  Action action;
  {
    std::lock_guard lock(mutex_);
    for (const events::Event& event : batch.events) {
      if (!subject_.empty() && event.subject != subject_) continue;
      v1::SubscribeEventsResponse& response = waiting_.emplace_back();
      *response.mutable_event() = ToProto(event);
      response.set_position(EncodePosition(workspace_, event.position));
    }
    action = Next();
  }
  Act(action);
}

void EventSubscription::End(absl::Status status) {
  Action action;
  {
    std::lock_guard lock(mutex_);
    if (!end_.has_value()) end_ = std::move(status);
    action = Next();
  }
  Act(action);
}

void EventSubscription::OnSendInitialMetadataDone(bool ok) { OnOperationDone(ok); }

void EventSubscription::OnWriteDone(bool ok) {
  if (ok) on_sent_();
  OnOperationDone(ok);
}

void EventSubscription::OnOperationDone(bool ok) {
  Action action;
  bool drained;
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok && !end_.has_value()) end_ = absl::CancelledError("the subscriber went away");
    action = Next();
    drained = action == Action::kNothing && !finished_;
  }
  if (drained) on_drained_();
  Act(action);
}

void EventSubscription::OnCancel() { End(absl::CancelledError("the subscriber went away")); }

void EventSubscription::OnDone() {
  // The last reference, unless the feed has one.
  std::shared_ptr<EventSubscription> self = std::move(self_);
}

}  // namespace tarn::alerting
