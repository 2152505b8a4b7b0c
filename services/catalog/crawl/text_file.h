// A landing file as a stream of UTF-8 text, unpacked and decoded while it is read. A byte order
// mark of UTF-8 is left to the reader.
//
// A reader sees the end of the stream where something is wrong: who has read asks status() first.
// One thread.
#pragma once

#include <istream>
#include <memory>
#include <streambuf>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/catalog/crawl/byte_source.h"
#include "services/catalog/crawl/text_encoding.h"

namespace tarn::catalog {

class TextFile {
 public:
  // FAILED_PRECONDITION FILE_IO.
  static absl::StatusOr<std::unique_ptr<TextFile>> Open(const std::string& absolute_path,
                                                        TextEncoding encoding);
  // The same without decoding, for what names its encoding itself.
  static absl::StatusOr<std::unique_ptr<TextFile>> OpenBytes(const std::string& absolute_path);

  // Can be put back to its beginning with seekg(0), and nowhere else.
  std::istream& stream() { return stream_; }
  // What ended the stream before the file's end: INVALID_ARGUMENT for a file that cannot be read
  // so.
  const absl::Status& status() const { return buffer_.status(); }
  // Whether the engine reads the file as it lies: UTF-8, and packed as its name says or not at all.
  bool plain() const;
  // SHA-256 of the file as it lies. Reads to its end; the stream is of no use any more.
  absl::StatusOr<std::string> Fingerprint() { return buffer_.Fingerprint(); }

 private:
  class Buffer : public std::streambuf {
   public:
    Buffer(std::string path, TextEncoding encoding, bool decode)
        : path_(std::move(path)), given_(encoding), decode_(decode) {}

    // Begins at the file's beginning.
    absl::Status Begin();
    const absl::Status& status() const { return status_; }
    const std::string& path() const { return path_; }
    Compression compression() const { return compression_; }
    TextEncoding encoding() const { return encoding_; }
    absl::StatusOr<std::string> Fingerprint() { return file_->Fingerprint(); }

   protected:
    int_type underflow() override;
    pos_type seekoff(off_type offset, std::ios_base::seekdir from,
                     std::ios_base::openmode) override;
    pos_type seekpos(pos_type position, std::ios_base::openmode which) override;

   private:
    // Puts the next text into `text_`; nothing at the end.
    absl::Status Fill();

    const std::string path_;
    const TextEncoding given_;
    const bool decode_;
    std::unique_ptr<FileSource> file_;
    std::unique_ptr<ByteSource> bytes_;
    Compression compression_ = Compression::kNone;
    TextEncoding encoding_ = TextEncoding::kUnspecified;
    std::unique_ptr<TextDecoder> decoder_;
    absl::Status status_;
    std::string block_;
    std::string text_;
    bool ended_ = false;
  };

  TextFile(std::string path, TextEncoding encoding, bool decode)
      : buffer_(std::move(path), encoding, decode), stream_(&buffer_) {}

  Buffer buffer_;
  std::istream stream_;
};

// The name of a file without what says how it is packed: "a.csv" of "a.csv.gz".
std::string UnpackedName(const std::string& path);

// The next line without its end (LF or CRLF); false behind the last one, which may lack its end.
// INVALID_ARGUMENT CORRUPT_FILE for one of more than `most_bytes`, which is not read to its end.
absl::StatusOr<bool> ReadLine(std::istream& in, size_t most_bytes, std::string& line);

}  // namespace tarn::catalog
