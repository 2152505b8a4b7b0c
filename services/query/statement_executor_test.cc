#include "services/query/statement_executor.h"

#include <filesystem>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/query/testing/fake_catalog.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kTable[] = "databases/d/tables/t";

// Statements against a lake in a folder, a fake catalog and real workers.
class StatementExecutorTest : public ::testing::Test {
 protected:
  StatementExecutorTest()
      : lake_(*lake::LakePaths::Open(folder_.path())),
        workers_({.lake_root = folder_.path().string(),
                  .temp_directory = spill_.path().string(),
                  .memory_limit_bytes = 512 << 20,
                  .threads = 1}),
        client_(catalog_.channel()),
        executor_(workers_, client_, lake_, 1) {
    context_.credentials = [] { return rpc::Credentials{"token", "call"}; };
  }

  absl::Status Run(const std::string& sql, const std::string& commit_key = "") {
    QuerySpec spec;
    spec.workspace = "default";
    spec.user = "ada";
    spec.sql = sql;
    spec.default_database = "d";
    spec.commit_key = commit_key;
    spec.export_format = export_format_;
    spec.export_file_name = "rows.csv";
    spec.max_rows = 1000;
    spec.max_memory_bytes = 512 << 20;
    context_.query_id = "q" + std::to_string(++queries_);
    rows_.clear();
    RowSink sink;
    sink.on_columns = [](const std::vector<ResultColumnInfo>&) { return absl::OkStatus(); };
    sink.on_rows = [this](std::string data, int64_t) {
      rows_ += data;
      return absl::OkStatus();
    };
    outcome_ = {};
    return executor_.Execute(spec, context_, sink, &outcome_);
  }

  std::string RowsOf(const std::string& sql) {
    EXPECT_OK(Run(sql)) << sql;
    return rows_;
  }

  // Files of the lake whose path has `part` in it.
  std::vector<std::string> FilesWith(const std::string& part) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (entry.is_regular_file() && entry.path().string().find(part) != std::string::npos)
        found.push_back(entry.path().string());
    }
    return found;
  }

  TempDir folder_;
  TempDir spill_;
  lake::LakePaths lake_;
  FakeCatalog catalog_;
  WorkerPool workers_;
  CatalogClient client_;
  StatementExecutor executor_;
  ExecutionContext context_;
  QueryOutcome outcome_;
  std::string rows_;
  std::string export_format_;
  int queries_ = 0;
};

TEST_F(StatementExecutorTest, WhatIsWrittenIsRead) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT i AS x FROM range(3) AS r(i)"));
  EXPECT_EQ(outcome_.row_count, 3);
  EXPECT_THAT(outcome_.written_snapshot, HasSubstr("d.t@"));
  ASSERT_OK(Run("INSERT INTO d.t SELECT 7"));
  EXPECT_EQ(RowsOf("SELECT x FROM t ORDER BY x"), "[0]\n[1]\n[2]\n[7]\n");
  EXPECT_EQ(outcome_.files_read, 2);
  EXPECT_THAT(FilesWith("/staging/"), IsEmpty());
}

TEST_F(StatementExecutorTest, ACancelWhileFilesArePublishedIsNotCommitted) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x"));
  std::atomic<bool> cancelled = false;
  context_.stop.cancelled = &cancelled;
  context_.before_commit = [&] {
    cancelled = true;
    return absl::OkStatus();
  };
  EXPECT_THAT(Run("INSERT INTO t SELECT 2"),
              StatusIs(absl::StatusCode::kCancelled, "QUERY_CANCELLED"));
  EXPECT_THAT(catalog_.commits(), SizeIs(1));
  context_.before_commit = nullptr;
  context_.stop.cancelled = nullptr;
  EXPECT_EQ(RowsOf("SELECT x FROM t"), "[1]\n");
}

TEST_F(StatementExecutorTest, AStatementWhoseTimeEndsWhileFilesArePublishedIsNotCommitted) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x"));
  context_.before_commit = [this] {
    context_.stop.deadline = absl::InfinitePast();
    return absl::OkStatus();
  };
  EXPECT_THAT(Run("INSERT INTO t SELECT 2"),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "QUERY_TIMED_OUT"));
  EXPECT_THAT(catalog_.commits(), SizeIs(1));
}

TEST_F(StatementExecutorTest, AnOverwriteReadsItsOwnTableAsItStands) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT i AS x FROM range(4) AS r(i)"));
  ASSERT_OK(Run("INSERT OVERWRITE t SELECT x FROM t WHERE x > 1"));
  EXPECT_EQ(RowsOf("SELECT x FROM t ORDER BY x"), "[2]\n[3]\n");
}

TEST_F(StatementExecutorTest, AnOverwriteMayReadItsOwnTableAtAnOlderVersion) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x"));
  const int64_t first = catalog_.SnapshotsOf(kTable).back().snapshot_id();
  ASSERT_OK(Run("INSERT INTO t SELECT 2"));
  ASSERT_OK(
      Run(absl::StrCat("INSERT OVERWRITE t SELECT x + 10 FROM t AT (VERSION => ", first, ")")));
  EXPECT_EQ(RowsOf("SELECT x FROM t"), "[11]\n");
}

