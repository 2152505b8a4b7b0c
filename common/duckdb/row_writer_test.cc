#include "common/duckdb/row_writer.h"

#include <gtest/gtest.h>

#include "common/duckdb/database.h"
#include "common/duckdb/value_text.h"
#include "common/testing/status_matchers.h"

namespace tarn::duckdb {
namespace {

class RowWriterTest : public ::testing::Test {
 protected:
  QueryResult Run(const std::string& sql) {
    auto db = Database::Open({.threads = 1});
    EXPECT_OK(db);
    auto connection = db->Connect();
    EXPECT_OK(connection);
    auto result = connection->Query(sql);
    EXPECT_OK(result);
    return *std::move(result);
  }
  std::string Json(const std::string& sql) {
    const QueryResult result = Run(sql);
    const JsonRowWriter writer(result.schema());
    std::string out;
    for (const Chunk& chunk : result.chunks()) {
      for (uint64_t row = 0; row < chunk.size(); ++row) writer.AppendRow(chunk, row, out);
    }
    return out;
  }
  std::string Csv(const std::string& sql) {
    const QueryResult result = Run(sql);
    const CsvRowWriter writer;
    std::string out;
    writer.AppendHeader(result.schema(), out);
    for (const Chunk& chunk : result.chunks()) {
      for (uint64_t row = 0; row < chunk.size(); ++row) writer.AppendRow(chunk, row, out);
    }
    return out;
  }
};

TEST_F(RowWriterTest, IntegersBeyondWhatJsonReadersHoldAreStrings) {
  EXPECT_EQ(Json("SELECT 9007199254740991 a, 9007199254740992 b, -9007199254740992::HUGEINT c, "
                 "1::UHUGEINT d, 18446744073709551615::UBIGINT e"),
            R"({"a":9007199254740991,"b":"9007199254740992","c":"-9007199254740992","d":1,)"
            R"("e":"18446744073709551615"})");
}

TEST_F(RowWriterTest, NumbersReadBackAsTheSame) {
  EXPECT_EQ(Json("SELECT 0.1::DOUBLE a, 0.1::FLOAT b, 1e300 c, 'nan'::DOUBLE d, '-inf'::FLOAT e, "
                 "-0.05::DECIMAL(5,2) f, 12::DECIMAL(38,0) g"),
            R"({"a":0.1,"b":0.1,"c":1e+300,"d":"NaN","e":"-Infinity","f":"-0.05","g":"12"})");
}

TEST_F(RowWriterTest, TimesAreIso8601) {
  EXPECT_EQ(
      Json("SELECT DATE '2026-01-31' a, TIMESTAMP '1969-12-31 23:59:59.5' b, "
           "TIMESTAMPTZ '2026-03-29 02:30:00+02' c, TIME '01:02:03' d, "
           "INTERVAL '14 months -3 days 1.5 seconds' e, 'infinity'::DATE f, "
           "TIMETZ '12:00:00-03:30' g, DATE '0045-03-15 (BC)' h, "
           "TIMESTAMP_NS '2020-01-01 00:00:00.123456789' i, '-infinity'::TIMESTAMP j"),
      R"({"a":"2026-01-31","b":"1969-12-31T23:59:59.5","c":"2026-03-29T00:30:00Z","d":"01:02:03",)"
      R"("e":"P1Y2M-3DT1.5S","f":"infinity","g":"12:00:00-03:30","h":"-000044-03-15",)"
      R"("i":"2020-01-01T00:00:00.123456789","j":"-infinity"})");
}

TEST_F(RowWriterTest, NestedValuesAndTextAreJson) {
  EXPECT_EQ(Json("SELECT {a: [1, NULL], b: 'q\"\\' || chr(10) || chr(1)} s, MAP {7: true} m, "
                 "'{\"x\":1}'::JSON j, 'ab'::BLOB o, row(1, 2) r, NULL n, "
                 "union_value(k := 5)::UNION(k INT, v VARCHAR) u"),
            R"({"s":{"a":[1,null],"b":"q\"\\\n\u0001"},"m":{"7":true},"j":{"x":1},"o":"YWI=",)"
            R"("r":{"1":1,"2":2},"n":null,"u":5})");
}

TEST_F(RowWriterTest, ColumnsOfOneNameAreKeptApart) {
  EXPECT_EQ(Json("SELECT 1 AS a, 2 AS a, 3 AS a_2"), R"({"a":1,"a_2":2,"a_2_2":3})");
}

TEST_F(RowWriterTest, CsvTellsNullFromEmptyAndQuotesWhatItMust) {
  EXPECT_EQ(Csv("SELECT 1 AS \"a,b\", NULL AS n, '' AS e, 'x\"y' AS q, 'l' || chr(10) || 'm' AS l, "
                "1.50::DECIMAL(4,2) AS d, [1,2] AS li, 9007199254740993 AS big, ' s' AS s"),
            "\"a,b\",n,e,q,l,d,li,big,s\r\n"
            "1,,\"\",\"x\"\"y\",\"l\nm\",1.50,\"[1,2]\",9007199254740993,\" s\"\r\n");
}

// Against the engine's own calendar, over all of its range.
TEST_F(RowWriterTest, DatesAgreeWithTheEngine) {
  const QueryResult result =
      Run("SELECT d, strftime(d, '%Y-%m-%d') FROM (SELECT (DATE '0001-01-01' + (range * "
          "37)::INTEGER) AS d FROM range(98000)) WHERE year(d) <= 9999");
  ASSERT_GT(result.row_count(), 90'000);
  for (const Chunk& chunk : result.chunks()) {
    for (uint64_t row = 0; row < chunk.size(); ++row) {
      std::string text;
      AppendDate(chunk.column(0).GetDate(row), text);
      ASSERT_EQ(text, chunk.column(1).Bytes(row));
    }
  }
}

}  // namespace
}  // namespace tarn::duckdb
