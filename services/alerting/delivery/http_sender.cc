#include "services/alerting/delivery/http_sender.h"

#include <memory>
#include <mutex>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <curl/curl.h>
#include <sys/socket.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/delivery/http_url.h"

namespace tarn::alerting {
namespace {

constexpr size_t kMaxAnswerBytes = 64 * 1024;

struct Exchange {
  const std::atomic<bool>* cancelled = nullptr;
  // Null: with a proxy, the connection is to the proxy.
  const ReceiverPolicy* policy = nullptr;
  std::string host;
  bool refused = false;
  size_t answer_bytes = 0;
  bool answer_too_large = false;
  std::string retry_after;
};

// The answer's body is of no use to us; what is too long is cut off.
size_t OnBody(char*, size_t size, size_t count, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  exchange->answer_bytes += size * count;
  exchange->answer_too_large = exchange->answer_bytes > kMaxAnswerBytes;
  return exchange->answer_too_large ? 0 : size * count;
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  constexpr absl::string_view kName = "retry-after:";
  absl::string_view line(data, size * count);
  if (absl::StartsWithIgnoreCase(line, kName)) {
    static_cast<Exchange*>(user)->retry_after =
        std::string(absl::StripAsciiWhitespace(line.substr(kName.size())));
  }
  return size * count;
}

// Called with each address that is about to be connected to: what was looked up a moment ago, not
// what a name led to when the channel was made.
curl_socket_t OnOpenSocket(void* user, curlsocktype, curl_sockaddr* target) {
  auto* exchange = static_cast<Exchange*>(user);
  if (exchange->policy != nullptr) {
    const std::optional<IpAddress> address = IpAddress::FromSocket(target->addr);
    if (!address.has_value() || !exchange->policy->MayConnect(exchange->host, *address)) {
      exchange->refused = true;
      return CURL_SOCKET_BAD;
    }
  }
  return ::socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return *static_cast<Exchange*>(user)->cancelled ? 1 : 0;
}

void InitializeOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::optional<absl::Duration> ParseRetryAfter(const std::string& text, absl::Time now) {
  int64_t seconds = 0;
  if (absl::SimpleAtoi(text, &seconds)) {
    if (seconds < 0) return std::nullopt;
    return absl::Seconds(seconds);
  }
  const time_t date = text.empty() ? -1 : curl_getdate(text.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return std::max(absl::FromTimeT(date) - now, absl::ZeroDuration());
}

HttpSender::HttpSender(ReceiverPolicy policy, absl::Duration timeout, std::string proxy)
    : policy_(std::move(policy)), timeout_(timeout), proxy_(std::move(proxy)) {
  InitializeOnce();
}

absl::StatusOr<HttpAnswer> HttpSender::Post(const HttpPost& post) const {
  TARN_ASSIGN_OR_RETURN(const HttpUrl url, ParseHttpUrl(post.url));
  TARN_RETURN_IF_ERROR(policy_.CheckHost(url.host));
  std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  curl_slist* list = nullptr;
  for (const auto& [name, value] : post.headers) {
    // "Name;" is how libcurl writes a header without a value.
    list = curl_slist_append(
        list, (value.empty() ? absl::StrCat(name, ";") : absl::StrCat(name, ": ", value)).c_str());
  }
  list = curl_slist_append(list, "Expect:");
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, curl_slist_free_all);

  Exchange exchange{
      .cancelled = &cancelled_, .policy = proxy_.empty() ? &policy_ : nullptr, .host = url.host};
  CURL* handle = curl.get();
  curl_easy_setopt(handle, CURLOPT_URL, post.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_PROXY, proxy_.c_str());
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, OnOpenSocket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(timeout_)));
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, post.body.c_str());
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "tarn-alerting");
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);

  const CURLcode code = curl_easy_perform(handle);
  if (code != CURLE_OK && exchange.refused) {
    return FailedPrecondition(
        "HOST_NOT_ALLOWED",
        "the receiver's host leads to an address that channels may not post to (this server, a "
        "private network, or none of alerting.allowed_hosts); an operator can allow it by name or "
        "address in alerting.allowed_hosts");
  }
  if (code != CURLE_OK && !exchange.answer_too_large) {
    return Unavailable("RECEIVER_UNREACHABLE", curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return HttpAnswer{static_cast<int>(status), ParseRetryAfter(exchange.retry_after, absl::Now())};
}

}  // namespace tarn::alerting
