// The door of a module: which calls may come in, and when the last one has left.
//
// A server answers before its module has started (health must), so until then calls are refused. At
// the end the door shuts while the server stays: gRPC's in-process transport crashes on a call that
// is made to a server that was shut down, so servers end only when no module can call any more.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <unordered_set>

#include <absl/time/time.h>

namespace grpc {
class ServerContextBase;
}

namespace tarn::rpc {

// Thread safe. The process runner opens and closes it; CallHandler enters and leaves. Handlers that
// do without CallHandler (a generic service) must do so themselves.
class ServingGate {
 public:
  void Open();
  bool IsOpen() const;

  // Lets a call in, or says false. `call` must stay valid until Leave.
  bool Enter(grpc::ServerContextBase* call);
  void Leave(grpc::ServerContextBase* call);

  // The same for a call that is not gRPC's, which nobody can cancel: it ends soon by itself.
  bool EnterPlain();
  void LeavePlain();

  // Lets nobody in from now on, waits for those inside, cancels those that are left after `grace`,
  // and waits until they, too, have left.
  void CloseAndWait(absl::Duration grace);

 private:
  mutable std::mutex mutex_;
  std::condition_variable left_;
  bool open_ = false;
  std::unordered_set<grpc::ServerContextBase*> inside_;
  size_t plain_inside_ = 0;
};

}  // namespace tarn::rpc
