#include "services/cli/session.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

constexpr char kReportedReason[] = "ALREADY_REPORTED";
constexpr char kUsageReason[] = "USAGE";

}  // namespace

absl::StatusOr<Connection*> Session::GetConnection() {
  if (connection_ != nullptr) return connection_.get();
  ConnectionOptions options;
  options.address = options_.address;
  options.tls = options_.tls;
  options.ca_file = options_.ca_file;
  options.key = options_.key;
  if (!options_.key_file.empty()) {
    TARN_ASSIGN_OR_RETURN(options.key, ReadKeyFile(options_.key_file));
  }
  TARN_ASSIGN_OR_RETURN(connection_, Connection::Open(std::move(options)));
  return connection_.get();
}

absl::Status AlreadyReported() {
  return MakeError(absl::StatusCode::kUnknown, kReportedReason, "the command failed");
}

bool IsAlreadyReported(const absl::Status& status) {
  return ErrorReason(status) == kReportedReason;
}

absl::Status UsageError(std::string_view message) { return InvalidArgument(kUsageReason, message); }

bool IsUsageError(const absl::Status& status) { return ErrorReason(status) == kUsageReason; }

}  // namespace tarn::cli
