// How a table's files are divided: fields of a column and a transform, as Apache Iceberg has them.
// A partition value is text in the form of Iceberg's human-readable transforms: "2019" (year),
// "2019-12" (month), "2019-12-21" (day), "2019-12-21-05" (hour), all in UTC. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "common/status/error.h"
#include "services/catalog/schema.h"

namespace tarn::catalog {

enum class TransformKind { kIdentity, kYear, kMonth, kDay, kHour, kBucket, kTruncate };

struct Transform {
  TransformKind kind = TransformKind::kIdentity;
  int parameter = 0;  // kBucket: buckets; kTruncate: width

  friend bool operator==(const Transform&, const Transform&) = default;
};

// Reads "day", "bucket[16]", "truncate[4]"; the empty text is identity. INVALID_ARGUMENT
// (INVALID_TRANSFORM) otherwise.
absl::StatusOr<Transform> ParseTransform(std::string_view text);
std::string FormatTransform(const Transform& transform);

struct PartitionField {
  std::string source;
  Transform transform;
  std::string name;  // empty: not yet named

  friend bool operator==(const PartitionField&, const PartitionField&) = default;
};

struct SortField {
  std::string source;
  bool descending = false;

  friend bool operator==(const SortField&, const SortField&) = default;
};

// The value of one partition field of a file; no value is NULL.
struct PartitionValue {
  std::string name;
  std::optional<std::string> value;

  friend bool operator==(const PartitionValue&, const PartitionValue&) = default;
};
using PartitionTuple = std::vector<PartitionValue>;

// Names those fields that have no name: the column's for identity, else "<column>_<transform>".
void NamePartitionFields(std::vector<PartitionField>& fields);

// Adds what is wrong with a spec over these columns: unknown columns, transforms that do not fit a
// column's type, names used twice or taken by another column. Names are to be given before.
void ValidatePartitionFields(std::string_view path, const std::vector<PartitionField>& spec,
                             const std::vector<Field>& columns,
                             std::vector<FieldViolation>& violations);

// The same for a sort order.
void ValidateSortFields(std::string_view path, const std::vector<SortField>& order,
                        const std::vector<Field>& columns, std::vector<FieldViolation>& violations);

}  // namespace tarn::catalog
