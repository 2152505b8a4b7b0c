#include "common/wal/segment_reader.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/lake/durable_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::wal {
namespace {

constexpr size_t kWindowBytes = 1u << 20;
// What is given up when the disk cannot read it.
constexpr size_t kBlockBytes = 4096;
constexpr std::string_view kMagicText = "TWL1";

// A part of a file in memory. Read calls, not a mapping: of a mapped file a bad block or a cut tail
// would kill the process.
class FileWindow {
 public:
  // Reads at least `window` bytes at a time.
  static absl::StatusOr<FileWindow> Open(const std::filesystem::path& path, size_t window) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return lake::FileError(errno, "open", path);
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
      const int error = errno;
      ::close(fd);
      return lake::FileError(error, "look at", path);
    }
    return FileWindow(fd, static_cast<uint64_t>(info.st_size), window);
  }
  FileWindow(FileWindow&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        size_(other.size_),
        window_(other.window_),
        begin_(other.begin_),
        buffer_(std::move(other.buffer_)) {}
  FileWindow& operator=(FileWindow&&) = delete;
  ~FileWindow() {
    if (fd_ >= 0) ::close(fd_);
  }

  // The file's size when it was opened, or less if it has been cut since.
  uint64_t size() const { return size_; }

  // The bytes from `offset` on, fewer than `bytes` at the end of the file. Until the next call.
  std::string_view View(uint64_t offset, size_t bytes) {
    bytes = static_cast<size_t>(std::min<uint64_t>(bytes, size_ - std::min(offset, size_)));
    if (offset < begin_ || offset + bytes > begin_ + buffer_.size()) {
      Fill(offset, std::max(bytes, window_));
      bytes = std::min(bytes, buffer_.size());
    }
    return std::string_view(buffer_).substr(static_cast<size_t>(offset - begin_), bytes);
  }

 private:
  FileWindow(int fd, uint64_t size, size_t window) : fd_(fd), size_(size), window_(window) {}

  void Fill(uint64_t offset, size_t bytes) {
    bytes = static_cast<size_t>(std::min<uint64_t>(bytes, size_ - std::min(offset, size_)));
    begin_ = offset;
    buffer_.resize(bytes);
    size_t done = 0;
    while (done < bytes) {
      const uint64_t at = offset + done;
      const ssize_t n = ::pread(fd_, buffer_.data() + done, bytes - done, static_cast<off_t>(at));
      if (n > 0) {
        done += static_cast<size_t>(n);
      } else if (n == 0) {
        size_ = at;
        buffer_.resize(done);
        return;
      } else if (errno != EINTR) {
        const size_t block =
            std::min(bytes - done, kBlockBytes - static_cast<size_t>(at % kBlockBytes));
        std::fill_n(buffer_.begin() + static_cast<std::ptrdiff_t>(done), block, '\0');
        done += block;
      }
    }
  }

  int fd_;
  uint64_t size_;
  const size_t window_;
  uint64_t begin_ = 0;
  std::string buffer_;
};

struct Frame {
  FrameHeader header;
  std::string_view body;
};

std::optional<Frame> WholeFrameAt(FileWindow& file, uint64_t offset) {
  const std::string_view head = file.View(offset, kFrameHeaderBytes);
  if (head.size() < kFrameHeaderBytes) return std::nullopt;
  const std::optional<FrameHeader> header = DecodeFrameHeader(head);
  if (!header) return std::nullopt;
  if (file.size() - offset - kFrameHeaderBytes < header->body_bytes) return std::nullopt;
  const std::string_view frame = file.View(offset, kFrameHeaderBytes + header->body_bytes);
  if (frame.size() < kFrameHeaderBytes + header->body_bytes) return std::nullopt;
  const std::string_view body = frame.substr(kFrameHeaderBytes);
  if (!BodyIsSound(*header, body)) return std::nullopt;
  return Frame{*header, body};
}

// Where the next frame may begin, at or after `offset`; the file's size when there is none.
uint64_t NextMagic(FileWindow& file, uint64_t offset) {
  while (offset < file.size()) {
    const std::string_view bytes = file.View(offset, kWindowBytes);
    if (const size_t found = bytes.find(kMagicText); found != std::string_view::npos) {
      return offset + found;
    }
    if (bytes.size() <= kMagicText.size()) break;
    offset += bytes.size() - (kMagicText.size() - 1);
  }
  return file.size();
}

}  // namespace

uint64_t SegmentScan::torn_from() const {
  for (const DamagedRange& range : damaged) {
    if (range.offset + kWriteUnitBytes > last_write) return range.offset;
  }
  return sound_bytes;
}

absl::StatusOr<SegmentScan> ScanSegment(const std::filesystem::path& path,
                                        const FrameVisitor& visit) {
  TARN_ASSIGN_OR_RETURN(FileWindow file, FileWindow::Open(path, kWindowBytes));
  SegmentScan scan;
  uint64_t offset = 0;
  while (offset < file.size()) {
    const std::optional<Frame> frame = WholeFrameAt(file, offset);
    if (!frame) {
      offset = NextMagic(file, offset + 1);  // its checksums tell whether it is one
      continue;
    }
    if (offset > scan.sound_bytes) {
      scan.damaged.push_back({scan.sound_bytes, offset - scan.sound_bytes});
    }
    const uint64_t end = offset + kFrameHeaderBytes + frame->header.body_bytes;
    const uint64_t into_write = std::min(frame->header.bytes_into_write, offset);
    scan.last_write = std::max(scan.last_write, offset - into_write);
    visit(frame->header, frame->body, offset);
    offset = end;
    scan.sound_bytes = end;
  }
  scan.file_bytes = std::max(file.size(), scan.sound_bytes);
  return scan;
}

absl::Status ReadBeginning(
    const std::filesystem::path& path,
    const std::function<bool(const FrameHeader& header, std::string_view body)>& visit) {
  TARN_ASSIGN_OR_RETURN(FileWindow file, FileWindow::Open(path, kWindowBytes));
  uint64_t offset = 0;
  while (const std::optional<Frame> frame = WholeFrameAt(file, offset)) {
    offset += kFrameHeaderBytes + frame->header.body_bytes;
    if (!visit(frame->header, frame->body)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<FrameContent> ReadFrame(const std::filesystem::path& path, uint64_t offset) {
  TARN_ASSIGN_OR_RETURN(FileWindow file, FileWindow::Open(path, 0));
  const std::optional<Frame> frame = WholeFrameAt(file, offset);
  if (!frame) {
    return MakeError(absl::StatusCode::kDataLoss, "WAL_DAMAGED",
                     absl::StrCat("the log ", path.string(), " cannot be read at byte ", offset,
                                  "; check the disk"));
  }
  return FrameContent{frame->header, std::make_shared<const std::string>(frame->body)};
}

}  // namespace tarn::wal
