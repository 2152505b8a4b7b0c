#include "services/ingestion/record/json_cursor.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <absl/strings/str_cat.h>

namespace tarn::ingestion {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hexadecimal digits at the beginning of `text`, or -1.
int Hex4(std::string_view text) {
  if (text.size() < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = HexValue(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

// Of each byte that ends a run of plain text (a quote, a backslash, a control character, one beyond
// ASCII) the highest bit; of bytes above the first such one perhaps too.
uint64_t SpecialBytes(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHigh = 0x8080808080808080;
  const auto zero_bytes = [](uint64_t v) { return (v - kOnes) & ~v; };
  const uint64_t control = word - kOnes * 0x20;
  return (zero_bytes(word ^ kOnes * '"') | zero_bytes(word ^ kOnes * '\\') | control | word) &
         kHigh;
}

// Which byte, in the order of memory, the first of these bits stands for.
size_t FirstByteOf(uint64_t bits) {
  static_assert(std::endian::native == std::endian::little);
  return static_cast<size_t>(std::countr_zero(bits)) / 8;
}

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

}  // namespace

JsonToken JsonCursor::Fail(std::string_view what) {
  if (error_.empty()) error_ = absl::StrCat(std::string(what), " at byte ", at_ - begin_);
  state_ = State::kFailed;
  return {JsonKind::kError};
}

JsonToken JsonCursor::Next() {
  SkipSpace();
  if (at_ == end_) {
    if (state_ == State::kDone) return {JsonKind::kEnd};
    return Fail("the text ends too soon");
  }
  switch (state_) {
    case State::kValue:
      return Value();
    case State::kValueOrEnd:
      if (*at_ == ']') return Close(JsonKind::kArrayEnd);
      return Value();
    case State::kAfterValue: {
      const bool in_object = in_object_[static_cast<size_t>(depth_)];
      if (*at_ == ',') {
        ++at_;
        SkipSpace();
        if (at_ == end_) return Fail("the text ends too soon");
        if (!in_object) return Value();
        break;
      }
      if (*at_ == '}' && in_object) return Close(JsonKind::kObjectEnd);
      if (*at_ == ']' && !in_object) return Close(JsonKind::kArrayEnd);
      return Fail(in_object ? "expected a comma or }" : "expected a comma or ]");
    }
    case State::kKeyOrEnd:
      if (*at_ == '}') return Close(JsonKind::kObjectEnd);
      break;
    case State::kKey:
      break;
    case State::kDone:
      return Fail("there is more text after the value");
    case State::kFailed:
      return {JsonKind::kError};
  }
  if (*at_ != '"') return Fail("expected a name in double quotes");
  JsonToken token{JsonKind::kKey};
  if (!ScanString(token)) return {JsonKind::kError};
  SkipSpace();
  if (at_ == end_ || *at_ != ':') return Fail("expected a colon");
  ++at_;
  state_ = State::kValue;
  return token;
}

JsonToken JsonCursor::Open(JsonKind kind, bool object) {
  if (depth_ == kMaxDepth) {
    return Fail(absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
  }
  ++at_;
  in_object_[static_cast<size_t>(++depth_)] = object;
  state_ = object ? State::kKeyOrEnd : State::kValueOrEnd;
  return {kind};
}

JsonToken JsonCursor::Close(JsonKind kind) {
  ++at_;
  --depth_;
  AfterValue();
  return {kind};
}

JsonToken JsonCursor::Literal(std::string_view word, JsonKind kind) {
  if (static_cast<size_t>(end_ - at_) < word.size() ||
      std::memcmp(at_, word.data(), word.size()) != 0) {
    return Fail("expected a value");
  }
  at_ += word.size();
  AfterValue();
  return {kind};
}

JsonToken JsonCursor::Value() {
  switch (*at_) {
    case '{':
      return Open(JsonKind::kObjectStart, true);
    case '[':
      return Open(JsonKind::kArrayStart, false);
    case '"': {
      JsonToken token{JsonKind::kString};
      if (!ScanString(token)) return {JsonKind::kError};
      AfterValue();
      return token;
    }
    case 't':
      return Literal("true", JsonKind::kTrue);
    case 'f':
      return Literal("false", JsonKind::kFalse);
    case 'n':
      return Literal("null", JsonKind::kNull);
    default: {
      JsonToken token{JsonKind::kNumber};
      if (!ScanNumber(token)) return {JsonKind::kError};
      AfterValue();
      return token;
    }
  }
}

bool JsonCursor::ScanNumber(JsonToken& token) {
  const char* const start = at_;
  const auto digits = [&] {
    const char* const from = at_;
    while (at_ != end_ && IsDigit(*at_)) ++at_;
    return at_ != from;
  };
  const auto fail = [&](std::string_view what) {
    Fail(what);
    return false;
  };
  if (*at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
    if (at_ != end_ && IsDigit(*at_)) return fail("a number with a leading zero");
  } else if (!digits()) {
    return fail("expected a value");
  }
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return fail("expected a digit");
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail("expected a digit");
  }
  token.raw = std::string_view(start, static_cast<size_t>(at_ - start));
  return true;
}

// One character of two to four bytes.
bool JsonCursor::ScanUtf8() {
  const auto byte = [&](ptrdiff_t i) -> uint8_t {
    return i < end_ - at_ ? static_cast<uint8_t>(at_[i]) : 0;
  };
  const auto tail = [&](ptrdiff_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t first = byte(0);
  size_t length = 0;
  if (first >= 0xc2 && first <= 0xdf && tail(1)) {
    length = 2;
  } else if ((first & 0xf0) == 0xe0 && tail(1) && tail(2)) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    if (!overlong && !surrogate) length = 3;
  } else if (first >= 0xf0 && first <= 0xf4 && tail(1) && tail(2) && tail(3)) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_large = first == 0xf4 && byte(1) > 0x8f;
    if (!overlong && !too_large) length = 4;
  }
  if (length == 0) {
    Fail("bytes that are not UTF-8");
    return false;
  }
  at_ += length;
  return true;
}

// What follows a backslash, with it.
bool JsonCursor::ScanEscape() {
  const std::string_view rest(at_, static_cast<size_t>(end_ - at_));
  const char escaped = rest.size() > 1 ? rest[1] : '\0';
  if (escaped == 'u') {
    const int unit = Hex4(rest.substr(2));
    if (unit < 0) {
      Fail("expected four hexadecimal digits");
      return false;
    }
    size_t length = 6;
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const std::string_view low = rest.substr(std::min<size_t>(6, rest.size()));
      const int second = low.substr(0, 2) == "\\u" ? Hex4(low.substr(2)) : -1;
      if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff) {
        Fail("half of a surrogate pair");
        return false;
      }
      length = 12;
    }
    at_ += length;
    return true;
  }
  if (escaped == '\0' || std::string_view("\"\\/bfnrt").find(escaped) == std::string_view::npos) {
    Fail("an unknown escape");
    return false;
  }
  at_ += 2;
  return true;
}

