#include "services/dashboard/http/connect_protocol.h"

#include <charconv>

#include <absl/strings/ascii.h>
#include <nlohmann/json.hpp>

#include "common/http/http_error.h"
#include "common/status/error.h"

namespace tarn::dashboard {
namespace {

constexpr char kEndOfStreamFlag = 2;
constexpr size_t kEnvelopeHead = 5;

std::string Enveloped(char flags, std::string_view message) {
  std::string envelope;
  envelope.reserve(kEnvelopeHead + message.size());
  envelope += flags;
  for (int shift = 24; shift >= 0; shift -= 8) {
    envelope += static_cast<char>((message.size() >> shift) & 0xff);
  }
  envelope += message;
  return envelope;
}

}  // namespace

std::optional<ConnectContentType> ParseContentType(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  absl::StripAsciiWhitespace(&type);
  absl::AsciiStrToLower(&type);
  for (bool streaming : {false, true}) {
    for (ConnectCodec codec : {ConnectCodec::kJson, ConnectCodec::kProto}) {
      if (type == ContentTypeOf({codec, streaming})) return ConnectContentType{codec, streaming};
    }
  }
  return std::nullopt;
}

std::string_view ContentTypeOf(ConnectContentType type) {
  if (type.codec == ConnectCodec::kJson) {
    return type.streaming ? "application/connect+json" : "application/json";
  }
  return type.streaming ? "application/connect+proto" : "application/proto";
}

std::string Envelope(std::string_view message) { return Enveloped(0, message); }

std::string EndOfStream(const absl::Status& status) {
  nlohmann::json end = nlohmann::json::object();
  if (!status.ok()) end["error"] = ErrorObject(status);
  return Enveloped(kEndOfStreamFlag, DumpJson(end));
}

absl::StatusOr<std::string> ParseSingleEnvelope(std::string_view body) {
  size_t length = 0;
  if (body.size() >= kEnvelopeHead) {
    for (size_t i = 1; i < kEnvelopeHead; ++i) {
      length = length << 8 | static_cast<unsigned char>(body[i]);
    }
  }
  if (body.size() < kEnvelopeHead || body[0] != 0 || body.size() - kEnvelopeHead != length) {
    return InvalidArgument("ENVELOPE_INVALID",
                           "the body must be one message that is not compressed, after a byte 0 "
                           "and its length in four bytes");
  }
  return std::string(body.substr(kEnvelopeHead));
}

absl::StatusOr<absl::Duration> ParseTimeout(std::string_view header) {
  if (header.empty()) return absl::InfiniteDuration();
  int64_t milliseconds = 0;
  auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), milliseconds);
  if (error != std::errc() || end != header.data() + header.size() || milliseconds < 0) {
    return InvalidArgument("TIMEOUT_INVALID",
                           "connect-timeout-ms must be a number of milliseconds");
  }
  return absl::Milliseconds(milliseconds);
}

}  // namespace tarn::dashboard
