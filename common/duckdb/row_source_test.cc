#include "common/duckdb/row_source.h"

#include <atomic>
#include <functional>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/duckdb/database.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::duckdb {
namespace {

using ::testing::HasSubstr;

// Rows 0 to `rows`, dealt out to the readers by hundreds; `write` writes one.
class TestSource : public RowSource {
 public:
  using Write = std::function<absl::Status(ChunkWriter&, uint64_t)>;
  TestSource(Schema schema, uint64_t rows, Write write)
      : schema_(std::move(schema)), rows_(rows), write_(std::move(write)) {}

  const Schema& schema() const override { return schema_; }
  uint64_t row_estimate() const override { return rows_; }
  int max_readers() const override { return 2; }
  std::unique_ptr<RowReader> NewReader() override { return std::make_unique<Reader>(*this); }

 private:
  struct Reader : RowReader {
    explicit Reader(TestSource& source) : source(source) {}
    absl::Status Read(ChunkWriter& chunk) override {
      while (!chunk.full()) {
        if (at == end) {
          at = source.next_.fetch_add(100);
          end = std::min(at + 100, source.rows_);
          if (at >= source.rows_) {
            at = end = 0;
            return absl::OkStatus();
          }
        }
        if (absl::Status status = source.write_(chunk, at++); !status.ok()) return status;
      }
      return absl::OkStatus();
    }
    TestSource& source;
    uint64_t at = 0;
    uint64_t end = 0;
  };
  const Schema schema_;
  const uint64_t rows_;
  const Write write_;
  std::atomic<uint64_t> next_{0};
};

LogicalType Of(TypeKind kind, std::vector<LogicalType> children = {},
               std::vector<std::string> names = {}) {
  LogicalType type;
  type.kind = kind;
  type.children = std::move(children);
  type.child_names = std::move(names);
  return type;
}

class RowSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(Database db, Database::Open({.threads = 2, .row_sources = true}));
    ASSERT_OK_AND_ASSIGN(connection_, db.Connect());
  }
  std::string Text(const std::string& sql) {
    auto result = connection_->Query("SELECT CAST((" + sql + ") AS VARCHAR)");
    EXPECT_OK(result);
    if (!result.ok() || result->row_count() == 0) return "no row";
    const Value value = result->At(0, 0);
    return value.IsNull() ? "NULL" : *value.As<std::string>();
  }
  std::optional<Connection> connection_;
};

TEST_F(RowSourceTest, EveryRowIsReadOnceByAllThreads) {
  TestSource source({{"n", Of(TypeKind::kBigInt)}, {"t", Of(TypeKind::kVarchar)}}, 100'001,
                    [](ChunkWriter& chunk, uint64_t n) {
                      chunk.column(0).SetInt64(chunk.row(), static_cast<int64_t>(n));
                      if (n % 3 == 0) {
                        chunk.column(1).SetNull(chunk.row());
                      } else {
                        chunk.column(1).SetBytes(chunk.row(),
                                                 n % 3 == 1 ? "short" : "longer than twelve bytes");
                      }
                      chunk.FinishRow();
                      return absl::OkStatus();
                    });
  const ScopedRowSource named(source);
  EXPECT_EQ(Text("SELECT [count(*), sum(n), count(DISTINCT n), count(t), sum(length(t))] FROM " +
                 named.sql()),
            "[100001, 5000050000, 100001, 66667, 966662]");
}

TEST_F(RowSourceTest, NestedValuesAndNullsComeOutAsTheyWentIn) {
  const LogicalType longs = Of(TypeKind::kList, {Of(TypeKind::kBigInt)});
  const LogicalType by_key = Of(TypeKind::kMap, {Of(TypeKind::kVarchar), longs});
  const LogicalType record = Of(TypeKind::kStruct, {Of(TypeKind::kDouble), longs}, {"x", "many"});
  // Enough elements that the lists grow in the middle of a chunk.
  TestSource source({{"s", record}, {"m", by_key}, {"n", Of(TypeKind::kBigInt)}}, 5000,
                    [](ChunkWriter& chunk, uint64_t n) {
                      const uint64_t row = chunk.row();
                      const auto fill = [&](VectorWriter& list, uint64_t at) {
                        list.BeginList(at);
                        for (uint64_t i = 0; i < n % 7; ++i) {
                          const uint64_t element = list.AppendElement();
                          if (i == 3) {
                            list.child(0).SetNull(element);
                          } else {
                            list.child(0).SetInt64(element, static_cast<int64_t>(n + i));
                          }
                        }
                        list.EndList(at);
                      };
                      if (n % 5 == 4) {
                        chunk.column(0).SetNull(row);
                      } else {
                        chunk.column(0).SetStruct(row);
                        chunk.column(0).child(0).SetDouble(row, 0.5);
                        fill(chunk.column(0).child(1), row);
                      }
                      VectorWriter& map = chunk.column(1);
                      map.BeginList(row);
                      const uint64_t entry = map.AppendElement();
                      map.child(0).SetBytes(entry, "k");
                      fill(map.child(1), entry);
                      map.EndList(row);
                      chunk.column(2).SetInt64(row, static_cast<int64_t>(n));
                      // Every other row is written twice, the first time in vain.
                      if (n % 2 == 0) {
                        chunk.AbandonRow();
                        chunk.column(0).SetStruct(row);
                        chunk.column(0).child(0).SetDouble(row, 0.5);
                        fill(chunk.column(0).child(1), row);
                        map.BeginList(row);
                        map.EndList(row);
                      }
                      chunk.FinishRow();
                      return absl::OkStatus();
                    });
  const ScopedRowSource named(source);
  ASSERT_OK(connection_->Execute("CREATE TABLE t AS SELECT * FROM " + named.sql()));
  EXPECT_EQ(Text("SELECT s FROM t WHERE n = 4005"), "{'x': 0.5, 'many': [4005]}");
  EXPECT_EQ(Text("SELECT s FROM t WHERE n = 4009"), "NULL");
  EXPECT_EQ(Text("SELECT m FROM t WHERE n = 4009"), "{k=[4009, 4010, 4011, NULL, 4013]}");
  EXPECT_EQ(Text("SELECT m FROM t WHERE n = 4010"), "{}");
  EXPECT_EQ(Text("SELECT count(*) FROM t WHERE n % 2 = 1 AND m['k'] IS DISTINCT FROM "
                 "[CASE WHEN i = 3 THEN NULL ELSE n + i END FOR i IN range(n % 7)]"),
            "0");
  EXPECT_EQ(Text("SELECT count(*) FROM t WHERE s IS NOT NULL AND s.many IS DISTINCT FROM "
                 "[CASE WHEN i = 3 THEN NULL ELSE n + i END FOR i IN range(n % 7)]"),
            "0");
}

