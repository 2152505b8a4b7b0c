#include "common/lake/parquet_writer.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/duckdb/sql_text.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::lake {
namespace {

using ::testing::Optional;

namespace fs = std::filesystem;

class ParquetWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(duckdb::Database db, duckdb::Database::Open({.threads = 2}));
    ASSERT_OK_AND_ASSIGN(duckdb::Connection connection, db.Connect());
    connection_.emplace(std::move(connection));
  }
  size_t FilesBelow(const fs::path& path) const {
    size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(path))
      files += entry.is_regular_file();
    return files;
  }
  duckdb::Value One(const std::string& sql) {
    auto result = connection_->Query(sql);
    EXPECT_OK(result);
    return result.ok() ? result->At(0, 0) : duckdb::Value();
  }

  TempDir dir_;
  std::optional<duckdb::Connection> connection_;
};

TEST_F(ParquetWriterTest, AFileComesWithItsStatistics) {
  ParquetWriteOptions options;
  options.field_ids =
      "{a: 1, b: 2, s: {__duckdb_field_id: 3, x: 4, \"y.z\": 5}, l: "
      "{__duckdb_field_id: 6, element: 7}, n: 8}";
  options.order_by = "a DESC";
  ASSERT_OK_AND_ASSIGN(
      std::vector<WrittenFile> files,
      WriteParquet(*connection_,
                   "SELECT range AS a, CASE WHEN range >= 2 THEN 'v' || range END AS b, {x: range, "
                   "\"y.z\": 'q'} AS s, [1, NULL] AS l, 'nan'::DOUBLE AS n FROM range(10) -- all",
                   dir_ / "staging", options));
  ASSERT_EQ(files.size(), 1);
  const WrittenFile& file = files[0];
  EXPECT_EQ(file.row_count, 10);
  EXPECT_EQ(file.bytes, fs::file_size(file.path));
  EXPECT_EQ(dir_ / "staging" / file.relative_path, file.path);
  EXPECT_TRUE(file.partition.empty());

  const ColumnStats* a = file.Find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_THAT(a->lower, Optional(std::string("0")));
  EXPECT_THAT(a->upper, Optional(std::string("9")));
  EXPECT_THAT(a->null_count, Optional(uint64_t{0}));
  EXPECT_THAT(a->value_count, Optional(uint64_t{10}));
  ASSERT_NE(file.Find("b"), nullptr);
  EXPECT_THAT(file.Find("b")->null_count, Optional(uint64_t{2}));
  ASSERT_NE(file.Find("s.x"), nullptr);
  EXPECT_THAT(file.Find("s.x")->upper, Optional(std::string("9")));
  ASSERT_NE(file.Find("s.\"y.z\""), nullptr);
  ASSERT_NE(file.Find("l.element"), nullptr);
  EXPECT_THAT(file.Find("l.element")->null_count, Optional(uint64_t{10}));
  ASSERT_NE(file.Find("n"), nullptr);
  EXPECT_THAT(file.Find("n")->has_nan, Optional(true));
  EXPECT_EQ(file.Find("n")->lower, std::nullopt);

  EXPECT_EQ(One("SELECT a FROM read_parquet('" + file.path + "') LIMIT 1"), duckdb::Value(9));
  EXPECT_EQ(One("SELECT compression FROM parquet_metadata('" + file.path + "') LIMIT 1"),
            duckdb::Value("ZSTD"));
}

TEST_F(ParquetWriterTest, PartitionValuesAreTheRowsOwn) {
  ParquetWriteOptions options;
  options.partition_columns = {"p", "t"};
  options.order_by = "a";
  ASSERT_OK_AND_ASSIGN(
      std::vector<WrittenFile> files,
      WriteParquet(
          *connection_,
          "SELECT * FROM (VALUES (1, NULL, TIMESTAMPTZ '2026-01-01 01:00:00+01'), (2, 'x/y', "
          "NULL), (3, '__HIVE_DEFAULT_PARTITION__', NULL), (4, '', NULL)) v(a, p, t)",
          dir_ / "staging", options));
  ASSERT_EQ(files.size(), 4);
  std::set<std::vector<std::optional<std::string>>> seen;
  for (const WrittenFile& file : files) {
    ASSERT_EQ(file.partition.size(), 2);
    EXPECT_EQ(file.partition[0].name, "p");
    EXPECT_EQ(file.partition[1].name, "t");
    seen.insert({file.partition[0].value, file.partition[1].value});
    ASSERT_NE(file.Find("p"), nullptr);
  }
  EXPECT_EQ(seen, (std::set<std::vector<std::optional<std::string>>>{
                      {std::nullopt, "2026-01-01 00:00:00+00"},
                      {"x/y", std::nullopt},
                      {"__HIVE_DEFAULT_PARTITION__", std::nullopt},
                      {"", std::nullopt}}));
}

