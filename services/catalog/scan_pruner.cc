#include "services/catalog/scan_pruner.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

namespace tarn::catalog {
namespace {

bool IsBelow(const std::optional<TypedValue>& a, const std::optional<TypedValue>& b) {
  if (!a || !b) return false;
  const auto order = CompareTypedValues(*a, *b);
  return order.has_value() && *order < 0;
}

bool IsAtMost(const std::optional<TypedValue>& a, const std::optional<TypedValue>& b) {
  if (!a || !b) return false;
  const auto order = CompareTypedValues(*a, *b);
  return order.has_value() && *order <= 0;
}

// A bound of a column that is double may have been written when it was float, as the shortest text
// that says which float: the value lies between the double of that text and the double of that
// float.
std::optional<TypedValue> ParseBound(const ColumnType& type, std::string_view text, bool lower) {
  std::optional<TypedValue> bound = ParseTypedValue(type, text);
  if (!bound || !std::holds_alternative<double>(*bound)) return bound;
  const double value = std::get<double>(*bound);
  if (std::abs(value) > std::numeric_limits<float>::max()) return bound;
  const double as_float = static_cast<float>(value);
  return TypedValue(lower ? std::min(value, as_float) : std::max(value, as_float));
}

bool MayHold(const ValueRange& range, const std::optional<TypedValue>& value) {
  return !IsBelow(value, range.lower) && !IsBelow(range.upper, value);
}

}  // namespace

RangeSource RangeSource::OfColumn(int field_id, const ColumnType& type) {
  RangeSource source;
  source.field_id_ = field_id;
  source.type_ = type;
  source.key_ = absl::StrCat("column ", field_id, " ", FormatColumnType(type));
  return source;
}

RangeSource RangeSource::OfPartition(const PartitionField& partition, const ColumnType& type) {
  RangeSource source;
  source.partition_ = partition.name;
  source.transform_ = partition.transform;
  source.type_ = type;
  source.key_ = absl::StrCat("partition ", FormatTransform(partition.transform), " ",
                             FormatColumnType(type), " ", partition.name);
  return source;
}

ValueRange RangeSource::RangeOf(const DataFile& file) const {
  return partition_.empty() ? RangeOfColumn(file) : RangeOfPartition(file);
}

ValueRange RangeSource::RangeOfColumn(const DataFile& file) const {
  ValueRange range;
  const auto found = std::find_if(file.columns.begin(), file.columns.end(),
                                  [&](const auto& s) { return s.field_id == field_id_; });
  if (found == file.columns.end()) return range;
  if (found->null_count.has_value()) {
    range.no_null = *found->null_count == 0;
    range.all_null = file.row_count > 0 && *found->null_count == file.row_count;
  }
  if (found->lower_bound) range.lower = ParseBound(type_, *found->lower_bound, true);
  if (found->upper_bound) range.upper = ParseBound(type_, *found->upper_bound, false);
  return range;
}

ValueRange RangeSource::RangeOfPartition(const DataFile& file) const {
  ValueRange range;
  const auto found =
      std::find_if(file.partition.begin(), file.partition.end(),
                   [&](const PartitionValue& value) { return value.name == partition_; });
  if (found == file.partition.end()) return range;
  // Every transform keeps NULL, and only NULL, as NULL.
  range.all_null = !found->value.has_value();
  range.no_null = found->value.has_value();
  if (!found->value) return range;
  if (transform_.kind == TransformKind::kIdentity) {
    range.lower = ParseBound(type_, *found->value, true);
    range.upper = ParseBound(type_, *found->value, false);
  } else {
    range.lower = range.upper = ParsePartitionValue(transform_, type_, *found->value);
  }
  return range;
}

bool RangeCheck::MayMatch(const ValueRange& range) const {
  if (op == PredicateOperator::kIsNull) return !range.no_null;
  if (range.all_null) return false;
  if (op == PredicateOperator::kIsNotNull || values.empty()) return true;
  const std::optional<TypedValue>& value = values.front();
  switch (op) {
    case PredicateOperator::kEqual:
      return MayHold(range, value);
    case PredicateOperator::kIn:
      return std::any_of(values.begin(), values.end(),
                         [&](const auto& v) { return MayHold(range, v); });
    case PredicateOperator::kLess:
      return exact ? !IsAtMost(value, range.lower) : !IsBelow(value, range.lower);
    case PredicateOperator::kLessOrEqual:
      return !IsBelow(value, range.lower);
    case PredicateOperator::kGreater:
      if (ignore_upper) return true;
      return exact ? !IsAtMost(range.upper, value) : !IsBelow(range.upper, value);
    case PredicateOperator::kGreaterOrEqual:
      return ignore_upper || !IsBelow(range.upper, value);
    default:
      return true;
  }
}

ScanPruner::ScanPruner(const TableDefinition& definition,
                       const std::vector<ScanPredicate>& predicates) {
  for (const ScanPredicate& predicate : predicates) {
    const Field* field = FindColumn(definition.schema.fields, predicate.column);
    if (field == nullptr) continue;
    const ColumnType& type = field->type;
    std::vector<std::optional<TypedValue>> values;
    for (const std::string& value : predicate.values) {
      values.push_back(ParseTypedValue(type, value));
    }
    for (const PartitionField& partition : definition.partition_fields) {
      if (!absl::EqualsIgnoreCase(partition.source, field->name)) continue;
      RangeCheck check{.source = RangeSource::OfPartition(partition, type),
                       .op = predicate.op,
                       .exact = partition.transform.kind == TransformKind::kIdentity};
      for (const auto& value : values) {
        check.values.push_back(value ? ApplyTransform(partition.transform, type, *value)
                                     : std::nullopt);
      }
      checks_.push_back(std::move(check));
    }
    checks_.push_back(
        {.source = RangeSource::OfColumn(field->id, type),
         .op = predicate.op,
         .values = std::move(values),
         .ignore_upper = type.kind == TypeKind::kFloat || type.kind == TypeKind::kDouble});
  }
}

bool ScanPruner::MayMatch(const DataFile& file) const {
  return std::all_of(checks_.begin(), checks_.end(), [&](const RangeCheck& check) {
    return check.MayMatch(check.source.RangeOf(file));
  });
}

}  // namespace tarn::catalog
