// The page's session as a cookie that scripts cannot read: SignIn's answer sets it and loses the
// session from its body; RefreshSession and SignOut take it where their body has none. Pure; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/http/http_exchange.h"

namespace google::protobuf {
class Message;
}

namespace tarn::dashboard {

// The session in the request's cookie, or "".
std::string SessionInCookie(const HttpRequest& request);

// Puts the cookie's session into a request that takes one and has none.
void FillSession(const HttpRequest& http, google::protobuf::Message* request);

// Takes the session out of SignIn's response; the Set-Cookie header to send, which SignOut's ends.
std::optional<std::string> TakeSessionCookie(google::protobuf::Message* response, bool secure);

// Whether a method has to do with the cookie, so that its messages are looked at.
bool ConcernsSession(std::string_view path);

// Whether a request with the session's cookie comes from our own page. Browsers send the cookie
// along whichever page asks. `behind_proxy`: the address that the browser asked is what the proxy
// in front says (X-Forwarded-Host), where it does; else these headers are anybody's and count for
// nothing.
bool IsSameOrigin(const HttpRequest& request, bool behind_proxy = false);

// Whether the proxy in front says that the browser came by https (X-Forwarded-Proto).
bool ForwardedFromHttps(const HttpRequest& request);

}  // namespace tarn::dashboard
