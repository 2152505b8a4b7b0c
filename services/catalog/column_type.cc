#include "services/catalog/column_type.h"

#include <array>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/status/error.h"

namespace tarn::catalog {
namespace {

constexpr std::array<std::pair<std::string_view, TypeKind>, 15> kNames = {{
    {"boolean", TypeKind::kBoolean},
    {"int", TypeKind::kInt},
    {"long", TypeKind::kLong},
    {"float", TypeKind::kFloat},
    {"double", TypeKind::kDouble},
    {"date", TypeKind::kDate},
    {"time", TypeKind::kTime},
    {"timestamp", TypeKind::kTimestamp},
    {"timestamptz", TypeKind::kTimestampTz},
    {"string", TypeKind::kString},
    {"uuid", TypeKind::kUuid},
    {"binary", TypeKind::kBinary},
    {"struct", TypeKind::kStruct},
    {"list", TypeKind::kList},
    {"map", TypeKind::kMap},
}};

constexpr int kMaxDecimalDigits = 38;

absl::Status NotAType(std::string_view text) {
  return InvalidArgument("INVALID_TYPE",
                         "\"" + std::string(text) +
                             "\" is not a type; use one of boolean, int, long, float, double, "
                             "decimal(p,s), date, time, "
                             "timestamp, timestamptz, string, uuid, binary, struct, list, map",
                         {{"type", std::string(text)}});
}

absl::StatusOr<ColumnType> ParseDecimal(std::string_view text, const std::string& lower) {
  const std::string inside = lower.substr(8, lower.size() - 9);
  const std::pair<std::string, std::string> parts = absl::StrSplit(inside, absl::MaxSplits(',', 1));
  ColumnType type{.kind = TypeKind::kDecimal};
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(parts.first), &type.precision) ||
      !absl::SimpleAtoi(absl::StripAsciiWhitespace(parts.second), &type.scale)) {
    return NotAType(text);
  }
  if (type.precision < 1 || type.precision > kMaxDecimalDigits || type.scale < 0 ||
      type.scale > type.precision) {
    return InvalidArgument(
        "INVALID_TYPE",
        "\"" + std::string(text) +
            "\" is out of range: a decimal has 1 to 38 digits, of which 0 to all "
            "stand after the point",
        {{"type", std::string(text)}});
  }
  return type;
}

}  // namespace

absl::StatusOr<ColumnType> ParseColumnType(std::string_view text) {
  std::string lower(text);
  absl::AsciiStrToLower(&lower);
  absl::StripAsciiWhitespace(&lower);
  for (const auto& [name, kind] : kNames) {
    if (lower == name) return ColumnType{.kind = kind};
  }
  if (absl::StartsWith(lower, "decimal(") && absl::EndsWith(lower, ")")) {
    return ParseDecimal(text, lower);
  }
  return NotAType(text);
}

std::string FormatColumnType(const ColumnType& type) {
  if (type.kind == TypeKind::kDecimal) {
    return absl::StrCat("decimal(", type.precision, ",", type.scale, ")");
  }
  for (const auto& [name, kind] : kNames) {
    if (kind == type.kind) return std::string(name);
  }
  return "string";
}

bool CanWiden(const ColumnType& from, const ColumnType& to) {
  if (from == to) return true;
  if (from.kind == TypeKind::kInt) return to.kind == TypeKind::kLong;
  if (from.kind == TypeKind::kFloat) return to.kind == TypeKind::kDouble;
  return from.kind == TypeKind::kDecimal && to.kind == TypeKind::kDecimal &&
         from.scale == to.scale && from.precision <= to.precision;
}

}  // namespace tarn::catalog
