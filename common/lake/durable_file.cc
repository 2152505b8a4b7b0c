#include "common/lake/durable_file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::lake {
namespace {

namespace fs = std::filesystem;

// Flushes that run at the same time.
constexpr size_t kMaxFlushes = 16;

fs::path FolderOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

absl::Status FsyncPath(const fs::path& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_RDONLY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return FileError(errno, "open", path);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? absl::OkStatus() : FileError(error, "flush", path);
}

absl::Status Rename(const fs::path& from, const fs::path& to) {
  return std::rename(from.c_str(), to.c_str()) == 0 ? absl::OkStatus()
                                                    : FileError(errno, "rename a file to", to);
}

}  // namespace

absl::Status FileError(int error_number, std::string_view what, const fs::path& path) {
  const std::string message = "could not " + std::string(what) + " '" + path.string() +
                              "': " + std::generic_category().message(error_number);
  ErrorMetadata metadata{{"path", path.string()}};
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return ResourceExhausted("DISK_FULL",
                               message + "; free space on this file system or enlarge it",
                               std::move(metadata));
    case EACCES:
    case EPERM:
    case EROFS:
      return FailedPrecondition("PATH_NOT_WRITABLE",
                                message + "; let the user that this process runs as (uid " +
                                    std::to_string(::geteuid()) +
                                    ") write there, and mount the file system for writing",
                                std::move(metadata));
    case ENOENT:
    case ENOTDIR:
      return NotFound("FILE_NOT_FOUND", message, std::move(metadata));
    case EEXIST:
      return AlreadyExists("FILE_EXISTS", message, std::move(metadata));
    default:
      return Internal("FILE_IO", message, std::move(metadata));
  }
}

absl::StatusOr<DurableWriter> DurableWriter::Create(fs::path path, mode_t mode) {
  std::string temporary =
      (FolderOf(path) / absl::StrCat(".", path.filename().string(), ".tmp-XXXXXX")).string();
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return FileError(errno, "create a file beside", path);
  DurableWriter writer(std::move(path), temporary, fd);
  if (::fchmod(fd, mode) != 0) return FileError(errno, "set the permissions of", temporary);
  return writer;
}

DurableWriter::DurableWriter(DurableWriter&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)) {}

DurableWriter& DurableWriter::operator=(DurableWriter&& other) noexcept {
  if (this != &other) {
    Abandon();
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

DurableWriter::~DurableWriter() { Abandon(); }

void DurableWriter::Abandon() {
  if (fd_ < 0) return;
  ::close(std::exchange(fd_, -1));
  ::unlink(temporary_.c_str());
}

absl::Status DurableWriter::Append(std::string_view bytes) {
  if (fd_ < 0) return Internal("FILE_IO", absl::StrCat("'", path_.string(), "' is already closed"));
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return FileError(errno, "write", path_);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status DurableWriter::Commit() {
  if (fd_ < 0) return Internal("FILE_IO", absl::StrCat("'", path_.string(), "' is already closed"));
  if (::fsync(fd_) != 0) {
    const absl::Status status = FileError(errno, "flush", path_);
    Abandon();
    return status;
  }
  if (absl::Status status = Rename(temporary_, path_); !status.ok()) {
    Abandon();
    return status;
  }
  // From here on the temporary name is gone: closing must not unlink anything. Network file systems
  // may report a lost write only now.
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
    return FileError(errno, "close", path_);
  }
  return FsyncDir(FolderOf(path_));
}

absl::Status WriteFileDurably(const fs::path& path, std::string_view content, mode_t mode) {
  TARN_ASSIGN_OR_RETURN(DurableWriter writer, DurableWriter::Create(path, mode));
  TARN_RETURN_IF_ERROR(writer.Append(content));
  return writer.Commit();
}

absl::Status PublishFile(const fs::path& temporary, const fs::path& path) {
  TARN_RETURN_IF_ERROR(FsyncFile(temporary));
  TARN_RETURN_IF_ERROR(Rename(temporary, path));
  TARN_RETURN_IF_ERROR(FsyncDir(FolderOf(path)));
  // Not for safety, but so that the old name does not come back after a power cut.
  if (FolderOf(temporary) != FolderOf(path)) return FsyncDir(FolderOf(temporary));
  return absl::OkStatus();
}

absl::Status FsyncFile(const fs::path& path) { return FsyncPath(path, 0); }
absl::Status FsyncDir(const fs::path& path) { return FsyncPath(path, O_DIRECTORY); }

absl::Status FsyncAll(const std::vector<fs::path>& paths) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  absl::Status first_error;
  const auto flush = [&] {
    for (size_t i = next++; i < paths.size(); i = next++) {
      const absl::Status status = FsyncPath(paths[i], 0);
      if (status.ok()) continue;
      std::lock_guard lock(mutex);
      if (first_error.ok()) first_error = status;
    }
  };
  // This thread is one of them.
  std::vector<std::thread> threads;
  while (threads.size() + 1 < std::min(paths.size(), kMaxFlushes)) {
    try {
      threads.emplace_back(flush);
    } catch (const std::system_error&) {
      break;  // no more threads to be had: fewer do
    }
  }
  flush();
  for (std::thread& thread : threads) thread.join();
  return first_error;
}

absl::Status CreateDirectoriesDurably(const fs::path& path) {
  return CreateDirectoriesDurably(std::set<fs::path>{path});
}

absl::Status CreateDirectoriesDurably(const std::set<fs::path>& paths) {
  std::set<fs::path> missing;  // a folder before what is in it
  std::set<fs::path> parents;
  for (const fs::path& path : paths) {
    fs::path at = path.has_filename() ? path : path.parent_path();
    struct stat info = {};
    bool exists = false;
    while (!missing.contains(at) && !(exists = ::stat(at.c_str(), &info) == 0)) {
      if (errno != ENOENT) return FileError(errno, "look at", at);
      const fs::path parent = FolderOf(at);
      missing.insert(at);
      parents.insert(parent);
      if (parent == at) break;
      at = parent;
    }
    if (exists && !S_ISDIR(info.st_mode)) return FileError(EEXIST, "make the folder", at);
  }
  for (const fs::path& folder : missing) {
    // Another process may have made it meanwhile, but not flushed it yet: its parent is flushed in
    // either case.
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
      return FileError(errno, "make the folder", folder);
    }
  }
  return FsyncAll({parents.begin(), parents.end()});
}

absl::Status CheckWritableDirectory(const fs::path& path) {
  std::string probe = (path / ".tarn-write-check-XXXXXX").string();
  const int fd = ::mkostemp(probe.data(), O_CLOEXEC);
  if (fd < 0) return FileError(errno, "create a file in", path);
  const bool written = ::write(fd, "x", 1) == 1 && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  ::unlink(probe.c_str());
  return written ? absl::OkStatus() : FileError(error, "write to", path);
}

}  // namespace tarn::lake
