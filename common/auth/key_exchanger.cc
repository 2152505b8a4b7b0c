#include "common/auth/key_exchanger.h"

#include <chrono>
#include <utility>

#include <grpcpp/client_context.h>
#include <openssl/sha.h>

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/clock/clock.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"

namespace tarn::auth {
namespace {

constexpr std::string_view kKeyPrefix = "tarn_";
constexpr size_t kMaxKeyBytes = 256;
constexpr size_t kMaxEntries = 10'000;
constexpr auto kTimeout = std::chrono::seconds(5);
constexpr absl::Duration kRenewBefore = absl::Seconds(60);
// How long a key that was refused is refused without asking again.
constexpr absl::Duration kRefusalKept = absl::Seconds(5);

std::string HashOf(const std::string& key) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

}  // namespace

struct KeyExchanger::Call {
  std::unique_ptr<dashboard::v1::AuthService::Stub> stub;
  grpc::ClientContext context;
  dashboard::v1::ExchangeKeyRequest request;
  dashboard::v1::ExchangeKeyResponse response;
};

bool KeyExchanger::IsKey(std::string_view credential) {
  return credential.substr(0, kKeyPrefix.size()) == kKeyPrefix;
}

void KeyExchanger::Exchange(const std::string& key, Done done) {
  if (key.size() > kMaxKeyBytes) {
    return done(Unauthenticated("KEY_INVALID", "the bearer credential is no key of Tarn"));
  }
  const std::string hash = HashOf(key);
  std::shared_ptr<Call> call;
  {
    std::unique_lock lock(mutex_);
    const absl::Time now = clock_.Now();
    Entry* entry = nullptr;
    if (const auto found = entries_.find(hash); found != entries_.end()) {
      entry = &found->second;
    }
    if (entry != nullptr && now < entry->good_until) {
      absl::StatusOr<std::string> token = entry->token;
      lock.unlock();
      return done(std::move(token));
    }
    if (stop_) {
      lock.unlock();
      return done(Unavailable("MODULE_NOT_SERVING", "the module is stopping; try again"));
    }
    if (entry == nullptr) {
      MakeRoom(now);
      entry = &entries_[hash];
    }
    entry->waiting.push_back(std::move(done));
    if (entry->call != nullptr) return;
    call = std::make_shared<Call>();
    entry->call = call;
    ++calls_;
  }
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = dashboard_();
  if (!channel.ok()) return Finish(hash, std::move(call), channel.status());
  call->stub = dashboard::v1::AuthService::NewStub(*channel);
  call->request.set_key(key);
  call->context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  call->stub->async()->ExchangeKey(&call->context, &call->request, &call->response,
                                   [this, hash, call](const grpc::Status& status) mutable {
                                     Finish(hash, std::move(call), rpc::FromGrpcStatus(status));
                                   });
}

void KeyExchanger::Finish(const std::string& hash, std::shared_ptr<Call> call,
                          const absl::Status& status) {
  const absl::StatusOr<std::string> token =
      status.ok() ? absl::StatusOr<std::string>(call->response.token()) : status;
  std::vector<Done> waiting;
  {
    std::lock_guard lock(mutex_);
    Entry& entry = entries_[hash];
    waiting = std::move(entry.waiting);
    entry.waiting.clear();
    entry.call = nullptr;
    entry.token = token;
    entry.good_until = absl::InfinitePast();
    if (status.ok()) {
      entry.good_until =
          absl::FromUnixSeconds(call->response.expire_time().seconds()) - kRenewBefore;
    } else if (status.code() == absl::StatusCode::kUnauthenticated) {
      entry.good_until = clock_.Now() + kRefusalKept;
    }
  }
  for (const Done& done : waiting) done(token);
  // What they hold, such as a request's responder, must be gone when Stop returns, and so must the
  // call, which holds its channel.
  waiting.clear();
  call.reset();
  std::lock_guard lock(mutex_);
  if (--calls_ == 0) idle_.notify_all();
}

// Under the lock.
void KeyExchanger::MakeRoom(absl::Time now) {
  if (entries_.size() < kMaxEntries) return;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const bool idle = entry->second.call == nullptr;
    entry = idle && entry->second.good_until <= now ? entries_.erase(entry) : std::next(entry);
  }
  // So many keys at once are guesses: those that are good are asked for again.
  if (entries_.size() < kMaxEntries) return;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry = entry->second.call == nullptr ? entries_.erase(entry) : std::next(entry);
  }
}

void KeyExchanger::Stop() {
  std::vector<std::shared_ptr<Call>> open;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    for (auto& [hash, entry] : entries_) {
      if (entry.call != nullptr) open.push_back(entry.call);
    }
  }
  for (const auto& call : open) call->context.TryCancel();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return calls_ == 0; });
}

}  // namespace tarn::auth
