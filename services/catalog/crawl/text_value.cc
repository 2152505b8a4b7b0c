#include "services/catalog/crawl/text_value.h"

#include <charconv>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>

#include "services/catalog/typed_value.h"

namespace tarn::catalog {
namespace {

size_t CountDigits(std::string_view text, size_t at) {
  size_t n = 0;
  while (at + n < text.size() && absl::ascii_isdigit(text[at + n])) ++n;
  return n;
}

// -?(0|[1-9][0-9]*)([.][0-9]*)?([eE][-+]?[0-9]+)?  or  -?[.][0-9]+…
InferredKind ClassifyNumber(std::string_view text) {
  size_t at = text.front() == '-' ? 1 : 0;
  const size_t whole = CountDigits(text, at);
  if (whole > 1 && text[at] == '0') return InferredKind::kString;
  at += whole;
  bool is_double = false;
  size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    is_double = true;
    fraction = CountDigits(text, ++at);
    at += fraction;
  }
  if (whole + fraction == 0) return InferredKind::kString;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    is_double = true;
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const size_t exponent = CountDigits(text, at);
    if (exponent == 0) return InferredKind::kString;
    at += exponent;
  }
  if (at != text.size()) return InferredKind::kString;
  if (!is_double) {
    int64_t value;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() ? InferredKind::kLong : InferredKind::kString;
  }
  double value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? InferredKind::kDouble : InferredKind::kString;
}

bool LooksLikeDate(std::string_view text) {
  return text.size() >= 10 && text[4] == '-' && text[7] == '-' && absl::ascii_isdigit(text[0]);
}

InferredKind ClassifyMoment(std::string_view text) {
  if (text.size() == 10) {
    return ParseTypedValue({TypeKind::kDate}, text) ? InferredKind::kDate : InferredKind::kString;
  }
  // 24:00 is a time for the engine but no moment of its day.
  if (text.size() >= 13 && text.substr(11, 2) == "24") return InferredKind::kString;
  if (ParseTypedValue({TypeKind::kTimestamp}, text)) return InferredKind::kTimestamp;
  // The engine wants seconds before a zone, and takes a text without them for NULL.
  const bool has_seconds = text.size() > 16 && text[16] == ':';
  return has_seconds && ParseTypedValue({TypeKind::kTimestampTz}, text) ? InferredKind::kTimestampTz
                                                                        : InferredKind::kString;
}

}  // namespace

InferredKind ClassifyText(std::string_view text) {
  if (text.empty()) return InferredKind::kNothing;
  const char first = text.front();
  if (LooksLikeDate(text)) return ClassifyMoment(text);
  if (absl::ascii_isdigit(first) || first == '-' || first == '.') return ClassifyNumber(text);
  if (text.size() == 4 || text.size() == 5) {
    const absl::string_view view(text.data(), text.size());
    if (absl::EqualsIgnoreCase(view, "true") || absl::EqualsIgnoreCase(view, "false")) {
      return InferredKind::kBoolean;
    }
  }
  return InferredKind::kString;
}

bool IsCodeName(std::string_view column) {
  std::string letters;
  for (const char c : column) {
    if (absl::ascii_isalpha(c)) letters.push_back(absl::ascii_tolower(c));
  }
  for (const char* known : {"postcode", "postalcode", "zip", "zipcode", "plz", "phone",
                            "phonenumber", "telephone", "mobile", "fax"}) {
    if (letters == known) return true;
  }
  return false;
}

InferredKind ClassifyValue(std::string_view column, std::string_view text) {
  if (!text.empty() && IsCodeName(column)) return InferredKind::kString;
  return ClassifyText(text);
}

}  // namespace tarn::catalog
