#include "services/catalog/crawl/text_encoding.h"

#include <algorithm>
#include <array>

#include <absl/strings/str_cat.h>

#include "common/status/error.h"

namespace tarn::catalog {
namespace {

constexpr size_t kMostBytesOfACharacter = 4;

// The bytes 0x80 to 0x9F of code page 1252; the five that it leaves open are themselves.
constexpr std::array<uint16_t, 32> kCodePage1252 = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

unsigned char ByteAt(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

// The bytes of the character at the beginning, 0 when it is none or is cut off.
size_t CharacterBytes(std::string_view text) {
  const unsigned char first = ByteAt(text, 0);
  if (first < 0x80) return 1;
  const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((ByteAt(text, i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = ByteAt(text, 1);
  const bool refused = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                       (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return refused ? 0 : bytes;
}

}  // namespace

TextEncoding DetectEncoding(TextEncoding given, std::string_view start) {
  if (given != TextEncoding::kUnspecified) return given;
  if (start.starts_with("\xFF\xFE")) return TextEncoding::kUtf16Le;
  if (start.starts_with("\xFE\xFF")) return TextEncoding::kUtf16Be;
  return TextEncoding::kUtf8;
}

size_t Utf8Prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (ByteAt(text, at) < 0x80) {
      ++at;
      continue;
    }
    const size_t bytes = CharacterBytes(text.substr(at));
    if (bytes == 0) return at;
    at += bytes;
  }
  return at;
}

void TextDecoder::TakeUtf8(std::string_view& bytes, std::string& out) {
  const size_t good = Utf8Prefix(bytes);
  out.append(bytes.substr(0, good));
  bytes.remove_prefix(good);
}

void TextDecoder::TakeUtf16(std::string_view& bytes, std::string& out) {
  const auto unit = [&](size_t at) -> uint32_t {
    const uint32_t first = ByteAt(bytes, at), second = ByteAt(bytes, at + 1);
    return encoding_ == TextEncoding::kUtf16Le ? second << 8 | first : first << 8 | second;
  };
  while (bytes.size() >= 2) {
    const uint32_t code = unit(0);
    if (code < 0xD800 || code > 0xDFFF) {
      AppendUtf8(code, out);
      bytes.remove_prefix(2);
      continue;
    }
    if (code >= 0xDC00) return;
    if (bytes.size() < 4) return;
    const uint32_t low = unit(2);
    if (low < 0xDC00 || low > 0xDFFF) return;
    AppendUtf8(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), out);
    bytes.remove_prefix(4);
  }
}

void TextDecoder::TakeLatin1(std::string_view& bytes, std::string& out) {
  for (const char c : bytes) {
    const unsigned char byte = static_cast<unsigned char>(c);
    AppendUtf8(byte >= 0x80 && byte < 0xA0 ? kCodePage1252[byte - 0x80] : byte, out);
  }
  bytes = {};
}

absl::Status TextDecoder::Decode(std::string_view bytes, bool last, std::string& out) {
  std::string joined;
  if (!rest_.empty()) {
    joined = rest_ + std::string(bytes);
    bytes = joined;
  }
  const size_t before = out.size();
  if (encoding_ == TextEncoding::kLatin1) {
    TakeLatin1(bytes, out);
  } else if (encoding_ == TextEncoding::kUtf8) {
    TakeUtf8(bytes, out);
  } else {
    TakeUtf16(bytes, out);
  }
  line_ += std::count(out.begin() + static_cast<ptrdiff_t>(before), out.end(), '\n');
  // What is left is cut off where it may still become a character, else no text.
  if (bytes.size() >= kMostBytesOfACharacter || (last && !bytes.empty())) {
    return InvalidArgument(
        "CORRUPT_FILE",
        absl::StrCat("line ", line_, ": bytes that are no ",
                     encoding_ == TextEncoding::kUtf8 ? "UTF-8" : "UTF-16",
                     "; name the crawler's encoding if the text is written in another one"));
  }
  rest_ = std::string(bytes);
  return absl::OkStatus();
}

}  // namespace tarn::catalog
