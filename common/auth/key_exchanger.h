// Exchanges keys for tokens at dashboard, for producers that show a key with every request. A token
// is kept until shortly before it ends, so that a key costs a call in some minutes, and a key that
// is revoked stops within five. Requests with one key wait for a single call.
//
// Thread safe; nothing but Stop blocks.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace grpc {
class Channel;
}
namespace tarn {
class Clock;
}

namespace tarn::auth {

class KeyExchanger {
 public:
  // The channel to dashboard, asked for at each exchange; an error ends that. `clock` outlives the
  // exchanger.
  using ChannelSource = std::function<absl::StatusOr<std::shared_ptr<grpc::Channel>>()>;
  using Done = std::function<void(absl::StatusOr<std::string> token)>;

  KeyExchanger(ChannelSource dashboard, const Clock& clock)
      : dashboard_(std::move(dashboard)), clock_(clock) {}
  ~KeyExchanger() { Stop(); }

  // Whether a credential is a key rather than a token.
  static bool IsKey(std::string_view credential);

  // `done` is called once, before this returns or on a thread of gRPC. Errors of ExchangeKey:
  // UNAUTHENTICATED with KEY_INVALID, KEY_REVOKED or KEY_EXPIRED; UNAVAILABLE.
  void Exchange(const std::string& key, Done done);

  // Cancels the calls under way and waits until those that asked are answered and their `done` is
  // destroyed.
  void Stop();

 private:
  struct Call;
  // Of one key, which is never kept itself.
  struct Entry {
    absl::StatusOr<std::string> token = absl::UnknownError("not yet asked for");
    absl::Time good_until = absl::InfinitePast();
    std::shared_ptr<Call> call;  // under way
    std::vector<Done> waiting;
  };

  void Finish(const std::string& hash, std::shared_ptr<Call> call, const absl::Status& status);
  void MakeRoom(absl::Time now);

  const ChannelSource dashboard_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable idle_;
  bool stop_ = false;
  int calls_ = 0;
  std::map<std::string, Entry> entries_;  // by the key's SHA-256
};

}  // namespace tarn::auth
