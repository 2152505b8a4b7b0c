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

class ScanPruner {
 public:
  // Predicates on columns that the definition lacks are ignored.
  ScanPruner(const TableDefinition& definition, const std::vector<ScanPredicate>& predicates);

  bool MayMatch(const DataFile& file) const;

 private:
  struct PartitionRule {
    std::string name;
    Transform transform;
  };
  struct Condition {
    int field_id = 0;
    ColumnType type;
    PredicateOperator op;
    std::vector<std::optional<TypedValue>> values;
    std::vector<PartitionRule> partitions;
  };

  static bool MayMatchBounds(const Condition& condition, const DataFile& file);
  static bool MayMatchPartition(const Condition& condition, const DataFile& file);

  std::vector<Condition> conditions_;
};

}  // namespace tarn::catalog
