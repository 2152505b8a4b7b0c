#include "services/catalog/crawl/text_file.h"

#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;
constexpr std::string_view kGzipExtension = ".gz";
constexpr std::string_view kZstdExtension = ".zst";
constexpr std::string_view kUtf16Mark = "\xEF\xBB\xBF";  // as it comes out of the decoder

}  // namespace

// ---- The buffer ---------------------------------------------------------------------------------

absl::Status TextFile::Buffer::Begin() {
  status_ = absl::OkStatus();
  ended_ = false;
  decoder_.reset();
  setg(nullptr, nullptr, nullptr);
  TARN_ASSIGN_OR_RETURN(file_, FileSource::Open(path_));
  TARN_ASSIGN_OR_RETURN(compression_, file_->DetectCompression());
  bytes_ = Unpack(*file_, compression_);
  return absl::OkStatus();
}

absl::Status TextFile::Buffer::Fill() {
  text_.clear();
  while (text_.empty() && !ended_) {
    block_.resize(kBlockBytes);
    TARN_ASSIGN_OR_RETURN(const size_t got, bytes_->Read(block_.data(), block_.size()));
    ended_ = got == 0;
    const std::string_view block(block_.data(), got);
    if (!decode_) {
      text_ = block;
      continue;
    }
    const bool first = decoder_ == nullptr;
    if (first) {
      encoding_ = DetectEncoding(given_, block);
      decoder_ = std::make_unique<TextDecoder>(encoding_);
    }
    TARN_RETURN_IF_ERROR(decoder_->Decode(block, ended_, text_));
    const bool utf16 = encoding_ == TextEncoding::kUtf16Le || encoding_ == TextEncoding::kUtf16Be;
    if (first && utf16 && text_.starts_with(kUtf16Mark)) text_.erase(0, kUtf16Mark.size());
  }
  return absl::OkStatus();
}

TextFile::Buffer::int_type TextFile::Buffer::underflow() {
  if (!status_.ok()) return traits_type::eof();
  // What came before something wrong is given still.
  status_ = Fill();
  setg(text_.data(), text_.data(), text_.data() + text_.size());
  return text_.empty() ? traits_type::eof() : traits_type::to_int_type(text_.front());
}

TextFile::Buffer::pos_type TextFile::Buffer::seekoff(off_type offset, std::ios_base::seekdir from,
                                                     std::ios_base::openmode which) {
  if (from != std::ios_base::beg) return pos_type(off_type(-1));
  return seekpos(offset, which);
}

TextFile::Buffer::pos_type TextFile::Buffer::seekpos(pos_type position, std::ios_base::openmode) {
  if (position != pos_type(0)) return pos_type(off_type(-1));
  status_ = Begin();
  return status_.ok() ? position : pos_type(off_type(-1));
}

// ---- The file -----------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<TextFile>> TextFile::Open(const std::string& absolute_path,
                                                         TextEncoding encoding) {
  std::unique_ptr<TextFile> file(new TextFile(absolute_path, encoding, /*decode=*/true));
  TARN_RETURN_IF_ERROR(file->buffer_.Begin());
  return file;
}

absl::StatusOr<std::unique_ptr<TextFile>> TextFile::OpenBytes(const std::string& absolute_path) {
  std::unique_ptr<TextFile> file(
      new TextFile(absolute_path, TextEncoding::kUnspecified, /*decode=*/false));
  TARN_RETURN_IF_ERROR(file->buffer_.Begin());
  return file;
}

bool TextFile::plain() const {
  const TextEncoding encoding = buffer_.encoding();
  if (encoding != TextEncoding::kUtf8 && encoding != TextEncoding::kUnspecified) return false;
  const std::string& path = buffer_.path();
  switch (buffer_.compression()) {
    case Compression::kGzip:
      return path.ends_with(kGzipExtension);
    case Compression::kZstd:
      return path.ends_with(kZstdExtension);
    case Compression::kNone:
      return UnpackedName(path) == path;
  }
  return false;
}

std::string UnpackedName(const std::string& path) {
  for (const std::string_view extension : {kGzipExtension, kZstdExtension}) {
    if (path.ends_with(extension)) return path.substr(0, path.size() - extension.size());
  }
  return path;
}

absl::StatusOr<bool> ReadLine(std::istream& in, size_t most_bytes, std::string& line) {
  using Traits = std::istream::traits_type;
  line.clear();
  std::streambuf& buffer = *in.rdbuf();
  while (true) {
    const int c = buffer.sbumpc();
    if (Traits::eq_int_type(c, Traits::eof())) {
      if (line.empty()) return false;
      break;
    }
    if (c == '\n') break;
    if (line.size() == most_bytes) {
      return InvalidArgument("CORRUPT_FILE",
                             absl::StrCat("is longer than ", most_bytes >> 20, " MiB"));
    }
    line.push_back(Traits::to_char_type(c));
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

}  // namespace tarn::catalog
