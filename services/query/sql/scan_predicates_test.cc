#include "services/query/sql/scan_predicates.h"

#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_tree.h"
#include "common/testing/status_matchers.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ScanPredicatesTest : public ::testing::Test {
 protected:
  ScanPredicatesTest() : connection_(*duckdb::Database::Open({})->Connect()) {
    for (const auto& [name, type] :
         {std::pair("i", "long"), std::pair("s", "string"), std::pair("d", "date"),
          std::pair("ts", "timestamp"), std::pair("tz", "timestamptz"), std::pair("f", "double"),
          std::pair("r", "float"), std::pair("n", "decimal(10,2)"),
          std::pair("_committed_at", "timestamptz")}) {
      catalog::Field* field = schema_.add_fields();
      field->set_name(name);
      field->set_type(type);
    }
  }

  // What is sent for d.t: "i EQUAL 5".
  std::vector<std::string> Of(const std::string& sql) {
    auto text = duckdb::SelectToTree(connection_, sql);
    EXPECT_OK(text) << sql;
    auto conjuncts = CollectConjuncts(nlohmann::json::parse(*text), "d");
    EXPECT_OK(conjuncts);
    std::vector<std::string> found;
    for (const catalog::ScanPredicate& predicate :
         ToScanPredicates((*conjuncts)[{"d", "t", "", ""}], schema_)) {
      std::string name = catalog::PredicateOperator_Name(predicate.operator_());
      found.push_back(absl::StrCat(
          predicate.column(), " ", name.substr(sizeof "PREDICATE_OPERATOR_" - 1),
          predicate.values_size() > 0 ? " " : "", absl::StrJoin(predicate.values(), ",")));
    }
    return found;
  }
  std::vector<std::string> Where(const std::string& condition) {
    return Of("SELECT * FROM t WHERE " + condition);
  }

  duckdb::Connection connection_;
  catalog::Schema schema_;
};

TEST_F(ScanPredicatesTest, SimpleConjunctsAreTaken) {
  EXPECT_THAT(Where("i = 5"), ElementsAre("i EQUAL 5"));
  EXPECT_THAT(Where("5 < i AND t.i <= 7"), ElementsAre("i GREATER 5", "i LESS_OR_EQUAL 7"));
  EXPECT_THAT(Where("d.t.i >= -3"), ElementsAre("i GREATER_OR_EQUAL -3"));
  EXPECT_THAT(Where("I BETWEEN 1 AND 2"), ElementsAre("i GREATER_OR_EQUAL 1", "i LESS_OR_EQUAL 2"));
  EXPECT_THAT(Where("i IN (1, 2)"), ElementsAre("i IN 1,2"));
  EXPECT_THAT(Where("s IS NULL AND i IS NOT NULL"), ElementsAre("s IS_NULL", "i IS_NOT_NULL"));
  EXPECT_THAT(Where("s LIKE 'ab%'"), ElementsAre("s GREATER_OR_EQUAL ab", "s LESS ac"));
  EXPECT_THAT(Where("s = 'x' AND (i = 1 OR i = 2)"), ElementsAre("s EQUAL x"));
  EXPECT_THAT(Where("n > 1.05"), ElementsAre("n GREATER 1.05"));
  EXPECT_THAT(Where("f > 3"), ElementsAre("f GREATER 3"));
}

TEST_F(ScanPredicatesTest, DatesAndTimesAreTakenInTheirOwnForm) {
  EXPECT_THAT(Where("d = DATE '2026-01-31'"), ElementsAre("d EQUAL 2026-01-31"));
  EXPECT_THAT(Where("d >= '2026-01-31'"), ElementsAre("d GREATER_OR_EQUAL 2026-01-31"));
  EXPECT_THAT(Where("ts < TIMESTAMP '2026-01-31 12:00:00.5'"),
              ElementsAre("ts LESS 2026-01-31 12:00:00.5"));
  EXPECT_THAT(Where("ts < DATE '2026-01-31'"), ElementsAre("ts LESS 2026-01-31 00:00:00"));
  EXPECT_THAT(Where("tz < '2026-01-31 12:00:00+00'"),
              ElementsAre("tz LESS 2026-01-31 12:00:00+00"));
}

