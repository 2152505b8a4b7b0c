#include "services/ingestion/wal/append_file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <sys/uio.h>

#include "common/lake/durable_file.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

class PosixAppendFile : public AppendFile {
 public:
  PosixAppendFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PosixAppendFile() override { ::close(fd_); }

  absl::Status Append(const std::vector<std::string_view>& pieces) override {
    std::vector<iovec> vectors;
    vectors.reserve(pieces.size());
    for (std::string_view piece : pieces) {
      if (!piece.empty()) vectors.push_back({const_cast<char*>(piece.data()), piece.size()});
    }
    size_t next = 0;
    while (next < vectors.size()) {
      const int count = static_cast<int>(std::min<size_t>(vectors.size() - next, IOV_MAX));
      ssize_t written = ::writev(fd_, &vectors[next], count);
      if (written < 0) {
        if (errno == EINTR) continue;
        return lake::FileError(errno, "write", path_);
      }
      while (next < vectors.size() && static_cast<size_t>(written) >= vectors[next].iov_len) {
        written -= static_cast<ssize_t>(vectors[next++].iov_len);
      }
      if (written > 0) {
        vectors[next].iov_base = static_cast<char*>(vectors[next].iov_base) + written;
        vectors[next].iov_len -= static_cast<size_t>(written);
      }
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (::fdatasync(fd_) != 0) return lake::FileError(errno, "flush", path_);
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      return lake::FileError(errno, "truncate", path_);
    }
    return absl::OkStatus();
  }

 private:
  const std::filesystem::path path_;
  const int fd_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AppendFile>> OpenPosixAppendFile(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return lake::FileError(errno, "make", path);
  auto file = std::make_unique<PosixAppendFile>(path, fd);
  TARN_RETURN_IF_ERROR(lake::FsyncDir(path.parent_path()));
  return file;
}

}  // namespace tarn::ingestion
