#include "common/rpc/serving_gate.h"

#include <chrono>

#include <grpcpp/server_context.h>

namespace tarn::rpc {

void ServingGate::Open() {
  std::lock_guard lock(mutex_);
  open_ = true;
}

bool ServingGate::IsOpen() const {
  std::lock_guard lock(mutex_);
  return open_;
}

bool ServingGate::Enter(grpc::ServerContextBase* call) {
  std::lock_guard lock(mutex_);
  if (!open_) return false;
  inside_.insert(call);
  return true;
}

void ServingGate::Leave(grpc::ServerContextBase* call) {
  std::lock_guard lock(mutex_);
  inside_.erase(call);
  if (inside_.empty()) left_.notify_all();
}

bool ServingGate::EnterPlain() {
  std::lock_guard lock(mutex_);
  if (!open_) return false;
  ++plain_inside_;
  return true;
}

void ServingGate::LeavePlain() {
  std::lock_guard lock(mutex_);
  if (--plain_inside_ == 0) left_.notify_all();
}

void ServingGate::CloseAndWait(absl::Duration grace) {
  std::unique_lock lock(mutex_);
  open_ = false;
  auto empty = [this] { return inside_.empty() && plain_inside_ == 0; };
  if (left_.wait_for(lock, absl::ToChronoMilliseconds(grace), empty)) return;
  // Under the lock, so that no call leaves, and its context ends, meanwhile. gRPC runs the
  // reactors' callbacks on other threads.
  for (grpc::ServerContextBase* call : inside_) call->TryCancel();
  left_.wait(lock, empty);
}

}  // namespace tarn::rpc
