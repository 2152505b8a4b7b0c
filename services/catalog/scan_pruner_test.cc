#include "services/catalog/scan_pruner.h"

#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

using Op = PredicateOperator;

class ScanPrunerTest : public ::testing::Test {
 protected:
  // A file of one column `c` of a type, with bounds.
  bool MayMatch(ColumnType type, std::optional<std::string> lower, std::optional<std::string> upper,
                Op op, std::vector<std::string> values, std::optional<int64_t> nulls = 0) {
    TableDefinition definition;
    definition.schema.fields = {{.id = 1, .name = "c", .type = type}};
    const DataFile file{.row_count = 10, .columns = {{1, nulls, lower, upper}}};
    return ScanPruner(definition, {{"c", op, values}}).MayMatch(file);
  }
  // A file of a partition of a column `c`.
  bool MayMatchPartition(ColumnType type, Transform transform, std::optional<std::string> partition,
                         Op op, std::vector<std::string> values) {
    TableDefinition definition;
    definition.schema.fields = {{.id = 1, .name = "c", .type = type}};
    definition.partition_fields = {{"c", transform, "p"}};
    const DataFile file{.row_count = 10, .partition = {{"p", partition}}};
    return ScanPruner(definition, {{"c", op, values}}).MayMatch(file);
  }
};

TEST_F(ScanPrunerTest, NumbersAreComparedAsNumbers) {
  const ColumnType type{TypeKind::kLong};
  EXPECT_TRUE(MayMatch(type, "9", "100", Op::kEqual, {"50"}));
  EXPECT_FALSE(MayMatch(type, "9", "100", Op::kEqual, {"8"}));
  EXPECT_FALSE(MayMatch(type, "-100", "-9", Op::kGreaterOrEqual, {"-8"}));
  EXPECT_FALSE(MayMatch(type, "9", "100", Op::kIn, {"1", "101"}));
  EXPECT_TRUE(MayMatch(type, "9", "100", Op::kIn, {"1", "99"}));
  EXPECT_FALSE(MayMatch(type, "9", "100", Op::kLess, {"9"}));
  EXPECT_TRUE(MayMatch(type, "9", "100", Op::kLessOrEqual, {"9"}));
  EXPECT_TRUE(MayMatch({TypeKind::kDecimal, 10, 2}, "1.50", "2.00", Op::kEqual, {"1.5"}));
}

TEST_F(ScanPrunerTest, WhatIsNotUnderstoodIsKept) {
  EXPECT_TRUE(MayMatch({TypeKind::kLong}, "9", "100", Op::kEqual, {"abc"}));
  EXPECT_TRUE(MayMatch({TypeKind::kLong}, std::nullopt, std::nullopt, Op::kEqual, {"1"}));
  EXPECT_TRUE(MayMatch({TypeKind::kBinary}, "00", "01", Op::kEqual, {"ff"}));
  // The literal's zone is the session's, which nobody knows here.
  EXPECT_TRUE(MayMatch({TypeKind::kTimestampTz}, "2024-01-01 00:00:00+00", "2024-01-02 00:00:00+00",
                       Op::kEqual, {"2025-01-01 00:00:00"}));
}

TEST_F(ScanPrunerTest, BoundsOfFilesFromBeforeAColumnBecameWiderHoldTheSameValues) {
  // The float 0.1 is the double 0.10000000149011612, the float 0.7 the double 0.699999988079071.
  const ColumnType type{TypeKind::kDouble};
  EXPECT_TRUE(MayMatch(type, "0.1", "0.1", Op::kEqual, {"0.10000000149011612"}));
  EXPECT_TRUE(MayMatch(type, "0.1", "0.1", Op::kGreater, {"0.1"}));
  EXPECT_TRUE(MayMatch(type, "0.7", "0.7", Op::kLess, {"0.7"}));
  EXPECT_TRUE(MayMatchPartition(type, {}, "0.1", Op::kEqual, {"0.10000000149011612"}));
  EXPECT_FALSE(MayMatch(type, "0.1", "0.1", Op::kEqual, {"0.1001"}));
  EXPECT_FALSE(MayMatch(type, "1e300", "1e300", Op::kLess, {"1e299"}));
  // Integers of a column that was long.
  EXPECT_TRUE(MayMatch(type, "7", "9007199254740992", Op::kEqual, {"9007199254740992"}));
  EXPECT_FALSE(MayMatch(type, "7", "9", Op::kLess, {"6.5"}));
}

