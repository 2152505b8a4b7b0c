// What the rest of Tarn builds on and the engine does not promise: an upgrade that changes any of
// it must fail here first.
#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_text.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::duckdb {
namespace {

using ::testing::Contains;
using ::testing::Key;

namespace fs = std::filesystem;

class EngineFactsTest : public ::testing::Test {
 protected:
  Connection Open(DatabaseOptions options = {}) {
    if (options.threads == 0) options.threads = 2;
    auto db = Database::Open(options);
    EXPECT_OK(db);
    auto connection = db->Connect();
    EXPECT_OK(connection);
    return *std::move(connection);
  }
  std::string Path(const std::string& name) const { return (dir_.path() / name).string(); }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }

  TempDir dir_;
};

class LockDownTest : public EngineFactsTest {
 protected:
  void SetUp() override {
    fs::create_directories(Path("allowed/sub"));
    fs::create_directories(Path("spill"));
    Write(Path("secret.csv"), "a\n1\n");
    Write(Path("one.csv"), "a\n2\n");
    Write(Path("allowed/in.csv"), "a\n3\n");
    fs::create_symlink(Path("secret.csv"), Path("allowed/link.csv"));
    fs::create_directory_symlink(dir_.path(), Path("allowed/up"));
    connection_.emplace(Open({.temp_directory = Path("spill"),
                              .allowed_directories = {Path("allowed")},
                              .allowed_paths = {Path("one.csv")},
                              .lock_down = true}));
  }
  auto Refused() const { return StatusIs(absl::StatusCode::kPermissionDenied, "ENGINE_REFUSED"); }
  absl::Status Run(const std::string& sql) { return connection_->Query(sql, {}).status(); }
  std::optional<Connection> connection_;
};

TEST_F(LockDownTest, WhatIsAllowedIsRead) {
  EXPECT_OK(Run("FROM read_csv('" + Path("allowed/in.csv") + "')"));
  EXPECT_OK(Run("FROM read_csv('" + Path("one.csv") + "')"));
}

TEST_F(LockDownTest, FilesOutsideAreRefusedByEveryRoad) {
  for (const std::string& path :
       {Path("secret.csv"), Path("allowed/../secret.csv"), Path("allowed/sub/../../secret.csv"),
        Path("allowed/up/secret.csv"), std::string("/etc/passwd"), Path("*.csv")}) {
    EXPECT_THAT(Run("FROM read_csv(" + QuoteLiteral(path) + ")"), Refused()) << path;
    EXPECT_THAT(Run("FROM read_text(" + QuoteLiteral(path) + ")"), Refused()) << path;
  }
  EXPECT_THAT(Run("FROM " + QuoteIdentifier(Path("secret.csv"))), Refused());
  EXPECT_THAT(Run("ATTACH '" + Path("x.db") + "'"), Refused());
  EXPECT_THAT(Run("COPY (SELECT 1) TO '" + Path("out.csv") + "'"), Refused());
  EXPECT_THAT(Run("EXPORT DATABASE '" + Path("export") + "'"), Refused());
}

TEST_F(LockDownTest, AnExactPathIsThatOfOneFile) {
  int64_t value = 10;
  for (const std::string name : {"*.csv", "i?.csv", "[i]n.csv", "in].csv", "plain.csv"}) {
    Write(Path("allowed/sub/" + name), "a\n" + std::to_string(++value) + "\n");
  }
  fs::create_directories(Path("allowed/s*"));
  Write(Path("allowed/s*/x.csv"), "a\n1\n");
  for (const std::string name :
       {"sub/*.csv", "sub/i?.csv", "sub/[i]n.csv", "sub/in].csv", "sub/plain.csv", "s*/x.csv"}) {
    const std::string path = Path("allowed/" + name);
    ASSERT_OK_AND_ASSIGN(QueryResult result,
                         connection_->Query("SELECT DISTINCT filename FROM read_csv([" +
                                            QuoteLiteral(ExactPath(path)) + "], filename=true)"));
    ASSERT_EQ(result.row_count(), 1u) << path;
    const Value found = result.At(0, 0);
    ASSERT_NE(found.As<std::string>(), nullptr);
    EXPECT_EQ(*found.As<std::string>(), path);
  }
}

TEST_F(LockDownTest, ASymbolicLinkDoesNotLeadOut) {
  EXPECT_THAT(Run("FROM read_csv('" + Path("allowed/link.csv") + "')"), Refused());
}

