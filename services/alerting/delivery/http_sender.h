// Posts over HTTP by libcurl: certificates verified, redirects not followed, answers bounded, and
// connections made only to addresses that the policy allows.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/alerting/delivery/receiver_policy.h"

namespace tarn::alerting {

struct HttpPost {
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpAnswer {
  int status = 0;
  // What the receiver asks to wait (Retry-After), in either of its forms.
  std::optional<absl::Duration> retry_after;
};

// "120" or an HTTP date, seen at `now`. Nothing for what is neither.
std::optional<absl::Duration> ParseRetryAfter(const std::string& text, absl::Time now);

// Thread safe.
class HttpSender {
 public:
  // `proxy` is empty for none: the environment's proxies are not used. With one, `policy` judges
  // the receiver's host as it is written; where its name leads is for the proxy to judge.
  explicit HttpSender(ReceiverPolicy policy, absl::Duration timeout = absl::Seconds(10),
                      std::string proxy = "");

  // UNAVAILABLE with reason RECEIVER_UNREACHABLE where no answer came; the message says why and
  // holds no part of the address. FAILED_PRECONDITION, HOST_NOT_ALLOWED where the policy forbids
  // the host or where it leads: nothing was sent. INVALID_ARGUMENT, INVALID_URL. An answer of any
  // status is OK. At most 64 KiB of it are read.
  absl::StatusOr<HttpAnswer> Post(const HttpPost& post) const;

  // Ends posts under way, and every later one at once.
  void Cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

 private:
  const ReceiverPolicy policy_;
  const absl::Duration timeout_;
  const std::string proxy_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace tarn::alerting
