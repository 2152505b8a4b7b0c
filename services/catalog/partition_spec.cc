#include "services/catalog/partition_spec.h"

#include <array>
#include <set>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

namespace tarn::catalog {
namespace {

constexpr std::array<std::pair<std::string_view, TransformKind>, 7> kNames = {{
    {"identity", TransformKind::kIdentity},
    {"year", TransformKind::kYear},
    {"month", TransformKind::kMonth},
    {"day", TransformKind::kDay},
    {"hour", TransformKind::kHour},
    {"bucket", TransformKind::kBucket},
    {"truncate", TransformKind::kTruncate},
}};

bool TakesParameter(TransformKind kind) {
  return kind == TransformKind::kBucket || kind == TransformKind::kTruncate;
}

std::string_view TransformName(TransformKind kind) {
  for (const auto& [name, known] : kNames) {
    if (known == kind) return name;
  }
  return "identity";
}

absl::Status NotATransform(std::string_view text) {
  return InvalidArgument(
      "INVALID_TRANSFORM",
      "\"" + std::string(text) +
          "\" is not a partition transform; use identity, year, month, day, hour, "
          "bucket[n] or truncate[w]",
      {{"transform", std::string(text)}});
}

// Whether a value of `type` can be transformed.
bool Fits(const Transform& transform, const ColumnType& type) {
  switch (transform.kind) {
    case TransformKind::kIdentity:
      return !type.IsNested();
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kDay:
      return type.kind == TypeKind::kDate || type.kind == TypeKind::kTimestamp ||
             type.kind == TypeKind::kTimestampTz;
    case TransformKind::kHour:
      return type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampTz;
    case TransformKind::kBucket:
      return !type.IsNested() && type.kind != TypeKind::kBoolean && type.kind != TypeKind::kFloat &&
             type.kind != TypeKind::kDouble;
    case TransformKind::kTruncate:
      return type.kind == TypeKind::kInt || type.kind == TypeKind::kLong ||
             type.kind == TypeKind::kDecimal || type.kind == TypeKind::kString ||
             type.kind == TypeKind::kBinary;
  }
  return false;
}

}  // namespace

absl::StatusOr<Transform> ParseTransform(std::string_view text) {
  if (text.empty()) return Transform{};
  const size_t bracket = text.find('[');
  const std::string name(text.substr(0, bracket));
  for (const auto& [known, kind] : kNames) {
    if (!absl::EqualsIgnoreCase(name, absl::string_view(known.data(), known.size()))) continue;
    Transform transform{.kind = kind};
    if (!TakesParameter(kind)) {
      if (bracket != std::string_view::npos) return NotATransform(text);
      return transform;
    }
    if (bracket == std::string_view::npos || text.back() != ']') return NotATransform(text);
    const std::string number(text.substr(bracket + 1, text.size() - bracket - 2));
    if (!absl::SimpleAtoi(number, &transform.parameter) || transform.parameter < 1) {
      return NotATransform(text);
    }
    return transform;
  }
  return NotATransform(text);
}

std::string FormatTransform(const Transform& transform) {
  std::string text(TransformName(transform.kind));
  if (TakesParameter(transform.kind)) absl::StrAppend(&text, "[", transform.parameter, "]");
  return text;
}

void NamePartitionFields(std::vector<PartitionField>& fields) {
  for (PartitionField& field : fields) {
    if (!field.name.empty()) continue;
    field.name = field.transform.kind == TransformKind::kIdentity
                     ? field.source
                     : field.source + "_" + std::string(TransformName(field.transform.kind));
  }
}

void ValidatePartitionFields(std::string_view path, const std::vector<PartitionField>& spec,
                             const std::vector<Field>& columns,
                             std::vector<FieldViolation>& violations) {
  std::set<std::string> names;
  for (size_t i = 0; i < spec.size(); ++i) {
    const PartitionField& field = spec[i];
    const std::string where = std::string(path) + "[" + std::to_string(i) + "]";
    const Field* column = FindColumn(columns, field.source);
    if (column == nullptr) {
      violations.push_back({where + ".source", "the table has no column \"" + field.source + "\""});
      continue;
    }
    if (!Fits(field.transform, column->type)) {
      violations.push_back({where + ".transform", FormatTransform(field.transform) +
                                                      " does not apply to a column of type " +
                                                      FormatColumnType(column->type)});
    }
    if (!names.insert(absl::AsciiStrToLower(field.name)).second) {
      violations.push_back({where + ".name", "\"" + field.name + "\" is there twice"});
    }
    const bool is_source = field.transform.kind == TransformKind::kIdentity &&
                           absl::EqualsIgnoreCase(field.name, field.source);
    if (!is_source && FindColumn(columns, field.name) != nullptr) {
      violations.push_back({where + ".name", "\"" + field.name + "\" is the name of a column"});
    }
    if (field.name.find('/') != std::string::npos || field.name.find('=') != std::string::npos) {
      violations.push_back({where + ".name", "a partition's name holds neither / nor ="});
    }
  }
}

void ValidateSortFields(std::string_view path, const std::vector<SortField>& order,
                        const std::vector<Field>& columns,
                        std::vector<FieldViolation>& violations) {
  std::set<std::string> names;
  for (size_t i = 0; i < order.size(); ++i) {
    const std::string where = std::string(path) + "[" + std::to_string(i) + "].source";
    const Field* column = FindColumn(columns, order[i].source);
    if (column == nullptr) {
      violations.push_back({where, "the table has no column \"" + order[i].source + "\""});
    } else if (column->type.IsNested()) {
      violations.push_back({where, "rows are not ordered by a nested column"});
    } else if (!names.insert(absl::AsciiStrToLower(order[i].source)).second) {
      violations.push_back({where, "\"" + order[i].source + "\" is there twice"});
    }
  }
}

}  // namespace tarn::catalog
