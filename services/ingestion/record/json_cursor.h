// Walks over one JSON text, strictly after RFC 8259, token by token and without copying: the engine
// is lenient in many places, and a record must mean exactly what it says. Refuses what is not
// UTF-8, unpaired surrogates, control characters in strings, and nesting deeper than kMaxDepth.
//
//   JsonCursor cursor(text);
//   for (JsonToken token = cursor.Next(); token.kind != JsonKind::kEnd; token = cursor.Next()) {
//     if (token.kind == JsonKind::kError) return …cursor.error()…
//   }
//
// Not thread safe; the text outlives the cursor and its tokens.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::ingestion {

enum class JsonKind : uint8_t {
  kObjectStart,
  kObjectEnd,
  kArrayStart,
  kArrayEnd,
  kKey,  // of an object; its value follows
  kString,
  kNumber,
  kTrue,
  kFalse,
  kNull,
  kEnd,    // the text is over
  kError,  // see error()
};

struct JsonToken {
  JsonKind kind = JsonKind::kEnd;
  bool has_escapes = false;
  // kKey and kString: what is between the quotes, escapes untouched. kNumber: its text.
  std::string_view raw;
};

class JsonCursor {
 public:
  static constexpr int kMaxDepth = 100;

  explicit JsonCursor(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  // After kEnd and kError it gives the same again.
  JsonToken Next();
  // The value whose first token was just taken is passed over as a whole. False on an error.
  bool Skip(const JsonToken& first);
  bool failed() const { return state_ == State::kFailed; }
  // "expected a comma or } at byte 17"; empty without an error.
  const std::string& error() const { return error_; }
  // Where the cursor stands: behind the last token.
  const char* at() const { return at_; }

 private:
  enum class State : uint8_t { kValue, kKeyOrEnd, kKey, kValueOrEnd, kAfterValue, kDone, kFailed };

  JsonToken Value();
  JsonToken Literal(std::string_view word, JsonKind kind);
  JsonToken Fail(std::string_view what);
  JsonToken Open(JsonKind kind, bool object);
  JsonToken Close(JsonKind kind);
  bool ScanString(JsonToken& token);
  bool ScanEscape();
  bool ScanNumber(JsonToken& token);
  bool ScanUtf8();
  void AfterValue() { state_ = depth_ == 0 ? State::kDone : State::kAfterValue; }
  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  int depth_ = 0;
  State state_ = State::kValue;
  // Of each level: whether it is an object.
  std::bitset<kMaxDepth + 1> in_object_;
  std::string error_;
};

// The text that a kKey or kString token stands for.
std::string JsonText(const JsonToken& token);

}  // namespace tarn::ingestion