TEST_F(RowSourceTest, EveryPlainTypeIsWritten) {
  LogicalType decimal = Of(TypeKind::kDecimal);
  decimal.precision = 20;
  decimal.scale = 2;
  decimal.storage_bytes = 16;
  LogicalType small = decimal;
  small.precision = 4;
  small.storage_bytes = 2;
  TestSource source({{"b", Of(TypeKind::kBoolean)},
                     {"i", Of(TypeKind::kInteger)},
                     {"f", Of(TypeKind::kFloat)},
                     {"d", Of(TypeKind::kDate)},
                     {"t", Of(TypeKind::kTime)},
                     {"ts", Of(TypeKind::kTimestamp)},
                     {"tz", Of(TypeKind::kTimestampTz)},
                     {"u", Of(TypeKind::kUuid)},
                     {"x", Of(TypeKind::kBlob)},
                     {"n", decimal},
                     {"m", small}},
                    1, [](ChunkWriter& chunk, uint64_t) {
                      chunk.column(0).SetBool(0, true);
                      chunk.column(1).SetInt32(0, -7);
                      chunk.column(2).SetFloat(0, 1.5F);
                      chunk.column(3).SetInt32(0, 19'000);
                      chunk.column(4).SetInt64(0, 1'500'000);
                      chunk.column(5).SetInt64(0, 1'500'000);
                      chunk.column(6).SetInt64(0, -1'500'000);
                      chunk.column(7).SetUuid(
                          0, absl::MakeUint128(0x0189abcd00007000, 0x8000000000000001));
                      chunk.column(8).SetBytes(0, std::string_view("a\0b", 3));
                      chunk.column(9).SetDecimal(0, -1250);
                      chunk.column(10).SetDecimal(0, 99);
                      chunk.FinishRow();
                      return absl::OkStatus();
                    });
  const ScopedRowSource named(source);
  EXPECT_EQ(Text("SELECT [b::varchar, i::varchar, f::varchar, d::varchar, t::varchar, ts::varchar, "
                 "tz::varchar, u::varchar, x::varchar, n::varchar, m::varchar] FROM " +
                 named.sql()),
            "[true, -7, 1.5, 2022-01-08, '00:00:01.5', '1970-01-01 00:00:01.5', "
            "'1969-12-31 23:59:58.5+00', 0189abcd-0000-7000-8000-000000000001, a\\x00b, "
            "-12.50, 0.99]");
}

TEST_F(RowSourceTest, AnErrorOfAReaderEndsTheStatement) {
  TestSource source({{"n", Of(TypeKind::kBigInt)}}, 10,
                    [](ChunkWriter&, uint64_t) { return Internal("BROKEN", "the reader broke"); });
  const ScopedRowSource named(source);
  EXPECT_THAT(connection_->Query("SELECT * FROM " + named.sql()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, std::string(kSqlError),
                       HasSubstr("the reader broke")));
}

TEST_F(RowSourceTest, ASourceThatIsGoneIsRefused) {
  std::string sql;
  {
    TestSource source({{"n", Of(TypeKind::kBigInt)}}, 0,
                      [](ChunkWriter&, uint64_t) { return absl::OkStatus(); });
    const ScopedRowSource named(source);
    sql = "SELECT * FROM " + named.sql();
    ASSERT_OK_AND_ASSIGN(const QueryResult none, connection_->Query(sql));
    EXPECT_EQ(none.row_count(), 0u);
  }
  EXPECT_THAT(connection_->Query(sql).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, std::string(kSqlError)));
}

}  // namespace
}  // namespace tarn::duckdb