TEST_F(ScanPredicatesTest, WhatTheEngineMayCompareOtherwiseIsNot) {
  // The engine casts the column or the literal, or compares in another type.
  EXPECT_THAT(Where("s = 5"), IsEmpty());
  EXPECT_THAT(Where("i = '5.7'"), IsEmpty());
  EXPECT_THAT(Where("i = 1e18"), IsEmpty());
  EXPECT_THAT(Where("r = 0.1"), IsEmpty());
  EXPECT_THAT(Where("d = TIMESTAMP '2026-01-31 12:00:00'"), IsEmpty());
  EXPECT_THAT(Where("d < '31.1.2026'"), IsEmpty());
  EXPECT_THAT(Where("tz < '2026-01-31 12:00:00'"), IsEmpty());
  EXPECT_THAT(Where("i = NULL"), IsEmpty());
  EXPECT_THAT(Where("i + 1 = 5"), IsEmpty());
  EXPECT_THAT(Where("i <> 5"), IsEmpty());
  EXPECT_THAT(Where("i IN (1, NULL)"), IsEmpty());
  EXPECT_THAT(Where("i NOT IN (1)"), IsEmpty());
  EXPECT_THAT(Where("NOT (i = 1)"), IsEmpty());
  EXPECT_THAT(Where("i = 1 OR s = 'x'"), IsEmpty());
  EXPECT_THAT(Where("s LIKE '%x'"), IsEmpty());
  EXPECT_THAT(Where("s ILIKE 'ab%'"), IsEmpty());
  EXPECT_THAT(Where("missing = 1"), IsEmpty());
  EXPECT_THAT(Where("_committed_at > '2026-01-31 12:00:00+00'"), IsEmpty());
  EXPECT_THAT(Where("_committed_at IS NULL"), IsEmpty());
}

TEST_F(ScanPredicatesTest, ATableThatIsNamedTwiceIsReadWhole) {
  EXPECT_THAT(Of("SELECT * FROM t WHERE i = 1 UNION ALL SELECT * FROM t"), IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM t a, t b WHERE a.i = 1"), IsEmpty());
  EXPECT_THAT(Of("WITH c AS (SELECT * FROM t WHERE i = 1) SELECT * FROM c, c AS again"),
              ElementsAre("i EQUAL 1"));
}

TEST_F(ScanPredicatesTest, JoinsKeepWhatAnOuterSideNeeds) {
  EXPECT_THAT(Of("SELECT * FROM t JOIN u USING (k) WHERE t.i = 1"), ElementsAre("i EQUAL 1"));
  EXPECT_THAT(Of("SELECT * FROM u LEFT JOIN t USING (k) WHERE t.i = 1"), ElementsAre("i EQUAL 1"));
  EXPECT_THAT(Of("SELECT * FROM u LEFT JOIN t USING (k) WHERE t.i IS NULL"), IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM t AS x, u WHERE x.i = 1 AND u.i = 2 AND t.i = 3"),
              ElementsAre("i EQUAL 1"));
  EXPECT_THAT(Of("SELECT * FROM (SELECT * FROM t) q WHERE i = 1"), IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.i = 1 AND u.i = 2)"),
              ElementsAre("i EQUAL 1"));
}

TEST_F(ScanPredicatesTest, OtherJoinsAreLeftToTheEngine) {
  EXPECT_THAT(Of("SELECT * FROM u ANTI JOIN t USING (k) WHERE i = 1"), IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM u SEMI JOIN t USING (k) WHERE i = 1"), IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM u ASOF JOIN t ON u.k = t.k AND u.ts >= t.ts WHERE t.i = 1"),
              IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM t POSITIONAL JOIN u WHERE t.i = 1"), IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM t, u WHERE t.i = 1"), ElementsAre("i EQUAL 1"));
  EXPECT_THAT(Of("SELECT * FROM t FULL JOIN u USING (k) WHERE t.i = 1"), ElementsAre("i EQUAL 1"));
}

TEST_F(ScanPredicatesTest, RenamedColumnsAndSamplesAreLeftToTheEngine) {
  EXPECT_THAT(Of("SELECT * FROM t WHERE i = 1 USING SAMPLE 10 ROWS"), IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM t AS x(s, i) WHERE i = 1"), IsEmpty());
  EXPECT_THAT(Of("SELECT * FROM t TABLESAMPLE 50% WHERE i = 1"), IsEmpty());
}

}  // namespace
}  // namespace tarn::query
