// Certificates for listeners, read and checked before anything listens.
#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace grpc {
class ServerCredentials;
}

namespace tarn::server {

// Both empty: plain text. Files are PEM.
struct TlsFiles {
  std::string cert_file;
  std::string key_file;

  bool enabled() const { return !cert_file.empty() || !key_file.empty(); }
};

struct TlsMaterial {
  std::string certificate_chain;
  std::string private_key;
};

// Reads both files and checks that they are PEM and belong together. FAILED_PRECONDITION with
// reason TLS_FILE_UNREADABLE or TLS_KEY_MISMATCH, and a message that names the file and its option.
absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsFiles& files);

// Plain text when `files` is not enabled.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ListenerCredentials(const TlsFiles& files);

}  // namespace tarn::server
