#include "services/catalog/crawl/byte_source.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>
#include <zstd.h>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;
constexpr int64_t kMostGrowth = 200;
constexpr int64_t kFreeGrowthBytes = 64 << 20;
// 15 bits of window, and gzip's frame instead of zlib's.
constexpr int kGzipWindowBits = 15 + 16;
// 8 MiB, what every zstd decoder is asked to take.
constexpr int kMaxZstdWindowLog = 23;

absl::Status CannotRead() { return FailedPrecondition("FILE_IO", "the file cannot be read"); }

absl::Status Damaged(std::string_view why) {
  return InvalidArgument("CORRUPT_FILE",
                         absl::StrCat("the compressed file is damaged: ", std::string(why)));
}

// What both decoders share: a block of packed bytes, and the bound on what comes out.
class Unpacker : public ByteSource {
 public:
  explicit Unpacker(FileSource& packed)
      : packed_(packed),
        most_bytes_(packed.byte_count() * kMostGrowth + kFreeGrowthBytes),
        block_(kBlockBytes) {}

  absl::StatusOr<size_t> Read(char* to, size_t size) final {
    while (true) {
      if (block_at_ == block_end_ && !packed_ended_) {
        TARN_ASSIGN_OR_RETURN(block_end_, packed_.Read(block_.data(), block_.size()));
        block_at_ = 0;
        packed_ended_ = block_end_ == 0;
      }
      std::string_view in(block_.data() + block_at_, block_end_ - block_at_);
      if (in.empty() && packed_ended_ && between_parts_) return size_t{0};
      const size_t before = in.size();
      TARN_ASSIGN_OR_RETURN(const size_t made, Step(in, to, size));
      block_at_ = block_end_ - in.size();
      made_bytes_ += static_cast<int64_t>(made);
      if (made_bytes_ > most_bytes_) {
        return InvalidArgument("FILE_TOO_LARGE",
                               absl::StrCat("the file unpacks to more than ", kMostGrowth,
                                            " times its size; unpack it before the upload"));
      }
      if (made > 0) return made;
      if (packed_ended_ && in.size() == before) return Damaged("it ends too soon");
    }
  }

 protected:
  // Takes from `in`, gives at most `size` bytes, and keeps `between_parts_`.
  virtual absl::StatusOr<size_t> Step(std::string_view& in, char* to, size_t size) = 0;

  bool between_parts_ = false;

 private:
  FileSource& packed_;
  const int64_t most_bytes_;
  std::vector<char> block_;
  size_t block_at_ = 0;
  size_t block_end_ = 0;
  bool packed_ended_ = false;
  int64_t made_bytes_ = 0;
};

class GzipUnpacker final : public Unpacker {
 public:
  explicit GzipUnpacker(FileSource& packed) : Unpacker(packed) {
    usable_ = inflateInit2(&stream_, kGzipWindowBits) == Z_OK;
  }
  ~GzipUnpacker() override { inflateEnd(&stream_); }

 private:
  absl::StatusOr<size_t> Step(std::string_view& in, char* to, size_t size) override {
    if (!usable_) return Internal("DECODER_FAILED", "the gzip decoder could not be set up");
    if (between_parts_) {
      if (inflateReset(&stream_) != Z_OK) return Damaged("it cannot be gone on with");
      between_parts_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(size);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(in.size() - stream_.avail_in);
    if (result == Z_STREAM_END) {
      between_parts_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Damaged(stream_.msg != nullptr ? stream_.msg : "it is no gzip");
    }
    return size - stream_.avail_out;
  }

  z_stream stream_{};
  bool usable_ = false;
};

class ZstdUnpacker final : public Unpacker {
 public:
  explicit ZstdUnpacker(FileSource& packed)
      : Unpacker(packed), context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    usable_ = context_ != nullptr && !ZSTD_isError(ZSTD_DCtx_setParameter(
                                         context_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog));
  }

 private:
  absl::StatusOr<size_t> Step(std::string_view& in, char* to, size_t size) override {
    if (!usable_) return Internal("DECODER_FAILED", "the zstd decoder could not be set up");
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer out{to, size, 0};
    const size_t wanted = ZSTD_decompressStream(context_.get(), &out, &from);
    if (ZSTD_isError(wanted)) return Damaged(ZSTD_getErrorName(wanted));
    in.remove_prefix(from.pos);
    between_parts_ = wanted == 0;
    return out.pos;
  }

  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context_;
  bool usable_ = false;
};

class PlainBytes final : public ByteSource {
 public:
  explicit PlainBytes(FileSource& file) : file_(file) {}
  absl::StatusOr<size_t> Read(char* to, size_t size) override { return file_.Read(to, size); }

 private:
  FileSource& file_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Open(const std::string& absolute_path) {
  const int fd = ::open(absolute_path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return CannotRead();
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    ::close(fd);
    return CannotRead();
  }
  return std::unique_ptr<FileSource>(new FileSource(fd, status.st_size));
}

FileSource::~FileSource() { ::close(fd_); }

absl::StatusOr<Compression> FileSource::DetectCompression() {
  char start[4];
  ssize_t got;
  do {
    got = ::pread(fd_, start, sizeof start, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return CannotRead();
  const std::string_view magic(start, static_cast<size_t>(got));
  if (magic.starts_with("\x1F\x8B")) return Compression::kGzip;
  if (magic == "\x28\xB5\x2F\xFD") return Compression::kZstd;
  return Compression::kNone;
}

absl::StatusOr<size_t> FileSource::Read(char* to, size_t size) {
  ssize_t got;
  do {
    got = ::read(fd_, to, size);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return CannotRead();
  digest_.Update({to, static_cast<size_t>(got)});
  return static_cast<size_t>(got);
}

absl::StatusOr<std::string> FileSource::Fingerprint() {
  std::vector<char> block(kBlockBytes);
  size_t got = 1;
  while (got > 0) {
    TARN_ASSIGN_OR_RETURN(got, Read(block.data(), block.size()));
  }
  return digest_.Hex();
}

std::unique_ptr<ByteSource> Unpack(FileSource& packed, Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return std::make_unique<GzipUnpacker>(packed);
    case Compression::kZstd:
      return std::make_unique<ZstdUnpacker>(packed);
    case Compression::kNone:
      break;
  }
  return std::make_unique<PlainBytes>(packed);
}

}  // namespace tarn::catalog
