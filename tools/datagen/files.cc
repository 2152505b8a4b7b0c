#include "tools/datagen/files.h"

#include <algorithm>
#include <sstream>
#include <system_error>
#include <utility>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::datagen {
namespace fs = std::filesystem;
namespace {

constexpr size_t kFlushBytes = size_t{1} << 20;

}  // namespace

FileWriter::FileWriter(fs::path path)
    : path_(std::move(path)), stream_(path_, std::ios::binary | std::ios::trunc) {}

void FileWriter::Append(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() < kFlushBytes) return;
  stream_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  buffer_.clear();
}

absl::Status FileWriter::Close() {
  stream_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  buffer_.clear();
  stream_.close();
  if (stream_.good()) return absl::OkStatus();
  return Unavailable("FILE_NOT_WRITABLE", "cannot write " + path_.string() +
                                              "; is the disk full or the folder read-only?");
}

absl::Status WriteFile(const fs::path& path, std::string_view text) {
  FileWriter writer(path);
  writer.Append(text);
  return writer.Close();
}

absl::StatusOr<std::string> ReadFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream || stream.bad()) {
    return FailedPrecondition("FILE_NOT_READABLE", "cannot read " + path.string() +
                                                       "; does it exist, and may you read it?");
  }
  return std::move(text).str();
}

absl::StatusOr<std::vector<fs::path>> FilesBelow(const fs::path& dir, std::string_view extension) {
  std::error_code error;
  fs::recursive_directory_iterator it(dir, error);
  if (error) {
    return NotFound("FOLDER_NOT_FOUND", "cannot list " + dir.string() + ": " + error.message() +
                                            "; give a folder that is laid out like the one "
                                            "that 'tarn-datagen smart-hub' makes");
  }
  std::vector<fs::path> files;
  while (it != fs::recursive_directory_iterator()) {
    if (it->is_regular_file(error) && it->path().extension() == extension) {
      files.push_back(it->path());
    }
    it.increment(error);
    if (error) return Unavailable("FOLDER_NOT_READABLE", dir.string() + ": " + error.message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status MakeFolder(const fs::path& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (!error) return absl::OkStatus();
  return Unavailable("FOLDER_NOT_WRITABLE", "cannot make " + dir.string() + ": " + error.message());
}

absl::Status MakeEmptyFolder(const fs::path& dir) {
  TARN_RETURN_IF_ERROR(MakeFolder(dir));
  std::error_code error;
  if (fs::is_empty(dir, error) && !error) return absl::OkStatus();
  return AlreadyExists("FOLDER_NOT_EMPTY",
                       dir.string() +
                           " is not empty; old files would falsify the answers: give a "
                           "new folder, or remove this one first");
}

}  // namespace tarn::datagen
