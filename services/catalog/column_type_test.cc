#include "services/catalog/column_type.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

TEST(ColumnTypeTest, EveryTypeReadsBackFromItsText) {
  for (const char* text :
       {"boolean", "int", "long", "float", "double", "decimal(10,2)", "date", "time", "timestamp",
        "timestamptz", "string", "uuid", "binary", "struct", "list", "map"}) {
    ASSERT_OK_AND_ASSIGN(const ColumnType type, ParseColumnType(text));
    EXPECT_EQ(FormatColumnType(type), text);
  }
  ASSERT_OK_AND_ASSIGN(const ColumnType spaced, ParseColumnType(" DECIMAL( 38 , 0 ) "));
  EXPECT_EQ(FormatColumnType(spaced), "decimal(38,0)");
}

TEST(ColumnTypeTest, WhatIsNoTypeIsRefused) {
  for (const char* text : {"", "varchar", "decimal", "decimal(0,0)", "decimal(39,2)",
                           "decimal(2,3)", "decimal(a,b)", "decimal(2)"}) {
    EXPECT_THAT(ParseColumnType(text), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_TYPE"))
        << text;
  }
}

TEST(ColumnTypeTest, OnlyLosslessWideningIsAllowed) {
  EXPECT_TRUE(CanWiden({TypeKind::kInt}, {TypeKind::kLong}));
  EXPECT_TRUE(CanWiden({TypeKind::kFloat}, {TypeKind::kDouble}));
  EXPECT_TRUE(CanWiden({TypeKind::kDecimal, 5, 2}, {TypeKind::kDecimal, 9, 2}));
  EXPECT_FALSE(CanWiden({TypeKind::kLong}, {TypeKind::kInt}));
  EXPECT_FALSE(CanWiden({TypeKind::kLong}, {TypeKind::kDouble}));
  EXPECT_FALSE(CanWiden({TypeKind::kDecimal, 5, 2}, {TypeKind::kDecimal, 9, 3}));
}

}  // namespace
}  // namespace tarn::catalog
