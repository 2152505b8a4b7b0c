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

#include "common/wal/segment_reader.h"

namespace tarn::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[] = "TWL1";
// What a disk writes as a whole.
constexpr uint64_t kPageBytes = 4096;

size_t UpTo(std::mt19937_64& random, size_t least, size_t most) {
  return std::uniform_int_distribution<size_t>(least, most)(random);
}

// In the order in which the log numbers them, which is that of their names.
fs::path NewestSegment(const fs::path& log) {
  fs::path newest;
  std::error_code error;
  for (fs::directory_iterator it(log, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".wal" && it->path() > newest) newest = it->path();
  }
  return newest;
}

// Where the last write of a segment begins; its end when it cannot be read.
uint64_t LastWriteOf(const fs::path& segment) {
  std::vector<uint64_t> frames;
  const auto scan = wal::ScanSegment(
      segment, [&frames](const auto&, std::string_view, uint64_t at) { frames.push_back(at); });
  if (!scan.ok()) return UINT64_MAX;
  // What the frames say is rounded down: the beginning of the write is the frame there or before.
  const auto after = std::upper_bound(frames.begin(), frames.end(), scan->last_write);
  return after == frames.begin() ? 0 : *std::prev(after);
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

LogDisk::LogEnd LogDisk::End() const {
  const fs::path segment = NewestSegment(fs::path(folder_) / "wal");
  std::error_code error;
  const uint64_t bytes = segment.empty() ? 0 : fs::file_size(segment, error);
  return {segment.string(), error ? 0 : bytes};
}

std::string LogDisk::TearTail(std::mt19937_64& random) {
  const LogEnd end = End();
  if (end.segment.empty()) return "";
  const std::string content = ReadFile(end.segment);
  std::string tail;
  std::string what;
  const size_t frame = content.rfind(kMagic);
  if (frame != std::string::npos && content.size() - frame > wal::kFrameHeaderBytes &&
      UpTo(random, 0, 2) > 0) {
    // The last frame as if it were written once more, cut at any byte before its end.
    tail = content.substr(frame, UpTo(random, 1, content.size() - frame - 1));
    what = "the beginning of a frame";
  } else if (UpTo(random, 0, 1) == 0) {
    tail.assign(UpTo(random, 1, 100'000), '\0');
    what = "zeros";
  } else {
    tail.resize(UpTo(random, 1, 5'000));
    for (char& c : tail) c = static_cast<char>(UpTo(random, 0, 255));
    what = "garbage";
  }
  std::ofstream(end.segment, std::ios::binary | std::ios::app) << tail;
  return absl::StrCat(what, " behind (", tail.size(), " bytes)");
}

std::string LogDisk::LoseTail(const LogEnd& acknowledged, std::mt19937_64& random) {
  const LogEnd end = End();
  const uint64_t from = end.segment == acknowledged.segment ? acknowledged.bytes : 0;
  if (end.bytes <= from) return "";
  if (UpTo(random, 0, 1) == 0) {
    const uint64_t cut = UpTo(random, from, end.bytes - 1);
    fs::resize_file(end.segment, cut);
    return absl::StrCat("cut at byte ", cut, " of ", end.bytes);
  }
  const uint64_t last_write = std::max(from, LastWriteOf(end.segment));
  if (last_write >= end.bytes) return "";
  uint64_t at = UpTo(random, last_write, end.bytes - 1);
  std::string piece = ReadFile(end.segment).substr(at, 1);
  if (UpTo(random, 0, 1) == 0) {
    piece[0] = static_cast<char>(piece[0] ^ (1 << UpTo(random, 0, 7)));
  } else {
    // Pages that were not written, but for what was flushed of the first.
    const uint64_t first = std::max(last_write, at / kPageBytes * kPageBytes);
    const uint64_t pages = UpTo(random, 1, 3);
    at = first;
    piece.assign(std::min(end.bytes, (first / kPageBytes + pages) * kPageBytes) - first, '\0');
  }
  std::fstream file(end.segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file << piece;
  return absl::StrCat(piece.size(), " bytes changed at ", at, " of ", end.bytes);
}

}  // namespace tarn::e2e