TEST_F(LockDownTest, TheConfigurationIsLockedButForWhatARunNeeds) {
  EXPECT_OK(Run("SET memory_limit = '300MB'"));
  EXPECT_OK(Run("SET threads = 1"));
  EXPECT_OK(Run("SET TimeZone = 'Europe/Berlin'"));
  for (const char* sql :
       {"SET enable_external_access = true", "SET lock_configuration = false",
        "SET allowed_directories = ['/']", "SET temp_directory = '/'", "SET errors_as_json = false",
        "SET disabled_optimizers = ''", "RESET allowed_configs"}) {
    EXPECT_FALSE(Run(sql).ok()) << sql;
  }
}

TEST_F(LockDownTest, ExtensionsCannotBeLoaded) {
  EXPECT_FALSE(Run("INSTALL httpfs").ok());
  EXPECT_FALSE(Run("LOAD httpfs").ok());
  EXPECT_FALSE(Run("FROM read_csv('http://127.0.0.1:1/x.csv')").ok());
}

// Why results and warehouse must not be writable for a user's SQL.
TEST_F(LockDownTest, CopyWritesAnywhereInsideAnAllowedDirectory) {
  EXPECT_OK(Run("COPY (SELECT 1 AS a) TO '" + Path("allowed/out.parquet") + "'"));
  EXPECT_TRUE(fs::exists(Path("allowed/out.parquet")));
}

TEST_F(LockDownTest, ProgressWorksUnderTheLock) {
  EXPECT_OK(Open({.lock_down = true, .track_progress = true}).Query("SELECT 1"));
}

TEST_F(EngineFactsTest, TheFilterBarrierSettingIsAccepted) {
  Connection connection = Open({.settings = {{"disabled_optimizers", "cte_filter_pusher"}}});
  ASSERT_OK_AND_ASSIGN(QueryResult result,
                       connection.Query("SELECT current_setting('disabled_optimizers')"));
  EXPECT_EQ(result.At(0, 0), Value("cte_filter_pusher"));
}

TEST_F(EngineFactsTest, AFilteredMaterializedCteHidesRowsFromAThrowingPredicate) {
  Connection connection = Open({.settings = {{"disabled_optimizers", "cte_filter_pusher"}}});
  ASSERT_OK(
      connection.Execute("COPY (SELECT range AS id, CASE WHEN range = 3 THEN 'hidden' ELSE "
                         "'7' END AS v FROM range(10)) TO '" +
                         Path("p.parquet") + "'"));
  const std::string barrier = "WITH __t AS MATERIALIZED (SELECT id, v FROM read_parquet(['" +
                              Path("p.parquet") + "']) WHERE coalesce(try(id <> 3), false)) ";
  EXPECT_OK(connection.Query(barrier + "SELECT * FROM __t AS t WHERE v::INTEGER > 0"));
  EXPECT_FALSE(connection
                   .Query("SELECT * FROM (SELECT v FROM read_parquet(['" + Path("p.parquet") +
                          "'])) WHERE v::INTEGER > 0")
                   .ok());
}

// The statistics of one written file: column path -> {name -> text}.
std::map<std::string, std::map<std::string, std::string>> Statistics(const Value& value) {
  std::map<std::string, std::map<std::string, std::string>> out;
  for (const auto& [column, stats] : value.As<MapValue>()->entries) {
    for (const auto& [name, text] : stats.As<MapValue>()->entries) {
      out[*column.As<std::string>()][*name.As<std::string>()] =
          text.As<std::string>() == nullptr ? "" : *text.As<std::string>();
    }
  }
  return out;
}

