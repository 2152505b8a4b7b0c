// Files that survive a power cut: written under a temporary name, flushed, renamed, their folder
// flushed. After a kill at any point a reader finds the whole file or none; what may be left is a
// temporary file whose name begins with '.' (or a file in a staging folder), which is garbage.
//
// Blocking; any thread, one object in one thread at a time. Errors:
//   RESOURCE_EXHAUSTED  DISK_FULL          no space or quota left
//   FAILED_PRECONDITION PATH_NOT_WRITABLE  permissions or a read-only file system
//   NOT_FOUND           FILE_NOT_FOUND     the file or its folder is not there
//   ALREADY_EXISTS      FILE_EXISTS
//   INTERNAL            FILE_IO            everything else, the errno's text in the message
// After a failed flush the content may be lost although a second flush succeeds: give the file up
// and write it again.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <sys/types.h>

namespace tarn::lake {

// The Status of a failed system call: "could not <what> '<path>': …, and what to do".
absl::Status FileError(int error_number, std::string_view what, const std::filesystem::path& path);

// One file on its way. Without Commit() nothing is left behind.
class DurableWriter {
 public:
  // Opens a temporary file beside `path`, whose folder must exist. `mode` are the permissions of
  // the finished file, whatever the umask.
  static absl::StatusOr<DurableWriter> Create(std::filesystem::path path, mode_t mode = 0644);
  DurableWriter(DurableWriter&& other) noexcept;
  DurableWriter& operator=(DurableWriter&& other) noexcept;
  ~DurableWriter();

  absl::Status Append(std::string_view bytes);
  // Flushes, renames over `path` (replacing what was there) and flushes the folder. Once.
  absl::Status Commit();

 private:
  DurableWriter(std::filesystem::path path, std::filesystem::path temporary, int fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
  void Abandon();

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

// A small file as a whole.
absl::Status WriteFileDurably(const std::filesystem::path& path, std::string_view content,
                              mode_t mode = 0644);

// Makes a file that somebody else wrote (the engine never flushes) durable under its final name:
// flush, rename, flush both folders. Both must be on one file system.
absl::Status PublishFile(const std::filesystem::path& temporary, const std::filesystem::path& path);

absl::Status FsyncFile(const std::filesystem::path& path);
absl::Status FsyncDir(const std::filesystem::path& path);
// Many files or folders, several at the same time, since the file system flushes together what it
// is asked for together. The first error; the others are flushed nevertheless.
absl::Status FsyncAll(const std::vector<std::filesystem::path>& paths);

// Makes `path` and what is missing above it, each with its parent flushed. OK when all is there.
absl::Status CreateDirectoriesDurably(const std::filesystem::path& path);
// The same of many; each parent is flushed once.
absl::Status CreateDirectoriesDurably(const std::set<std::filesystem::path>& paths);

// Whether files can be made in `path`, by making one: at start, so that a service says at once what
// is wrong with its volume. Creates nothing that stays.
absl::Status CheckWritableDirectory(const std::filesystem::path& path);

}  // namespace tarn::lake
