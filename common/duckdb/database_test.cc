#include "common/duckdb/database.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/duckdb/sql_text.h"
#include "common/duckdb/sql_tree.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::duckdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(Database db, Database::Open({.threads = 2}));
    database_.emplace(std::move(db));
    ASSERT_OK_AND_ASSIGN(Connection connection, database_->Connect());
    connection_.emplace(std::move(connection));
  }
  Connection& con() { return *connection_; }
  Value One(const std::string& sql) {
    auto result = con().Query(sql);
    EXPECT_OK(result);
    return result.ok() && result->row_count() > 0 ? result->At(0, 0) : Value();
  }

  std::optional<Database> database_;
  std::optional<Connection> connection_;
};

TEST_F(DatabaseTest, EveryScalarTypeIsReadAsItsValue) {
  EXPECT_EQ(One("SELECT true"), Value(true));
  EXPECT_EQ(One("SELECT -7::TINYINT"), Value(-7));
  EXPECT_EQ(One("SELECT -300::SMALLINT"), Value(-300));
  EXPECT_EQ(One("SELECT 70000"), Value(70000));
  EXPECT_EQ(One("SELECT -9223372036854775808"), Value(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(One("SELECT 200::UTINYINT"), Value(uint32_t{200}));
  EXPECT_EQ(One("SELECT 60000::USMALLINT"), Value(uint32_t{60000}));
  EXPECT_EQ(One("SELECT 4000000000::UINTEGER"), Value(uint32_t{4000000000}));
  EXPECT_EQ(One("SELECT 18446744073709551615::UBIGINT"), Value(~uint64_t{0}));
  EXPECT_EQ(One("SELECT '-170141183460469231731687303715884105728'::HUGEINT"),
            Value(absl::Int128Min()));
  EXPECT_EQ(One("SELECT 340282366920938463463374607431768211455::UHUGEINT"),
            Value(absl::Uint128Max()));
  EXPECT_EQ(One("SELECT 0.5::FLOAT"), Value(0.5));
  EXPECT_EQ(One("SELECT 1e300"), Value(1e300));
  EXPECT_EQ(One("SELECT -1.5::DECIMAL(4,1)"), Value(Decimal{-15, 4, 1}));
  EXPECT_EQ(One("SELECT 1.5::DECIMAL(9,2)"), Value(Decimal{150, 9, 2}));
  EXPECT_EQ(One("SELECT 1.5::DECIMAL(18,3)"), Value(Decimal{1500, 18, 3}));
  EXPECT_EQ(One("SELECT -1.5::DECIMAL(38,4)"), Value(Decimal{-15000, 38, 4}));
  EXPECT_EQ(One("SELECT 'short'"), Value("short"));
  EXPECT_EQ(One("SELECT repeat('é', 20)"), Value("éééééééééééééééééééé"));
  EXPECT_EQ(One("SELECT '\\x00\\xFF'::BLOB"), Value(Blob{std::string("\x00\xFF", 2)}));
  EXPECT_EQ(One("SELECT '0110100101'::BIT"), Value("0110100101"));
  EXPECT_EQ(One("SELECT 123456789012345678901234567890::BIGNUM"),
            Value("123456789012345678901234567890"));
  EXPECT_EQ(One("SELECT (-12345)::BIGNUM"), Value("-12345"));
  EXPECT_EQ(One("SELECT 0::BIGNUM"), Value("0"));
  EXPECT_EQ(One("SELECT '01234567-89ab-cdef-0123-456789abcdef'::UUID"),
            Value(Uuid{absl::MakeUint128(0x0123456789abcdef, 0x0123456789abcdef)}));
  EXPECT_EQ(One("SELECT DATE '1970-01-02'"), Value(Date{1}));
  EXPECT_EQ(One("SELECT TIME '00:00:01.5'"), Value(TimeOfDay{1'500'000'000}));
  EXPECT_EQ(One("SELECT TIME_NS '00:00:00.000000007'"), Value(TimeOfDay{7}));
  EXPECT_EQ(One("SELECT TIMETZ '01:00:00+02:30'"), Value(TimeOfDay{3'600'000'000'000, true, 9000}));
  EXPECT_EQ(One("SELECT TIMETZ '01:00:00-08:00'"),
            Value(TimeOfDay{3'600'000'000'000, true, -28800}));
  EXPECT_EQ(One("SELECT TIMESTAMP '1970-01-01 00:00:01'"), Value(Timestamp{1'000'000}));
  EXPECT_EQ(One("SELECT TIMESTAMP_S '1970-01-01 00:00:01'"),
            Value(Timestamp{1, TimeUnit::kSeconds}));
  EXPECT_EQ(One("SELECT TIMESTAMP_MS '1970-01-01 00:00:01'"),
            Value(Timestamp{1000, TimeUnit::kMillis}));
  EXPECT_EQ(One("SELECT TIMESTAMP_NS '1970-01-01 00:00:00.000000005'"),
            Value(Timestamp{5, TimeUnit::kNanos}));
  EXPECT_EQ(One("SELECT TIMESTAMPTZ '1970-01-01 01:00:00+01'"),
            Value(Timestamp{0, TimeUnit::kMicros, true}));
  EXPECT_EQ(One("SELECT INTERVAL '14 months 3 days 1 second'"), Value(Interval{14, 3, 1'000'000}));
  EXPECT_EQ(One("SELECT 'b'::ENUM('a', 'b')"), Value("b"));
  EXPECT_EQ(One("SELECT NULL"), Value());
}

TEST_F(DatabaseTest, NestedTypesAreReadWithTheirNulls) {
  EXPECT_EQ(One("SELECT [1, NULL, 3]"), Value(ListValue{{Value(1), Value(), Value(3)}}));
  EXPECT_EQ(One("SELECT array_value(1, 2)"), Value(ListValue{{Value(1), Value(2)}}));
  EXPECT_EQ(One("SELECT {a: 1, b: NULL::VARCHAR}"),
            Value(StructValue{{{"a", Value(1)}, {"b", Value()}}}));
  EXPECT_EQ(One("SELECT MAP {'k': [1]}"),
            Value(MapValue{{{Value("k"), Value(ListValue{{Value(1)}})}}}));
  EXPECT_EQ(One("SELECT union_value(b := 'x')::UNION(a INT, b VARCHAR)"),
            Value(StructValue{{{"b", Value("x")}}}));
}

// The engine may hand out vectors in compressed form; through the stream they must be flat, in
// every level of nesting.
TEST_F(DatabaseTest, StreamedNestedVectorsHoldEveryRow) {
  ASSERT_OK_AND_ASSIGN(
      ResultStream stream,
      con().Stream("SELECT {c: 7, r: range, l: ['x', range::VARCHAR], n: {d: 'const', m: MAP {'k': "
                   "range}}} AS s, 5 AS five, [42] AS l FROM range(10000)"));
  int64_t row = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(std::optional<Chunk> chunk, stream.Next());
    if (!chunk) break;
    for (uint64_t i = 0; i < chunk->size(); ++i, ++row) {
      const Value expected(StructValue{
          {{"c", Value(7)},
           {"r", Value(row)},
           {"l", Value(ListValue{{Value("x"), Value(std::to_string(row))}})},
           {"n", Value(StructValue{{{"d", Value("const")},
                                    {"m", Value(MapValue{{{Value("k"), Value(row)}}})}}})}}});
      ASSERT_EQ(chunk->column(0).Get(i), expected) << row;
      ASSERT_EQ(chunk->column(1).Int64(i), 5);
      ASSERT_EQ(chunk->column(2).Get(i), Value(ListValue{{Value(42)}}));
    }
  }
  EXPECT_EQ(row, 10000);
}

TEST_F(DatabaseTest, TypesAreDescribedAsSqlWritesThem) {
  ASSERT_OK_AND_ASSIGN(
      QueryResult result,
      con().Query("SELECT 1::DECIMAL(18,2) d, {\"a b\": 1, c: ['x']} s, MAP {1: true} m, "
                  "'a'::ENUM('a','it''s') e, array_value(1,2) a, '{}'::JSON j, now() t"));
  std::vector<std::string> types;
  for (const Column& column : result.schema()) types.push_back(column.type.ToSqlString());
  EXPECT_THAT(types, ElementsAre("DECIMAL(18,2)", "STRUCT(\"a b\" INTEGER, \"c\" VARCHAR[])",
                                 "MAP(INTEGER, BOOLEAN)", "ENUM('a', 'it''s')", "INTEGER[2]",
                                 "JSON", "TIMESTAMP WITH TIME ZONE"));
  for (const std::string& type : types) {
    EXPECT_OK(con().Query("SELECT NULL::" + type)) << type;
  }
}

TEST_F(DatabaseTest, EveryBoundValueComesBackAsItself) {
  const std::vector<Value> values = {
      Value(true),
      Value(-5),
      Value(uint64_t{5}),
      Value(absl::Int128Min()),
      Value(absl::Uint128Max()),
      Value(0.1),
      Value("it's"),
      Value(std::string("a\0b", 3)),
      Value(Blob{std::string("\0\1", 2)}),
      Value(Date{-1}),
      Value(TimeOfDay{1'000'000}),
      Value(TimeOfDay{7}),
      Value(TimeOfDay{0, true, 3600}),
      Value(Timestamp{-1}),
      Value(Timestamp{1, TimeUnit::kMicros, true}),
      Value(Timestamp{1, TimeUnit::kNanos}),
      Value(Timestamp{1, TimeUnit::kSeconds}),
      Value(Interval{1, 2, 3}),
      Value(Decimal{-5, 38, 3}),
      Value(Uuid{absl::MakeUint128(~uint64_t{0}, 1)}),
      Value(ListValue{{Value(), Value("b"), Value("")}}),
      Value(StructValue{{{"a", Value(1)}, {"b", Value(ListValue{{Value(2)}})}}}),
      Value(MapValue{{{Value("k"), Value(1)}}}),
      Value()};
  for (size_t i = 0; i < values.size(); ++i) {
    auto result = con().Query("SELECT $1", {values[i]});
    ASSERT_OK(result) << i;
    EXPECT_EQ(result->At(0, 0), values[i]) << i;
  }
}

TEST_F(DatabaseTest, ParametersAreBoundByNameAndByPlace) {
  ASSERT_OK_AND_ASSIGN(PreparedStatement named,
                       con().Prepare("SELECT $since::INTEGER + $x::INTEGER AS total"));
  EXPECT_EQ(named.kind(), StatementKind::kSelect);
  EXPECT_THAT(named.parameter_names(), ::testing::UnorderedElementsAre("since", "x"));
  ASSERT_EQ(named.schema().size(), 1);
  EXPECT_EQ(named.schema()[0].name, "total");
  ASSERT_OK(named.Bind("since", Value(40)));
  ASSERT_OK(named.Bind("x", Value(2)));
  ASSERT_OK_AND_ASSIGN(QueryResult result, named.Execute());
  EXPECT_EQ(result.At(0, 0), Value(42));

  EXPECT_THAT(named.Bind("nope", Value(1)),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR", HasSubstr("$nope")));
  EXPECT_THAT(named.Bind(3, Value(1)), StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
  EXPECT_THAT(named.BindAll({Value(1)}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(DatabaseTest, ChangedRowsAreCounted) {
  ASSERT_OK(con().Execute("CREATE TABLE t(a INTEGER)"));
  ASSERT_OK_AND_ASSIGN(QueryResult result, con().Query("INSERT INTO t SELECT range FROM range(5)"));
  EXPECT_EQ(result.return_kind(), ReturnKind::kChangedRows);
  EXPECT_EQ(result.rows_changed(), 5);
}

TEST_F(DatabaseTest, ErrorsOfTheStatementKeepMessageKindAndPosition) {
  for (const char* sql : {"selec", "SELECT nope", "SELECT 'x'::INTEGER", "SELECT error('boo')",
                          "SELECT * FROM nope", "SELECT 1; SELECT 2", ""}) {
    EXPECT_THAT(con().Query(sql, {}), StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"))
        << sql;
  }
  const absl::Status status = con().Query("SELECT nope", {}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("Binder Error: Referenced column \"nope\""));
  EXPECT_EQ(ErrorMetadataOf(status).at("engine_error"), "Binder");
  EXPECT_EQ(ErrorMetadataOf(status).at("position"), "7");
  EXPECT_EQ(ErrorMetadataOf(con().Query("SELECT 'é', nope", {}).status()).at("position"), "13");
  EXPECT_EQ(ErrorMetadataOf(con().Query("SELECT 'é' from where", {}).status()).at("position"),
            "16");
}

TEST_F(DatabaseTest, AnErrorInTheMiddleOfAStreamIsNotTakenForItsEnd) {
  ASSERT_OK_AND_ASSIGN(ResultStream stream,
                       con().Stream("SELECT CASE WHEN range = 900000 THEN error('late') ELSE range "
                                    "END FROM range(1000000)"));
  absl::Status status;
  while (true) {
    auto chunk = stream.Next();
    status = chunk.status();
    if (!chunk.ok() || !*chunk) break;
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR", HasSubstr("late")));
  EXPECT_THAT(stream.Next(), StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
}

TEST_F(DatabaseTest, RunningOutOfMemoryIsResourceExhausted) {
  ASSERT_OK_AND_ASSIGN(Database db,
                       Database::Open({.threads = 1, .memory_limit_bytes = 60'000'000}));
  ASSERT_OK_AND_ASSIGN(Connection small, db.Connect());
  EXPECT_THAT(small.Query("SELECT array_agg(range) FROM range(100000000)"),
              StatusIs(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY"));
  EXPECT_OK(small.Query("SELECT 1"));
}

TEST_F(DatabaseTest, InterruptEndsAMaterialisedQuery) {
  ASSERT_OK_AND_ASSIGN(PreparedStatement statement,
                       con().Prepare("SELECT sum(sin(a.range + b.range)) FROM range(10000000) a, "
                                     "range(100000) b"));
  std::atomic<bool> done = false;
  std::thread interrupter([&] {
    // An interrupt before the statement starts is forgotten, so it is repeated until one is heard.
    while (!done) {
      con().Interrupt();
      std::this_thread::yield();
    }
  });
  const absl::Status status = statement.Execute().status();
  done = true;
  interrupter.join();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kCancelled, "INTERRUPTED"));
}

TEST_F(DatabaseTest, InterruptEndsAStreamWithAnErrorAndNotAsItsEnd) {
  ASSERT_OK_AND_ASSIGN(ResultStream stream, con().Stream("SELECT range FROM range(1000000000000)"));
  ASSERT_OK_AND_ASSIGN(std::optional<Chunk> first, stream.Next());
  ASSERT_TRUE(first.has_value());
  con().Interrupt();
  absl::Status status;
  while (status.ok()) {
    auto chunk = stream.Next();
    status = chunk.status();
    ASSERT_TRUE(!chunk.ok() || chunk->has_value());
    if (chunk.ok()) con().Interrupt();
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kCancelled, "INTERRUPTED"));
}

TEST_F(DatabaseTest, AStreamOfManyRowsStaysInLittleMemory) {
  rusage before = {};
  getrusage(RUSAGE_SELF, &before);
  ASSERT_OK_AND_ASSIGN(ResultStream stream,
                       con().Stream("SELECT range, repeat('x', 100) || range FROM range(6000000)"));
  uint64_t rows = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(std::optional<Chunk> chunk, stream.Next());
    if (!chunk) break;
    rows += chunk->size();
  }
  EXPECT_EQ(rows, 6'000'000);
  rusage after = {};
  getrusage(RUSAGE_SELF, &after);
  // 700 MB of text passed through.
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 150 * 1024) << "KiB";
}

TEST_F(DatabaseTest, AChunkOutlivesItsDatabase) {
  std::optional<Chunk> chunk;
  {
    ASSERT_OK_AND_ASSIGN(ResultStream stream, con().Stream("SELECT repeat('y', 50)"));
    ASSERT_OK_AND_ASSIGN(chunk, stream.Next());
  }
  connection_.reset();
  database_.reset();
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(chunk->column(0).Bytes(0), std::string(50, 'y'));
}

TEST_F(DatabaseTest, ProgressIsKeptWhenAskedFor) {
  ASSERT_OK_AND_ASSIGN(Database db, Database::Open({.track_progress = true}));
  ASSERT_OK_AND_ASSIGN(Connection tracked, db.Connect());
  ASSERT_OK(tracked.Execute("CREATE TABLE big AS SELECT range r FROM range(3000000)"));
  std::atomic<bool> done = false;
  double seen = -1;
  std::thread watcher([&] {
    while (!done) {
      seen = std::max(seen, tracked.Progress().percent);
      std::this_thread::yield();
    }
  });
  ASSERT_OK(tracked.Execute("SELECT sum(sin(r) * cos(r) * tan(r)) FROM big"));
  done = true;
  watcher.join();
  EXPECT_GT(seen, 0);
}

TEST_F(DatabaseTest, QuotedTextMeansItself) {
  for (const std::string& text :
       {std::string("plain"), std::string("it's \"so\""), std::string("a\0b", 3),
        std::string("\\n; DROP"), std::string()}) {
    EXPECT_EQ(One("SELECT " + QuoteLiteral(text)), Value(text));
  }
  EXPECT_EQ(One("SELECT " + QuoteIdentifier("we\"ird") + " FROM (SELECT 3 AS " +
                QuoteIdentifier("we\"ird") + ")"),
            Value(3));
  EXPECT_EQ(One("SELECT len(" + QuoteLiteralList({"a", "b'"}) + ")"), Value(2));
}

TEST_F(DatabaseTest, ATreeGoesThereAndBackWithParametersAndCtes) {
  const std::string sql =
      "WITH x AS MATERIALIZED (SELECT range r FROM range(10)) SELECT list_transform([r], v -> v + "
      "$add) AS l FROM x WHERE r > 7 ORDER BY r DESC LIMIT 1";
  ASSERT_OK_AND_ASSIGN(std::string tree, SelectToTree(con(), sql));
  EXPECT_THAT(tree, HasSubstr("\"cte_map\""));
  ASSERT_OK_AND_ASSIGN(std::string back, TreeToSelect(con(), tree));
  ASSERT_OK_AND_ASSIGN(PreparedStatement statement, con().Prepare(back));
  ASSERT_OK(statement.Bind("add", Value(1)));
  ASSERT_OK_AND_ASSIGN(QueryResult result, statement.Execute());
  EXPECT_EQ(result.At(0, 0), Value(ListValue{{Value(10)}}));
}

TEST_F(DatabaseTest, ATreeIsRefusedWithThePlaceOfTheError) {
  const absl::Status status = SelectToTree(con(), "SELECT 'é',\n  from where").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR",
                               HasSubstr("(line 2, column 8)")));
  EXPECT_EQ(ErrorMetadataOf(status).at("line"), "2");
  EXPECT_EQ(ErrorMetadataOf(status).at("position"), "20");
  EXPECT_THAT(SelectToTree(con(), "SELECT 1; SELECT 2"),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR", HasSubstr("2")));
  EXPECT_THAT(SelectToTree(con(), "-- nothing"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(TreeToSelect(con(), "{}"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(TreeToSelect(con(), "nope"), StatusIs(absl::StatusCode::kInvalidArgument));
  const absl::Status other = SelectToTree(con(), "DELETE FROM t").status();
  EXPECT_THAT(other, StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
  EXPECT_EQ(ErrorMetadataOf(other).at("error_subtype"), "NOT_A_SELECT");
}

}  // namespace
}  // namespace tarn::duckdb
