#include "tests/e2e/soak/log_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

namespace tarn::e2e {
namespace {

namespace fs = std::filesystem;

// As docs/formats/wal.md has it.
constexpr char kMagic[] = "TWL1";
constexpr size_t kHeaderBytes = 48;

// In the order in which the log numbers them, which is that of their names.
fs::path NewestSegment(const fs::path& log) {
  fs::path newest;
  std::error_code error;
  for (fs::directory_iterator it(log, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".wal" && it->path() > newest) newest = it->path();
  }
  return newest;
}

std::string ReadFile(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

LogDisk::LogDisk(const std::string& folder, int64_t bytes, std::string* problem) : folder_(folder) {
  fs::create_directories(folder);
  // A mount of one's own needs a view of one's own, so that nobody else sees it or is left with it.
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", folder.c_str(), "tmpfs", MS_NODEV | MS_NOSUID,
              absl::StrCat("mode=0700,size=", bytes).c_str()) != 0) {
    *problem = absl::StrCat("a full disk: this user cannot mount a small file system (",
                            std::strerror(errno), "); run as root");
    return;
  }
  mounted_ = true;
}

LogDisk::~LogDisk() {
  if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
}

void LogDisk::Fill(int64_t left) {
  const int fd = ::open((folder_ + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const std::string block(64 * 1024, 'f');
  int64_t size = 0;
  for (;;) {
    const ssize_t written = ::write(fd, block.data(), block.size());
    if (written <= 0) break;
    size += written;
  }
  if (::ftruncate(fd, std::max<int64_t>(0, size - left)) != 0)
    ::unlink((folder_ + "/filler").c_str());
  ::close(fd);
}

void LogDisk::Free() { ::unlink((folder_ + "/filler").c_str()); }

std::string LogDisk::TearTail(std::mt19937_64& random) {
  const fs::path segment = NewestSegment(fs::path(folder_) / "wal");
  if (segment.empty()) return "";
  const auto up_to = [&random](size_t least, size_t most) {
    return std::uniform_int_distribution<size_t>(least, most)(random);
  };
  const std::string content = ReadFile(segment);
  std::string tail;
  std::string what;
  const size_t frame = content.rfind(kMagic);
  if (frame != std::string::npos && content.size() - frame > kHeaderBytes && up_to(0, 2) > 0) {
    // The last frame as if it were written once more, cut at any byte before its end.
    tail = content.substr(frame, up_to(1, content.size() - frame - 1));
    what = "the beginning of a frame";
  } else if (up_to(0, 1) == 0) {
    tail.assign(up_to(1, 100'000), '\0');
    what = "zeros";
  } else {
    tail.resize(up_to(1, 5'000));
    for (char& c : tail) c = static_cast<char>(up_to(0, 255));
    what = "garbage";
  }
  std::ofstream(segment, std::ios::binary | std::ios::app) << tail;
  return absl::StrCat(what, " (", tail.size(), " bytes)");
}

}  // namespace tarn::e2e