bool JsonCursor::ScanString(JsonToken& token) {
  const char* const start = ++at_;
  while (true) {
    // Eight bytes at a time, as long as all of them are plain.
    while (end_ - at_ >= 8) {
      uint64_t word;
      std::memcpy(&word, at_, sizeof(word));
      const uint64_t special = SpecialBytes(word);
      if (special == 0) {
        at_ += 8;
        continue;
      }
      at_ += FirstByteOf(special);
      break;
    }
    if (at_ == end_) {
      Fail("a string without its closing quote");
      return false;
    }
    const auto c = static_cast<uint8_t>(*at_);
    if (c == '"') {
      token.raw = std::string_view(start, static_cast<size_t>(at_ - start));
      ++at_;
      return true;
    }
    if (c == '\\') {
      token.has_escapes = true;
      if (!ScanEscape()) return false;
    } else if (c < 0x20) {
      Fail("a control character in a string");
      return false;
    } else if (c < 0x80) {
      ++at_;
    } else if (!ScanUtf8()) {
      return false;
    }
  }
}

bool JsonCursor::Skip(const JsonToken& first) {
  if (first.kind == JsonKind::kError) return false;
  if (first.kind != JsonKind::kObjectStart && first.kind != JsonKind::kArrayStart) return true;
  const int outside = depth_ - 1;
  while (depth_ > outside) {
    if (Next().kind == JsonKind::kError) return false;
  }
  return true;
}

std::string JsonText(const JsonToken& token) {
  if (!token.has_escapes) return std::string(token.raw);
  std::string out;
  out.reserve(token.raw.size());
  for (size_t i = 0; i < token.raw.size(); ++i) {
    if (token.raw[i] != '\\') {
      out.push_back(token.raw[i]);
      continue;
    }
    switch (const char c = token.raw[++i]; c) {
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u': {
        uint32_t code = static_cast<uint32_t>(Hex4(token.raw.substr(i + 1)));
        i += 4;
        if (code >= 0xd800 && code <= 0xdbff) {
          code = 0x10000 + ((code - 0xd800) << 10) +
                 (static_cast<uint32_t>(Hex4(token.raw.substr(i + 3))) - 0xdc00);
          i += 6;
        }
        AppendUtf8(code, out);
        break;
      }
      default:
        out.push_back(c);
    }
  }
  return out;
}

}  // namespace tarn::ingestion