TEST_F(ScanPrunerTest, NaNIsLargerThanEveryBound) {
  EXPECT_TRUE(MayMatch({TypeKind::kDouble}, "1", "2", Op::kGreater, {"5"}));
  EXPECT_FALSE(MayMatch({TypeKind::kDouble}, "1", "2", Op::kEqual, {"5"}));
  EXPECT_FALSE(MayMatch({TypeKind::kDouble}, "1", "2", Op::kLess, {"1"}));
}

TEST_F(ScanPrunerTest, MomentsAreComparedAcrossTheirForms) {
  EXPECT_TRUE(MayMatch({TypeKind::kTimestamp}, "2024-01-01 10:00:00", "2024-01-01 11:00:00",
                       Op::kEqual, {"2024-01-01T10:30:00.5"}));
  EXPECT_FALSE(MayMatch({TypeKind::kTimestamp}, "2024-01-01 10:00:00", "2024-01-01 11:00:00",
                        Op::kGreaterOrEqual, {"2024-01-02"}));
  EXPECT_FALSE(MayMatch({TypeKind::kTimestampTz}, "2024-01-01 10:00:00+00",
                        "2024-01-01 11:00:00+00", Op::kLess, {"2024-01-01 11:00:00+02"}));
}

TEST_F(ScanPrunerTest, NullCountsDecideAboutNulls) {
  EXPECT_FALSE(MayMatch({TypeKind::kLong}, "1", "2", Op::kIsNull, {}, 0));
  EXPECT_TRUE(MayMatch({TypeKind::kLong}, "1", "2", Op::kIsNull, {}, 1));
  EXPECT_FALSE(MayMatch({TypeKind::kLong}, std::nullopt, std::nullopt, Op::kIsNotNull, {}, 10));
  EXPECT_FALSE(MayMatch({TypeKind::kLong}, std::nullopt, std::nullopt, Op::kEqual, {"1"}, 10));
  EXPECT_TRUE(MayMatch({TypeKind::kLong}, "1", "2", Op::kIsNull, {}, std::nullopt));
}

TEST_F(ScanPrunerTest, IdentityPartitionsHoldOneValue) {
  EXPECT_TRUE(MayMatchPartition({TypeKind::kDate}, {}, "2024-01-01", Op::kEqual, {"2024-01-01"}));
  EXPECT_FALSE(MayMatchPartition({TypeKind::kDate}, {}, "2024-01-01", Op::kLess, {"2024-01-01"}));
  EXPECT_FALSE(MayMatchPartition({TypeKind::kString}, {}, std::nullopt, Op::kEqual, {"a"}));
  EXPECT_TRUE(MayMatchPartition({TypeKind::kString}, {}, std::nullopt, Op::kIsNull, {}));
  EXPECT_FALSE(MayMatchPartition({TypeKind::kString}, {}, "a", Op::kIsNull, {}));
}

TEST_F(ScanPrunerTest, TransformedPartitionsHoldARangeOfValues) {
  const Transform month{TransformKind::kMonth};
  EXPECT_TRUE(MayMatchPartition({TypeKind::kDate}, month, "2024-02", Op::kEqual, {"2024-02-10"}));
  EXPECT_FALSE(MayMatchPartition({TypeKind::kDate}, month, "2024-02", Op::kEqual, {"2024-03-01"}));
  // February holds days before the 10th, so "<" keeps it, although T(value) equals the partition.
  EXPECT_TRUE(MayMatchPartition({TypeKind::kDate}, month, "2024-02", Op::kLess, {"2024-02-10"}));
  EXPECT_FALSE(MayMatchPartition({TypeKind::kDate}, month, "2024-03", Op::kLess, {"2024-02-10"}));
  const Transform hour{TransformKind::kHour};
  EXPECT_TRUE(MayMatchPartition({TypeKind::kTimestamp}, hour, "2024-01-01-05", Op::kEqual,
                                {"2024-01-01 05:59:59"}));
  EXPECT_FALSE(MayMatchPartition({TypeKind::kTimestamp}, hour, "2024-01-01-05", Op::kEqual,
                                 {"2024-01-01 06:00:00"}));
  const Transform bucket{TransformKind::kBucket, 4};
  EXPECT_TRUE(MayMatchPartition({TypeKind::kLong}, bucket, "1", Op::kEqual, {"77"}));
  const Transform truncate{TransformKind::kTruncate, 10};
  EXPECT_TRUE(MayMatchPartition({TypeKind::kLong}, truncate, "-10", Op::kEqual, {"-3"}));
  EXPECT_FALSE(MayMatchPartition({TypeKind::kLong}, truncate, "10", Op::kEqual, {"25"}));
}

}  // namespace
}  // namespace tarn::catalog