TEST_F(EngineFactsTest, CopyReturnsTheStatisticsOfEveryFile) {
  Connection connection = Open();
  ASSERT_OK_AND_ASSIGN(
      QueryResult result,
      connection.Query(
          "COPY (SELECT range AS a, CASE WHEN range < 2 THEN NULL ELSE 'v' || range END "
          "AS b, {x: range, \"y.z\": 'q'} AS s FROM range(10)) TO '" +
          Path("f.parquet") +
          "' (FORMAT parquet, RETURN_STATS, FIELD_IDS {a: 1, b: 2, s: "
          "{__duckdb_field_id: 3, x: 4, \"y.z\": 5}})"));
  ASSERT_EQ(result.row_count(), 1);
  std::vector<std::string> names;
  for (const Column& column : result.schema()) names.push_back(column.name);
  EXPECT_THAT(names,
              ::testing::ElementsAre("filename", "count", "file_size_bytes", "footer_size_bytes",
                                     "column_statistics", "partition_keys"));
  EXPECT_EQ(result.At(0, 0), Value(Path("f.parquet")));
  EXPECT_EQ(result.At(0, 1), Value(uint64_t{10}));
  EXPECT_EQ(result.At(0, 2), Value(uint64_t{fs::file_size(Path("f.parquet"))}));
  auto statistics = Statistics(result.At(0, 4));
  EXPECT_EQ(statistics["\"a\""]["min"], "0");
  EXPECT_EQ(statistics["\"a\""]["max"], "9");
  EXPECT_EQ(statistics["\"a\""]["null_count"], "0");
  EXPECT_EQ(statistics["\"b\""]["min"], "v2");
  EXPECT_EQ(statistics["\"b\""]["null_count"], "2");
  EXPECT_EQ(statistics["\"s\".\"x\""]["max"], "9");
  EXPECT_EQ(statistics["\"s\".\"y.z\""]["max"], "q");

  ASSERT_OK_AND_ASSIGN(QueryResult ids,
                       connection.Query("SELECT name, field_id FROM parquet_schema('" +
                                        Path("f.parquet") + "') WHERE field_id IS NOT NULL"));
  std::map<std::string, int64_t> found;
  for (uint64_t row = 0; row < ids.row_count(); ++row) {
    found[*ids.At(row, 0).As<std::string>()] = *ids.At(row, 1).As<int64_t>();
  }
  EXPECT_EQ(found,
            (std::map<std::string, int64_t>{{"a", 1}, {"b", 2}, {"s", 3}, {"x", 4}, {"y.z", 5}}));
}

TEST_F(EngineFactsTest, PartitionKeysTellNullFromTheTextThatStandsForIt) {
  Connection connection = Open();
  ASSERT_OK_AND_ASSIGN(
      QueryResult result,
      connection.Query("COPY (SELECT * FROM (VALUES (1, NULL), (2, 'x'), (3, "
                       "'__HIVE_DEFAULT_PARTITION__')) t(a, p)) TO '" +
                       Path("parts") +
                       "' (FORMAT parquet, RETURN_STATS, PARTITION_BY (p), WRITE_PARTITION_COLUMNS "
                       "true, FILENAME_PATTERN '{uuid}')"));
  ASSERT_EQ(result.row_count(), 3);
  int nulls = 0;
  int literals = 0;
  for (uint64_t row = 0; row < 3; ++row) {
    const Value keys = result.At(row, 5);
    ASSERT_EQ(keys.As<MapValue>()->entries.size(), 1);
    const auto& [name, value] = keys.As<MapValue>()->entries[0];
    EXPECT_EQ(name, Value("p"));
    nulls += value.IsNull() ? 1 : 0;
    literals += value == Value("__HIVE_DEFAULT_PARTITION__") ? 1 : 0;
  }
  EXPECT_EQ(nulls, 1);
  EXPECT_EQ(literals, 1);
}

TEST_F(EngineFactsTest, OldFilesAreReadByFieldId) {
  Connection connection = Open();
  ASSERT_OK(connection.Execute("COPY (SELECT 1::INTEGER AS a, 'gone' AS b) TO '" +
                               Path("old.parquet") + "' (FORMAT parquet, FIELD_IDS {a: 1, b: 2})"));
  ASSERT_OK(connection.Execute("COPY (SELECT 5000000000 AS a2, 'new' AS b) TO '" +
                               Path("new.parquet") +
                               "' (FORMAT parquet, FIELD_IDS {a2: 1, b: 3})"));
  ASSERT_OK_AND_ASSIGN(
      QueryResult result,
      connection.Query("SELECT a2, b FROM read_parquet(['" + Path("old.parquet") + "', '" +
                       Path("new.parquet") +
                       "'], schema = MAP {1: {name: 'a2', type: 'BIGINT', default_value: NULL}, 3: "
                       "{name: 'b', type: 'VARCHAR', default_value: 'dflt'}}) ORDER BY a2"));
  EXPECT_EQ(result.At(0, 0), Value(1));
  EXPECT_EQ(result.At(0, 1), Value("dflt"));
  EXPECT_EQ(result.At(1, 0), Value(int64_t{5000000000}));
  EXPECT_EQ(result.At(1, 1), Value("new"));
}

// sum(integer) must be cast before it is written: its bounds and digits are lost otherwise.
TEST_F(EngineFactsTest, HugeIntIsWrittenAsDouble) {
  Connection connection = Open();
  ASSERT_OK(connection.Execute("COPY (SELECT sum(range) AS s FROM range(3)) TO '" +
                               Path("h.parquet") + "'"));
  ASSERT_OK_AND_ASSIGN(QueryResult result, connection.Query("SELECT typeof(s) FROM read_parquet('" +
                                                            Path("h.parquet") + "')"));
  EXPECT_EQ(result.At(0, 0), Value("DOUBLE"));
}

}  // namespace
}  // namespace tarn::duckdb
