#include "common/server/tls.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <grpcpp/security/server_credentials.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/secret_file/secret_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::server {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

absl::Status FileError(const std::string& what, const std::string& path,
                       const std::string& problem) {
  return FailedPrecondition("TLS_FILE_UNREADABLE", what + " " + path + " " + problem,
                            {{"path", path}});
}

absl::Status NotGiven(const std::string& what) {
  return FailedPrecondition(
      "TLS_FILE_UNREADABLE",
      what + " is not given; TLS needs both common.tls_cert_file and common.tls_key_file");
}

absl::StatusOr<std::string> Read(const std::string& what, const std::string& path) {
  if (path.empty()) return NotGiven(what);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileError(what, path, std::string("cannot be read: ") + strerror(errno));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Bio MemoryBio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
}

}  // namespace

absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsFiles& files) {
  const std::string certificate_file = "the certificate file (common.tls_cert_file)";
  const std::string key_file = "the private key file (common.tls_key_file)";
  TlsMaterial material;
  TARN_ASSIGN_OR_RETURN(material.certificate_chain, Read(certificate_file, files.cert_file));
  if (files.key_file.empty()) return NotGiven(key_file);
  absl::StatusOr<std::string> private_key = ReadSecretFile(files.key_file);
  if (!private_key.ok()) return Annotate(private_key.status(), "common.tls_key_file");
  material.private_key = *std::move(private_key) + "\n";

  // The callback answers "no password": without it OpenSSL would ask on the terminal.
  auto no_password = [](char*, int, int, void*) { return -1; };
  Bio certificate_bio = MemoryBio(material.certificate_chain);
  Certificate certificate(PEM_read_bio_X509(certificate_bio.get(), nullptr, no_password, nullptr),
                          &X509_free);
  if (certificate == nullptr) {
    return FileError(certificate_file, files.cert_file, "holds no PEM certificate");
  }
  Bio key_bio = MemoryBio(material.private_key);
  Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_password, nullptr), &EVP_PKEY_free);
  if (key == nullptr) {
    return FileError(key_file, files.key_file, "holds no unencrypted PEM private key");
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return FailedPrecondition("TLS_KEY_MISMATCH",
                              "the private key " + files.key_file +
                                  " does not belong to the certificate " + files.cert_file +
                                  "; give the key that the certificate was made for");
  }
  return material;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ListenerCredentials(
    const TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureServerCredentials();
  TARN_ASSIGN_OR_RETURN(TlsMaterial material, ReadTlsFiles(files));
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({material.private_key, material.certificate_chain});
  return grpc::SslServerCredentials(options);
}

}  // namespace tarn::server