TEST_F(ParquetWriterTest, PartitionColumnsMayBeLeftOut) {
  ParquetWriteOptions options;
  options.field_ids = "{v: 1}";
  options.partition_columns = {"number"};
  options.write_partition_columns = false;
  ASSERT_OK_AND_ASSIGN(
      const std::vector<WrittenFile> files,
      WriteParquet(*connection_, "SELECT range AS v, range % 3 AS number FROM range(10)",
                   dir_ / "staging", options));
  ASSERT_EQ(files.size(), 3);
  std::set<std::string> numbers;
  for (const WrittenFile& file : files) {
    ASSERT_EQ(file.partition.size(), 1);
    numbers.insert(file.partition[0].value.value_or("NULL"));
    ASSERT_EQ(file.columns.size(), 1);
    EXPECT_EQ(file.columns[0].path, std::vector<std::string>{"v"});
    EXPECT_EQ(One("SELECT count(*) FROM parquet_schema(" + duckdb::QuoteLiteral(file.path) +
                  ") WHERE name = 'number'"),
              duckdb::Value(int64_t{0}));
  }
  EXPECT_EQ(numbers, (std::set<std::string>{"0", "1", "2"}));
}

TEST_F(ParquetWriterTest, PublishedFilesAreReadAtTheirFinalPlace) {
  ParquetWriteOptions options;
  options.partition_columns = {"p"};
  ASSERT_OK_AND_ASSIGN(
      std::vector<WrittenFile> files,
      WriteParquet(*connection_, "SELECT range AS a, range % 3 AS p FROM range(300)",
                   dir_ / "t/staging/w1", options));
  ASSERT_EQ(files.size(), 3);
  ASSERT_OK(PublishWrittenFiles(files, dir_ / "t/data"));
  RemoveStaging(dir_ / "t/staging/w1");
  EXPECT_EQ(FilesBelow(dir_ / "t"), 3);
  std::vector<std::string> paths;
  for (const WrittenFile& file : files) {
    EXPECT_TRUE(file.path.starts_with((dir_ / "t/data").string()));
    paths.push_back(file.path);
  }
  EXPECT_EQ(One("SELECT count(*) FROM read_parquet(" + duckdb::QuoteLiteralList(paths) +
                ", hive_partitioning=false) WHERE a % 3 = p"),
            duckdb::Value(300));
}

TEST_F(ParquetWriterTest, LargeOutputIsCutIntoFiles) {
  ParquetWriteOptions options;
  options.max_file_bytes = 1 << 20;
  options.row_group_rows = 20'480;
  ASSERT_OK_AND_ASSIGN(std::vector<WrittenFile> files,
                       WriteParquet(*connection_, "SELECT hash(range) AS h FROM range(500000)",
                                    dir_ / "staging", options));
  EXPECT_GT(files.size(), 1);
  uint64_t rows = 0;
  for (const WrittenFile& file : files) rows += file.row_count;
  EXPECT_EQ(rows, 500'000);
}

TEST_F(ParquetWriterTest, ASelectWithoutRowsGivesNoFile) {
  ASSERT_OK_AND_ASSIGN(std::vector<WrittenFile> files,
                       WriteParquet(*connection_, "SELECT 1 AS a WHERE false", dir_ / "s", {}));
  EXPECT_TRUE(files.empty());
  EXPECT_EQ(FilesBelow(dir_ / "s"), 0);
}

TEST_F(ParquetWriterTest, AFailedSelectLeavesNoFile) {
  ParquetWriteOptions options;
  options.max_file_bytes = 1 << 16;
  options.row_group_rows = 2048;
  EXPECT_THAT(WriteParquet(*connection_,
                           "SELECT CASE WHEN range = 499999 THEN error('late') ELSE range END AS a "
                           "FROM range(500000)",
                           dir_ / "s", options),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
  EXPECT_EQ(FilesBelow(dir_ / "s"), 0);
}

TEST_F(ParquetWriterTest, AStagingFolderInUseIsRefused) {
  dir_.WriteFile("s/other", "x");
  EXPECT_THAT(WriteParquet(*connection_, "SELECT 1 AS a", dir_ / "s", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STAGING_NOT_EMPTY"));
  EXPECT_TRUE(fs::exists(dir_ / "s/other"));
}

TEST_F(ParquetWriterTest, ASecondStatementIsRefused) {
  EXPECT_FALSE(
      WriteParquet(*connection_, "SELECT 1 AS a) TO '/dev/null'; SELECT (1", dir_ / "s", {}).ok());
}

}  // namespace
}  // namespace tarn::lake
