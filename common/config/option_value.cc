#include "common/config/option_value.h"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::config {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status BadValue(std::string_view expected) {
  return InvalidArgument("INVALID_OPTION", "must be " + std::string(expected));
}

// Larger units first, so that formatting finds the largest that divides.
constexpr std::array<std::pair<std::string_view, std::int64_t>, 9> kByteUnits = {{
    {"TiB", std::int64_t{1} << 40},
    {"TB", 1'000'000'000'000},
    {"GiB", std::int64_t{1} << 30},
    {"GB", 1'000'000'000},
    {"MiB", std::int64_t{1} << 20},
    {"MB", 1'000'000},
    {"KiB", std::int64_t{1} << 10},
    {"kB", 1'000},
    {"B", 1},
}};

struct Parser {
  std::string_view text;

  absl::Status operator()(std::string* target) const {
    *target = std::string(text);
    return absl::OkStatus();
  }
  absl::Status operator()(std::int64_t* target) const {
    std::int64_t value;
    if (!absl::SimpleAtoi(View(text), &value)) return BadValue("a whole number, such as 12");
    *target = value;
    return absl::OkStatus();
  }
  absl::Status operator()(double* target) const {
    double value;
    if (!absl::SimpleAtod(View(text), &value) || !std::isfinite(value)) {
      return BadValue("a number, such as 0.5");
    }
    *target = value;
    return absl::OkStatus();
  }
  absl::Status operator()(bool* target) const {
    const std::string lower = absl::AsciiStrToLower(View(text));
    if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") {
      *target = true;
    } else if (lower == "false" || lower == "no" || lower == "off" || lower == "0") {
      *target = false;
    } else {
      return BadValue("true or false");
    }
    return absl::OkStatus();
  }
  absl::Status operator()(absl::Duration* target) const {
    TARN_ASSIGN_OR_RETURN(*target, ParseDuration(text));
    return absl::OkStatus();
  }
  absl::Status operator()(ByteSize* target) const {
    TARN_ASSIGN_OR_RETURN(*target, ParseByteSize(text));
    return absl::OkStatus();
  }
  absl::Status operator()(std::vector<std::string>* target) const {
    target->clear();
    for (absl::string_view item : absl::StrSplit(View(text), ',', absl::SkipWhitespace())) {
      target->emplace_back(absl::StripAsciiWhitespace(item));
    }
    return absl::OkStatus();
  }
};

struct Formatter {
  std::string operator()(const std::string* v) const { return *v; }
  std::string operator()(const std::int64_t* v) const { return absl::StrCat(*v); }
  std::string operator()(const double* v) const { return absl::StrCat(*v); }
  std::string operator()(const bool* v) const { return *v ? "true" : "false"; }
  std::string operator()(const absl::Duration* v) const { return absl::FormatDuration(*v); }
  std::string operator()(const ByteSize* v) const { return FormatByteSize(*v); }
  std::string operator()(const std::vector<std::string>* v) const { return absl::StrJoin(*v, ","); }
};

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  absl::Duration duration;
  // Days are ours: Abseil stops at hours, and retention is not told in hours.
  std::int64_t days;
  if (text.ends_with('d') && absl::SimpleAtoi(View(text.substr(0, text.size() - 1)), &days)) {
    return absl::Hours(24) * days;
  }
  if (text.empty() || !absl::ParseDuration(View(text), &duration)) {
    return BadValue("a duration with its unit, such as 250ms, 5s, 1h30m or 7d");
  }
  return duration;
}

absl::StatusOr<ByteSize> ParseByteSize(std::string_view text) {
  const absl::Status bad = BadValue("a size, such as 4096, 512KiB, 64MiB or 1GB");
  std::size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) {
    ++digits;
  }
  std::int64_t number;
  if (!absl::SimpleAtoi(View(text.substr(0, digits)), &number)) return bad;
  const absl::string_view unit = absl::StripAsciiWhitespace(View(text.substr(digits)));
  if (unit.empty()) return ByteSize{number};
  for (const auto& [name, factor] : kByteUnits) {
    if (absl::AsciiStrToLower(View(name)) != absl::AsciiStrToLower(unit)) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / factor) return bad;
    return ByteSize{number * factor};
  }
  return bad;
}

std::string FormatByteSize(ByteSize size) {
  for (const auto& [name, factor] : kByteUnits) {
    if (size.bytes != 0 && size.bytes % factor == 0) {
      return absl::StrCat(size.bytes / factor, View(name));
    }
  }
  return absl::StrCat(size.bytes);
}

absl::Status ParseInto(Target target, std::string_view text) {
  return std::visit(Parser{text}, target);
}

std::string FormatTarget(Target target) { return std::visit(Formatter{}, target); }

std::string_view TypeName(Target target) {
  constexpr std::array<std::string_view, std::variant_size_v<Target>> kNames = {
      "text", "number", "number", "true|false", "duration", "size", "list"};
  return kNames[target.index()];
}

}  // namespace tarn::config
