#include "services/alerting/delivery/http_url.h"

#include <memory>

#include <absl/strings/ascii.h>
#include <curl/curl.h>

#include "common/status/error.h"

namespace tarn::alerting {
namespace {

std::string PartOf(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view url) {
  const absl::Status invalid = InvalidArgument(
      "INVALID_URL", "is not an address such as https://example.com/hook (http or https)");
  for (char c : url) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c)) ||
        absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return invalid;
    }
  }
  std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(), 0) != CURLUE_OK) {
    return invalid;
  }
  HttpUrl result;
  result.scheme = absl::AsciiStrToLower(PartOf(parsed.get(), CURLUPART_SCHEME));
  result.host = absl::AsciiStrToLower(PartOf(parsed.get(), CURLUPART_HOST));
  if ((result.scheme != "http" && result.scheme != "https") || result.host.empty()) return invalid;
  if (!PartOf(parsed.get(), CURLUPART_USER).empty() ||
      !PartOf(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return InvalidArgument("INVALID_URL",
                           "must not hold a user or password; send them in a header");
  }
  std::string port = PartOf(parsed.get(), CURLUPART_PORT);
  result.origin = result.scheme + "://" + result.host + (port.empty() ? "" : ":" + port);
  return result;
}

}  // namespace tarn::alerting
