#include "services/dashboard/http/connect_protocol.h"

#include <charconv>

#include <absl/strings/ascii.h>
#include <absl/strings/cord.h>
#include <absl/strings/escaping.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"

namespace tarn::dashboard {
namespace {

constexpr char kEndOfStreamFlag = 2;
constexpr size_t kEnvelopeHead = 5;

struct CodeForm {
  std::string_view name;
  int http_status;
};

CodeForm FormOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
      return {"canceled", 499};
    case absl::StatusCode::kInvalidArgument:
      return {"invalid_argument", 400};
    case absl::StatusCode::kDeadlineExceeded:
      return {"deadline_exceeded", 504};
    case absl::StatusCode::kNotFound:
      return {"not_found", 404};
    case absl::StatusCode::kAlreadyExists:
      return {"already_exists", 409};
    case absl::StatusCode::kPermissionDenied:
      return {"permission_denied", 403};
    case absl::StatusCode::kResourceExhausted:
      return {"resource_exhausted", 429};
    case absl::StatusCode::kFailedPrecondition:
      return {"failed_precondition", 400};
    case absl::StatusCode::kAborted:
      return {"aborted", 409};
    case absl::StatusCode::kOutOfRange:
      return {"out_of_range", 400};
    case absl::StatusCode::kUnimplemented:
      return {"unimplemented", 501};
    case absl::StatusCode::kInternal:
      return {"internal", 500};
    case absl::StatusCode::kUnavailable:
      return {"unavailable", 503};
    case absl::StatusCode::kDataLoss:
      return {"data_loss", 500};
    case absl::StatusCode::kUnauthenticated:
      return {"unauthenticated", 401};
    default:
      return {"unknown", 500};
  }
}

nlohmann::json ErrorObject(const absl::Status& status) {
  nlohmann::json error = {{"code", ConnectCode(status.code())}};
  if (!status.message().empty()) error["message"] = std::string(status.message());
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    std::string type(type_url.substr(type_url.rfind('/') + 1));
    std::string value = absl::Base64Escape(std::string(payload));
    value.erase(value.find_last_not_of('=') + 1);
    error["details"].push_back({{"type", type}, {"value", value}});
  });
  return error;
}

// A message may hold octets that are not UTF-8; they must not cost the whole answer.
std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

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

std::string_view ConnectCode(absl::StatusCode code) { return FormOf(code).name; }
int HttpStatusOf(absl::StatusCode code) { return FormOf(code).http_status; }

std::string ErrorJson(const absl::Status& status) { return Dump(ErrorObject(status)); }

std::string Envelope(std::string_view message) { return Enveloped(0, message); }

std::string EndOfStream(const absl::Status& status) {
  nlohmann::json end = nlohmann::json::object();
  if (!status.ok()) end["error"] = ErrorObject(status);
  return Enveloped(kEndOfStreamFlag, Dump(end));
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
