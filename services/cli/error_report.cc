#include "services/cli/error_report.h"

#include "common/rpc/status_conversion.h"
#include "common/status/error.h"

namespace tarn::cli {
namespace {

// What to do about it, where the message itself cannot know: it was not a server that wrote it, or
// the way out is an option of this program.
std::string Hint(Session& session, const absl::Status& status) {
  const GlobalOptions& options = session.options();
  const bool has_key = !options.key.empty() || !options.key_file.empty();
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      if (!ErrorReason(status).empty()) return "";
      return "is Tarn running there, and is TLS (--tls, --ca-file) as the server has it? The "
             "address is " +
             options.address + "; another is given by --address or TARN_ADDRESS";
    case absl::StatusCode::kUnauthenticated:
      return has_key ? "the key comes from --key-file, TARN_KEY_FILE or TARN_KEY; an administrator "
                       "makes a new one with: tarn key create"
                     : "name a file with your key by --key-file or TARN_KEY_FILE";
    case absl::StatusCode::kPermissionDenied:
      return "tarn status says as whom you call; an administrator makes keys with other roles";
    default:
      return "";
  }
}

}  // namespace

std::string ErrorText(const absl::Status& status) {
  const std::string message(status.message());
  // An error without a reason comes from the transport, in the words of gRPC.
  if (status.code() == absl::StatusCode::kUnavailable && ErrorReason(status).empty()) {
    return "the server cannot be reached (" + message + ")";
  }
  if (message.empty()) return rpc::StatusCodeName(status.code());
  return message;
}

void ReportError(Session& session, const absl::Status& status) {
  if (status.ok() || IsAlreadyReported(status)) return;
  const Terminal& terminal = session.terminal();
  terminal.err << terminal.OnErr(Style::kBad, "tarn:") << " " << ErrorText(status) << "\n";
  if (const std::string hint = Hint(session, status); !hint.empty()) {
    terminal.err << "  " << terminal.OnErr(Style::kDim, hint) << "\n";
  }
  if (!session.options().verbose) return;
  terminal.err << "  code: " << rpc::StatusCodeName(status.code()) << "\n";
  if (const std::string reason = ErrorReason(status); !reason.empty()) {
    terminal.err << "  reason: " << reason << "\n";
  }
  for (const auto& [key, value] : ErrorMetadataOf(status)) {
    terminal.err << "  " << key << ": " << value << "\n";
  }
  if (const std::string id = session.request_id(); !id.empty()) {
    terminal.err << "  request id: " << id << "\n";
  }
}

}  // namespace tarn::cli
