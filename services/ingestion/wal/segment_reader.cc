#include "services/ingestion/wal/segment_reader.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/lake/durable_file.h"
#include "common/status/error.h"

namespace tarn::ingestion {
namespace {

// A file as memory, unmapped at the end.
class MappedFile {
 public:
  static absl::StatusOr<MappedFile> Open(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return lake::FileError(errno, "open", path);
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
      const int error = errno;
      ::close(fd);
      return lake::FileError(error, "look at", path);
    }
    void* data = nullptr;
    if (info.st_size > 0) {
      data = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    }
    const int error = errno;
    ::close(fd);
    if (data == MAP_FAILED) return lake::FileError(error, "map", path);
    return MappedFile(data, static_cast<size_t>(info.st_size));
  }
  MappedFile(MappedFile&& other) noexcept : data_(other.data_), size_(other.size_) {
    other.data_ = nullptr;
  }
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  MappedFile(void* data, size_t size) : data_(data), size_(size) {}
  void* data_;
  size_t size_;
};

std::optional<FrameHeader> WholeFrameAt(std::string_view bytes, uint64_t offset) {
  if (bytes.size() - offset < kFrameHeaderBytes) return std::nullopt;
  std::optional<FrameHeader> header = DecodeFrameHeader(bytes.substr(offset));
  if (!header) return std::nullopt;
  const uint64_t body = offset + kFrameHeaderBytes;
  if (bytes.size() - body < header->body_bytes) return std::nullopt;
  if (!BodyIsSound(*header, bytes.substr(body, header->body_bytes))) return std::nullopt;
  return header;
}

}  // namespace

absl::StatusOr<SegmentScan> ScanSegment(const std::filesystem::path& path,
                                        const FrameVisitor& visit) {
  absl::StatusOr<MappedFile> file = MappedFile::Open(path);
  if (!file.ok()) return file.status();
  const std::string_view bytes = file->bytes();
  SegmentScan scan;
  scan.file_bytes = bytes.size();
  uint64_t offset = 0;
  while (offset < bytes.size()) {
    const std::optional<FrameHeader> header = WholeFrameAt(bytes, offset);
    if (!header) {
      ++offset;  // look for the next frame: its magic and its checksums find it
      const size_t next = bytes.find("TWL1", offset);
      offset = next == std::string_view::npos ? bytes.size() : next;
      continue;
    }
    if (offset > scan.sound_bytes) {
      scan.damaged.push_back({scan.sound_bytes, offset - scan.sound_bytes});
    }
    visit(*header, bytes.substr(offset + kFrameHeaderBytes, header->body_bytes), offset);
    offset += kFrameHeaderBytes + header->body_bytes;
    scan.sound_bytes = offset;
  }
  return scan;
}

absl::StatusOr<FrameContent> ReadFrame(const std::filesystem::path& path, uint64_t offset) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return lake::FileError(errno, "open", path);
  auto read_all = [&](size_t size, uint64_t at) -> absl::StatusOr<std::string> {
    std::string bytes(size, '\0');
    size_t done = 0;
    while (done < size) {
      const ssize_t n =
          ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(at + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return lake::FileError(errno, "read", path);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    bytes.resize(done);
    return bytes;
  };
  auto damaged = [&] {
    return MakeError(absl::StatusCode::kDataLoss, "WAL_DAMAGED",
                     absl::StrCat("the log ", path.string(), " cannot be read at byte ", offset,
                                  "; check the disk"));
  };
  absl::StatusOr<FrameContent> result = [&]() -> absl::StatusOr<FrameContent> {
    absl::StatusOr<std::string> head = read_all(kFrameHeaderBytes, offset);
    if (!head.ok()) return head.status();
    if (head->size() < kFrameHeaderBytes) return damaged();
    const std::optional<FrameHeader> header = DecodeFrameHeader(*head);
    if (!header) return damaged();
    absl::StatusOr<std::string> body = read_all(header->body_bytes, offset + kFrameHeaderBytes);
    if (!body.ok()) return body.status();
    if (!BodyIsSound(*header, *body)) return damaged();
    return FrameContent{*header, std::make_shared<const std::string>(*std::move(body))};
  }();
  ::close(fd);
  return result;
}

}  // namespace tarn::ingestion
