// How text is written in bytes, and its way to UTF-8. Nothing is replaced: bytes that are no text
// in the encoding are an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace tarn::catalog {

// Stored by these numbers, which are those of the proto.
enum class TextEncoding {
  kUnspecified = 0,  // UTF-8, or UTF-16 where a byte order mark says so
  kUtf8 = 1,
  kUtf16Le = 2,
  kUtf16Be = 3,
  kLatin1 = 4,  // with the characters of code page 1252
};

// What text that begins with `start` is written in, where `given` leaves it open.
TextEncoding DetectEncoding(TextEncoding given, std::string_view start);

// How many bytes at the beginning are well-formed UTF-8 (no surrogates, no overlong forms). A
// character that is cut off at the end does not count.
size_t Utf8Prefix(std::string_view text);

// Turns bytes into UTF-8, piece by piece. One thread an object.
class TextDecoder {
 public:
  // `encoding` is not kUnspecified.
  explicit TextDecoder(TextEncoding encoding) : encoding_(encoding) {}

  // Appends to `out` what the bytes say; what is cut off at the end of a piece waits for the next
  // one, and is an error when `last`. INVALID_ARGUMENT CORRUPT_FILE with the line.
  absl::Status Decode(std::string_view bytes, bool last, std::string& out);

 private:
  // Appends what can be taken from the beginning of `bytes`, and takes it.
  void TakeUtf8(std::string_view& bytes, std::string& out);
  void TakeUtf16(std::string_view& bytes, std::string& out);
  void TakeLatin1(std::string_view& bytes, std::string& out);

  const TextEncoding encoding_;
  std::string rest_;  // of the piece before
  int64_t line_ = 1;
};

}  // namespace tarn::catalog
