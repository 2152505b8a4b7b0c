#include "common/rpc/status_conversion.h"

#include <string>
#include <string_view>
#include <vector>

#include <absl/strings/cord.h>
#include <grpcpp/support/status.h>

#include "common/status/error.h"
#include "google/rpc/status.pb.h"

namespace tarn::rpc {
namespace {

// The length of the valid UTF-8 sequence at the start of `text`, or 0.
size_t SequenceLength(std::string_view text) {
  auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

// `message` cut to the limit, with '?' for what is not UTF-8: a proto string must be UTF-8.
std::string WireMessage(std::string_view message) {
  constexpr std::string_view kCut = " … (cut)";
  bool cut = message.size() > kMaxWireMessageBytes;
  if (cut) {
    size_t end = kMaxWireMessageBytes - kCut.size();
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
    message = message.substr(0, end);
  }
  std::string out;
  out.reserve(message.size());
  while (!message.empty()) {
    size_t length = SequenceLength(message);
    if (length == 0) {
      out += '?';
      length = 1;
    } else {
      out += message.substr(0, length);
    }
    message.remove_prefix(length);
  }
  if (cut) out += kCut;
  return out;
}

struct Payload {
  std::string type_url;
  std::string value;
};

// The payloads of `status`, ErrorInfo first.
std::vector<Payload> PayloadsOf(const absl::Status& status) {
  std::vector<Payload> payloads;
  status.ForEachPayload([&payloads](absl::string_view type_url, const absl::Cord& value) {
    Payload payload{std::string(type_url), std::string(value)};
    bool first = payload.type_url == kErrorInfoTypeUrl;
    payloads.insert(first ? payloads.begin() : payloads.end(), std::move(payload));
  });
  return payloads;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  auto code = static_cast<grpc::StatusCode>(status.code());
  std::string message = WireMessage({status.message().data(), status.message().size()});
  google::rpc::Status details;
  size_t bytes = 0;
  for (Payload& payload : PayloadsOf(status)) {
    bytes += payload.type_url.size() + payload.value.size();
    if (bytes > kMaxWireDetailBytes) break;
    auto* any = details.add_details();
    any->set_type_url(std::move(payload.type_url));
    any->set_value(std::move(payload.value));
  }
  if (details.details().empty()) return grpc::Status(code, message);
  details.set_code(static_cast<int>(code));
  details.set_message(message);
  return grpc::Status(code, message, details.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // Every code of gRPC has the number of Abseil's; one that neither knows becomes UNKNOWN.
  auto code = static_cast<int>(status.error_code());
  if (code < 0 || code > 16) code = static_cast<int>(absl::StatusCode::kUnknown);
  absl::Status converted(static_cast<absl::StatusCode>(code), status.error_message());
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) {
      converted.SetPayload(any.type_url(), absl::Cord(any.value()));
    }
  }
  return converted;
}

const char* StatusCodeName(absl::StatusCode code) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "UNKNOWN";
}

}  // namespace tarn::rpc
