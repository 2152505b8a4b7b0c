#include "services/catalog/scan_pruner.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <absl/strings/match.h>

namespace tarn::catalog {
namespace {

// What is known of the values of one column in one file; every one of them that is not NULL lies
// within the bounds, where these are known.
struct Range {
  bool all_null = false;
  bool no_null = false;
  std::optional<TypedValue> lower;
  std::optional<TypedValue> upper;
};

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

bool MayHold(const Range& range, const std::optional<TypedValue>& value) {
  return !IsBelow(value, range.lower) && !IsBelow(range.upper, value);
}

// `strict` comparisons are only as sharp as the values: those of a transform (`exact` false) hold
// more than one value each, so that "<" is taken for "<=".
bool RangeMayMatch(PredicateOperator op, const std::vector<std::optional<TypedValue>>& values,
                   const Range& range, bool exact) {
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
      return exact ? !IsAtMost(range.upper, value) : !IsBelow(range.upper, value);
    case PredicateOperator::kGreaterOrEqual:
      return !IsBelow(range.upper, value);
    default:
      return true;
  }
}

}  // namespace

ScanPruner::ScanPruner(const TableDefinition& definition,
                       const std::vector<ScanPredicate>& predicates) {
  for (const ScanPredicate& predicate : predicates) {
    const Field* field = FindColumn(definition.schema.fields, predicate.column);
    if (field == nullptr) continue;
    Condition condition{.field_id = field->id, .type = field->type, .op = predicate.op};
    for (const std::string& value : predicate.values) {
      condition.values.push_back(ParseTypedValue(field->type, value));
    }
    for (const PartitionField& partition : definition.partition_fields) {
      if (absl::EqualsIgnoreCase(partition.source, field->name)) {
        condition.partitions.push_back({partition.name, partition.transform});
      }
    }
    conditions_.push_back(std::move(condition));
  }
}

bool ScanPruner::MayMatchBounds(const Condition& condition, const DataFile& file) {
  const auto found =
      std::find_if(file.columns.begin(), file.columns.end(),
                   [&](const ColumnStatistics& s) { return s.field_id == condition.field_id; });
  if (found == file.columns.end()) return true;
  Range range;
  if (found->null_count.has_value()) {
    range.no_null = *found->null_count == 0;
    range.all_null = file.row_count > 0 && *found->null_count == file.row_count;
  }
  if (found->lower_bound) range.lower = ParseBound(condition.type, *found->lower_bound, true);
  // NaN is in no bound, and the engine takes it for the largest number of all.
  const bool nan_may_match =
      (condition.type.kind == TypeKind::kFloat || condition.type.kind == TypeKind::kDouble) &&
      (condition.op == PredicateOperator::kGreater ||
       condition.op == PredicateOperator::kGreaterOrEqual);
  if (found->upper_bound && !nan_may_match) {
    range.upper = ParseBound(condition.type, *found->upper_bound, false);
  }
  return RangeMayMatch(condition.op, condition.values, range, /*exact=*/true);
}

bool ScanPruner::MayMatchPartition(const Condition& condition, const DataFile& file) {
  for (const PartitionRule& rule : condition.partitions) {
    const auto found =
        std::find_if(file.partition.begin(), file.partition.end(),
                     [&](const PartitionValue& value) { return value.name == rule.name; });
    if (found == file.partition.end()) continue;
    // Every transform keeps NULL, and only NULL, as NULL.
    Range range{.all_null = !found->value.has_value(), .no_null = found->value.has_value()};
    if (found->value.has_value()) {
      range.lower = range.upper =
          ParsePartitionValue(rule.transform, condition.type, *found->value);
      if (rule.transform.kind == TransformKind::kIdentity) {
        range.lower = ParseBound(condition.type, *found->value, true);
        range.upper = ParseBound(condition.type, *found->value, false);
      }
    }
    std::vector<std::optional<TypedValue>> values;
    for (const auto& value : condition.values) {
      values.push_back(value ? ApplyTransform(rule.transform, condition.type, *value)
                             : std::nullopt);
    }
    const bool exact = rule.transform.kind == TransformKind::kIdentity;
    if (!RangeMayMatch(condition.op, values, range, exact)) return false;
  }
  return true;
}

bool ScanPruner::MayMatch(const DataFile& file) const {
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& condition) {
    return MayMatchPartition(condition, file) && MayMatchBounds(condition, file);
  });
}

}  // namespace tarn::catalog
