// The Connect protocol's forms (connectrpc.com/docs/protocol): content types, envelopes, time-outs.
// Codes and errors are common/http's. Pure functions; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn::dashboard {

enum class ConnectCodec { kJson, kProto };

struct ConnectContentType {
  ConnectCodec codec;
  // application/connect+json rather than application/json: enveloped messages.
  bool streaming;
};

// Nothing for a content type that is not Connect's.
std::optional<ConnectContentType> ParseContentType(std::string_view content_type);
std::string_view ContentTypeOf(ConnectContentType type);

// An enveloped message: a byte of flags, four of length (big endian), the message.
std::string Envelope(std::string_view message);
// The end of a stream: an envelope with flag 2 and {"error": …}.
std::string EndOfStream(const absl::Status& status);
// The one message of a request. INVALID_ARGUMENT with reason ENVELOPE_INVALID.
absl::StatusOr<std::string> ParseSingleEnvelope(std::string_view body);

// The time of a "connect-timeout-ms" header; infinite when it is empty. INVALID_ARGUMENT with
// reason TIMEOUT_INVALID.
absl::StatusOr<absl::Duration> ParseTimeout(std::string_view header);

}  // namespace tarn::dashboard
