#include "services/ingestion/record/json_cursor.h"

#include <algorithm>

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
  if (error_.empty()) error_ = absl::StrCat(std::string(what), " at byte ", at_);
  return {JsonKind::kError, {}, false};
}

void JsonCursor::SkipSpace() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    ++at_;
  }
}

JsonToken JsonCursor::Next() {
  if (!error_.empty()) return {JsonKind::kError, {}, false};
  SkipSpace();
  if (state_ == State::kDone) {
    if (at_ == text_.size()) return {JsonKind::kEnd, {}, false};
    return Fail("there is more text after the value");
  }
  if (at_ == text_.size()) return Fail("the text ends too soon");
  if (state_ == State::kAfterValue) {
    const char c = text_[at_];
    if (c == ',') {
      ++at_;
      SkipSpace();
      if (at_ == text_.size()) return Fail("the text ends too soon");
      state_ = in_object_[depth_] ? State::kKey : State::kValue;
    } else if (c == '}' && in_object_[depth_]) {
      return Close(JsonKind::kObjectEnd);
    } else if (c == ']' && !in_object_[depth_]) {
      return Close(JsonKind::kArrayEnd);
    } else {
      return Fail(in_object_[depth_] ? "expected a comma or }" : "expected a comma or ]");
    }
  }
  switch (state_) {
    case State::kKeyOrEnd:
      if (text_[at_] == '}') return Close(JsonKind::kObjectEnd);
      [[fallthrough]];
    case State::kKey: {
      if (text_[at_] != '"') return Fail("expected a name in double quotes");
      JsonToken token{JsonKind::kKey, {}, false};
      if (!ScanString(token)) return {JsonKind::kError, {}, false};
      SkipSpace();
      if (at_ == text_.size() || text_[at_] != ':') return Fail("expected a colon");
      ++at_;
      state_ = State::kValue;
      return token;
    }
    case State::kValueOrEnd:
      if (text_[at_] == ']') return Close(JsonKind::kArrayEnd);
      return Value();
    default:
      return Value();
  }
}

JsonToken JsonCursor::Open(JsonKind kind, bool object) {
  if (depth_ == kMaxDepth) {
    return Fail(absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
  }
  ++at_;
  in_object_[++depth_] = object;
  state_ = object ? State::kKeyOrEnd : State::kValueOrEnd;
  return {kind, {}, false};
}

JsonToken JsonCursor::Close(JsonKind kind) {
  ++at_;
  --depth_;
  AfterValue();
  return {kind, {}, false};
}

JsonToken JsonCursor::Value() {
  const std::string_view rest = text_.substr(at_);
  const auto literal = [&](std::string_view word, JsonKind kind) -> JsonToken {
    if (rest.substr(0, word.size()) != word) return Fail("expected a value");
    at_ += word.size();
    AfterValue();
    return {kind, {}, false};
  };
  switch (rest[0]) {
    case '{':
      return Open(JsonKind::kObjectStart, true);
    case '[':
      return Open(JsonKind::kArrayStart, false);
    case '"': {
      JsonToken token{JsonKind::kString, {}, false};
      if (!ScanString(token)) return {JsonKind::kError, {}, false};
      AfterValue();
      return token;
    }
    case 't':
      return literal("true", JsonKind::kTrue);
    case 'f':
      return literal("false", JsonKind::kFalse);
    case 'n':
      return literal("null", JsonKind::kNull);
    default: {
      JsonToken token{JsonKind::kNumber, {}, false};
      if (!ScanNumber(token)) return {JsonKind::kError, {}, false};
      AfterValue();
      return token;
    }
  }
}

bool JsonCursor::ScanNumber(JsonToken& token) {
  const size_t start = at_;
  const auto digits = [&] {
    const size_t from = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    return at_ > from;
  };
  const auto here = [&](char c) { return at_ < text_.size() && text_[at_] == c; };
  if (here('-')) ++at_;
  if (here('0')) {
    ++at_;
    if (at_ < text_.size() && IsDigit(text_[at_])) {
      Fail("a number with a leading zero");
      return false;
    }
  } else if (!digits()) {
    Fail("expected a value");
    return false;
  }
  if (here('.')) {
    ++at_;
    if (!digits()) {
      Fail("expected a digit");
      return false;
    }
  }
  if (here('e') || here('E')) {
    ++at_;
    if (here('+') || here('-')) ++at_;
    if (!digits()) {
      Fail("expected a digit");
      return false;
    }
  }
  token.raw = text_.substr(start, at_ - start);
  return true;
}

// One character of two to four bytes.
bool JsonCursor::ScanUtf8() {
  const auto byte = [&](size_t i) {
    return at_ + i < text_.size() ? static_cast<uint8_t>(text_[at_ + i]) : 0;
  };
  const auto tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
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

bool JsonCursor::ScanString(JsonToken& token) {
  const size_t start = ++at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      token.raw = text_.substr(start, at_ - start);
      ++at_;
      return true;
    }
    if (c == '\\') {
      token.has_escapes = true;
      const char escaped = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
      if (escaped == 'u') {
        const int unit = Hex4(text_.substr(at_ + 2));
        if (unit < 0) {
          Fail("expected four hexadecimal digits");
          return false;
        }
        size_t length = 6;
        if (unit >= 0xd800 && unit <= 0xdfff) {
          const std::string_view low = text_.substr(std::min(at_ + 6, text_.size()));
          const int second = low.substr(0, 2) == "\\u" ? Hex4(low.substr(2)) : -1;
          if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff) {
            Fail("half of a surrogate pair");
            return false;
          }
          length = 12;
        }
        at_ += length;
      } else if (std::string_view("\"\\/bfnrt").find(escaped) != std::string_view::npos &&
                 escaped != '\0') {
        at_ += 2;
      } else {
        Fail("an unknown escape");
        return false;
      }
    } else if (static_cast<uint8_t>(c) < 0x20) {
      Fail("a control character in a string");
      return false;
    } else if (static_cast<uint8_t>(c) < 0x80) {
      ++at_;
    } else if (!ScanUtf8()) {
      return false;
    }
  }
  Fail("a string without its closing quote");
  return false;
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