TEST_F(StatementExecutorTest, AnOverwriteOfWhatItReadIsAbortedWhenTheTableChangesMeanwhile) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x"));
  int scans = 0;
  catalog_.OnCall([&](const std::string& method) {
    if (method == "PlanScan" && ++scans == 2) catalog_.Touch(kTable);
  });
  EXPECT_THAT(Run("INSERT OVERWRITE t SELECT x FROM t"),
              StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));
}

TEST_F(StatementExecutorTest, ACommitWhoseAnswerIsLostIsAskedForAgainAndMadeOnce) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x"));
  catalog_.LoseNextCommitAnswer();
  ASSERT_OK(Run("INSERT INTO t SELECT 2"));
  EXPECT_EQ(RowsOf("SELECT x FROM t ORDER BY x"), "[1]\n[2]\n");
}

TEST_F(StatementExecutorTest, StatementsWithOneCommitKeyWriteOnce) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x", "make"));
  const std::string written = outcome_.written_snapshot;
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x", "make"));
  EXPECT_EQ(outcome_.written_snapshot, written);
  EXPECT_THAT(Run("CREATE TABLE t AS SELECT 1 AS x", "another"),
              StatusIs(absl::StatusCode::kAlreadyExists, "TABLE_EXISTS"));
  ASSERT_OK(Run("INSERT INTO t SELECT 2", "fill"));
  ASSERT_OK(Run("INSERT INTO t SELECT 2", "fill"));
  ASSERT_OK(Run("CREATE OR REPLACE TABLE u AS SELECT x FROM t", "copy"));
  ASSERT_OK(Run("CREATE OR REPLACE TABLE u AS SELECT x FROM t", "copy"));
  EXPECT_EQ(RowsOf("SELECT count(*) FROM t"), "[2]\n");
  EXPECT_EQ(RowsOf("SELECT count(*) FROM u"), "[2]\n");
}

TEST_F(StatementExecutorTest, AViewIsReadThroughItsTables) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT i AS x FROM range(3) AS r(i)"));
  ASSERT_OK(Run("CREATE VIEW big AS SELECT x FROM t WHERE x > 0"));
  ASSERT_OK(Run("CREATE VIEW biggest AS SELECT x FROM d.big WHERE x > 1"));
  EXPECT_EQ(RowsOf("SELECT v.x, w.x FROM biggest v JOIN big w USING (x)"), "[2,2]\n");
}

TEST_F(StatementExecutorTest, WorkersReadNothingButTheTablesOfTheirWorkspace) {
  ASSERT_OK_AND_ASSIGN(WorkerPool::Lease worker, workers_.Acquire("default"));
  const auto reads = [&](const std::string& below) {
    const std::string path = folder_.WriteFile(below, "1\n").string();
    auto tree =
        worker->Parse("SELECT * FROM read_csv('" + path + "', columns={'a': 'BIGINT'})", {});
    EXPECT_OK(tree);
    worker::Execute execute;
    execute.set_tree_json(*tree);
    execute.set_memory_limit_bytes(512 << 20);
    execute.set_threads(1);
    execute.mutable_rows()->set_format(worker::RowsOutput::FORMAT_JSON_ROWS);
    return worker->Execute(execute, {}, {}).status();
  };
  EXPECT_OK(reads("default/landing/d/t/x.csv"));
  EXPECT_OK(reads("default/derived/x.csv"));
  EXPECT_OK(reads("default/warehouse/d/t-1/data/x.csv"));
  for (const char* path :
       {"default/results/2026-01-01/q/x.csv", "default/raw/s/x.csv", "default/archive/x.csv",
        "other/landing/d/t/x.csv", "other/warehouse/d/t-1/data/x.csv", "default/x.csv"}) {
    EXPECT_THAT(reads(path), StatusIs(absl::StatusCode::kPermissionDenied, "ENGINE_REFUSED"))
        << path;
  }
}

TEST_F(StatementExecutorTest, AnExportIsWrittenBesideItsQuerysResult) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x"));
  export_format_ = "csv";
  ASSERT_OK(Run("SELECT x FROM t"));
  EXPECT_THAT(outcome_.export_path, ::testing::MatchesRegex("default/results/.*/q2/rows.csv"));
  std::ifstream file(folder_ / outcome_.export_path);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, "x\n1\n");
  EXPECT_EQ(workers_.idle_count(), 1u);
}

TEST_F(StatementExecutorTest, AStatementThatFailsLeavesNoStagedFile) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x"));
  EXPECT_THAT(Run("INSERT INTO t SELECT CAST(error('no') AS INTEGER)"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FilesWith("/staging/"), IsEmpty());
  EXPECT_THAT(catalog_.commits(), SizeIs(1));
}

}  // namespace
}  // namespace tarn::query
