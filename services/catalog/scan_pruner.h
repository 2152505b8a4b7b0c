// Which files of a snapshot cannot hold a row that meets all predicates: by their partition values
// and by their columns' bounds. Only what is certain is left out; whatever is not understood is
// kept. Immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/catalog/table.h"
#include "services/catalog/typed_value.h"

namespace tarn::catalog {

enum class PredicateOperator {
  kEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kIsNull,
  kIsNotNull,
};

// A condition that every wanted row meets; `values` are literals in the engine's form.
struct ScanPredicate {
  std::string column;
  PredicateOperator op = PredicateOperator::kEqual;
  std::vector<std::string> values;
};

// What is known of the values of one column, or of one partition field, in one file: every one of
// them that is not NULL lies within the bounds, where these are known.
struct ValueRange {
  bool all_null = false;
  bool no_null = false;
  std::optional<TypedValue> lower;
  std::optional<TypedValue> upper;
};

// Where such a range is taken from in a file.
class RangeSource {
 public:
  // The statistics of a column.
  static RangeSource OfColumn(int field_id, const ColumnType& type);
  // The value of a partition field, whose source has this type.
  static RangeSource OfPartition(const PartitionField& partition, const ColumnType& type);

  ValueRange RangeOf(const DataFile& file) const;
  // Equal for sources that give the same range for every file.
  const std::string& key() const { return key_; }

 private:
  ValueRange RangeOfColumn(const DataFile& file) const;
  ValueRange RangeOfPartition(const DataFile& file) const;

  int field_id_ = 0;       // of a column
  std::string partition_;  // else: the field's name
  Transform transform_;
  ColumnType type_;
  std::string key_;
};

// One question to one source.
struct RangeCheck {
  RangeSource source;
  PredicateOperator op;
  std::vector<std::optional<TypedValue>> values;
  // Comparisons are only as sharp as the values: those of a transform hold more than one value
  // each, so that "<" is taken for "<=".
  bool exact = true;
  // NaN is in no bound, and the engine takes it for the largest number of all.
  bool ignore_upper = false;

  bool MayMatch(const ValueRange& range) const;
};

class ScanPruner {
 public:
  // Predicates on columns that the definition lacks are ignored.
  ScanPruner(const TableDefinition& definition, const std::vector<ScanPredicate>& predicates);

  // A file that fails one of them holds no wanted row.
  const std::vector<RangeCheck>& checks() const { return checks_; }
  bool MayMatch(const DataFile& file) const;

 private:
  std::vector<RangeCheck> checks_;
};

}  // namespace tarn::catalog
