// The bytes of a landing file as they lie, and as they are once gzip or zstd is undone, within
// bounds: what a small file may grow to. One thread an object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/digest/sha256.h"

namespace tarn::catalog {

enum class Compression { kNone, kGzip, kZstd };

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // At most `size` (1 or more) bytes; 0 at the end.
  virtual absl::StatusOr<size_t> Read(char* to, size_t size) = 0;
};

// A file, with the digest of what was read.
class FileSource : public ByteSource {
 public:
  // FAILED_PRECONDITION FILE_IO, as Read.
  static absl::StatusOr<std::unique_ptr<FileSource>> Open(const std::string& absolute_path);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  // What the first bytes say.
  absl::StatusOr<Compression> DetectCompression();
  int64_t byte_count() const { return byte_count_; }

  absl::StatusOr<size_t> Read(char* to, size_t size) override;
  // SHA-256 of the whole file, of which what was not read yet is read. Once, at the end.
  absl::StatusOr<std::string> Fingerprint();

 private:
  FileSource(int fd, int64_t byte_count) : fd_(fd), byte_count_(byte_count) {}

  const int fd_;
  const int64_t byte_count_;
  Sha256 digest_;
};

// What `packed`, which outlives it, holds. Several gzip members or zstd frames follow one another.
// INVALID_ARGUMENT CORRUPT_FILE for what is damaged or ends too soon, FILE_TOO_LARGE for more than
// 200 times the packed bytes and 64 MiB.
std::unique_ptr<ByteSource> Unpack(FileSource& packed, Compression compression);

}  // namespace tarn::catalog
