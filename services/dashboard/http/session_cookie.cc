#include "services/dashboard/http/session_cookie.h"

#include "tarn/dashboard/v1/auth_service.pb.h"

#include "services/dashboard/identity/identity_manager.h"

namespace tarn::dashboard {
namespace {

constexpr std::string_view kName = "tarn_session=";

std::string Cookie(std::string_view value, int64_t max_age_seconds, bool secure) {
  std::string cookie =
      std::string(kName) + std::string(value) +
      "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(max_age_seconds);
  if (secure) cookie += "; Secure";
  return cookie;
}

// Each proxy adds its value after a comma: the last one is that of the proxy that talks to us,
// which alone is trusted; what stands before it may be the client's.
std::string_view NearestProxys(std::string_view values) {
  std::string_view last = values.substr(values.rfind(',') + 1);
  while (last.starts_with(' ')) last.remove_prefix(1);
  while (last.ends_with(' ')) last.remove_suffix(1);
  return last;
}

}  // namespace

std::string SessionInCookie(const HttpRequest& request) {
  std::string_view cookies = request.Header("cookie");
  while (!cookies.empty()) {
    // Several Cookie headers are joined by commas; a session has neither.
    size_t end = cookies.find_first_of(";,");
    std::string_view cookie = cookies.substr(0, end);
    cookies = end == std::string_view::npos ? std::string_view() : cookies.substr(end + 1);
    while (cookie.starts_with(' ')) cookie.remove_prefix(1);
    if (cookie.starts_with(kName)) return std::string(cookie.substr(kName.size()));
  }
  return "";
}

void FillSession(const HttpRequest& http, google::protobuf::Message* request) {
  if (auto* refresh = dynamic_cast<v1::RefreshSessionRequest*>(request)) {
    if (refresh->session().empty()) refresh->set_session(SessionInCookie(http));
  } else if (auto* sign_out = dynamic_cast<v1::SignOutRequest*>(request)) {
    if (sign_out->session().empty()) sign_out->set_session(SessionInCookie(http));
  }
}

std::optional<std::string> TakeSessionCookie(google::protobuf::Message* response, bool secure) {
  if (auto* signed_in = dynamic_cast<v1::SignInResponse*>(response)) {
    std::string session = signed_in->session();
    signed_in->clear_session();
    return Cookie(session, absl::ToInt64Seconds(kSessionLifetime), secure);
  }
  if (dynamic_cast<v1::SignOutResponse*>(response) != nullptr) return Cookie("", 0, secure);
  return std::nullopt;
}

bool ConcernsSession(std::string_view path) {
  return path == "/tarn.dashboard.v1.AuthService/SignIn" ||
         path == "/tarn.dashboard.v1.AuthService/RefreshSession" ||
         path == "/tarn.dashboard.v1.AuthService/SignOut";
}

bool IsSameOrigin(const HttpRequest& request, bool behind_proxy) {
  std::string_view site = request.Header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return false;
  std::string_view origin = request.Header("origin");
  if (origin.empty()) return true;  // no browser asks across origins without it
  size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view host = request.Header("host");
  if (behind_proxy) {
    std::string_view forwarded = NearestProxys(request.Header("x-forwarded-host"));
    if (!forwarded.empty()) host = forwarded;
  }
  return origin.substr(scheme + 3) == host;
}

bool ForwardedFromHttps(const HttpRequest& request) {
  return NearestProxys(request.Header("x-forwarded-proto")) == "https";
}

}  // namespace tarn::dashboard
