#include "services/query/worker/worker_process.h"

#include <signal.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {
namespace {

class WorkerProcessTest : public ::testing::Test {
 protected:
  WorkerProcessTest() {
    std::filesystem::create_directories(folder_.path() / "lake");
    auto worker = WorkerProcess::Start(
        {.memory_limit_bytes = 512 << 20, .threads = 1},
        {(folder_.path() / "spill").string(), {(folder_.path() / "lake").string() + "/"}});
    EXPECT_TRUE(worker.ok()) << worker.status();
    if (worker.ok()) worker_ = *std::move(worker);
  }

  worker::Execute Rows(const std::string& sql) {
    worker::Execute execute;
    auto tree = worker_->Parse(sql, {});
    EXPECT_TRUE(tree.ok()) << tree.status();
    if (tree.ok()) execute.set_tree_json(*tree);
    execute.set_memory_limit_bytes(512 << 20);
    execute.set_threads(1);
    execute.mutable_rows()->set_format(worker::RowsOutput::FORMAT_JSON_ROWS);
    return execute;
  }

  absl::StatusOr<std::string> Run(const worker::Execute& execute, const StopConditions& stop = {}) {
    std::string rows;
    ResultSink sink;
    sink.on_rows = [&](worker::Rows batch) {
      rows += batch.data();
      return absl::OkStatus();
    };
    auto done = worker_->Execute(execute, stop, sink);
    if (!done.ok()) return done.status();
    return rows;
  }

  TempDir folder_;
  std::unique_ptr<WorkerProcess> worker_;
};

TEST_F(WorkerProcessTest, RunsASelect) {
  auto rows = Run(Rows("SELECT i, 'x' || i AS s FROM range(2) AS r(i)"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, "[0,\"x0\"]\n[1,\"x1\"]\n");
}

TEST_F(WorkerProcessTest, InheritsNothingButItsSocket) {
  // As a library opens a listener: without close-on-exec.
  const int inherited = ::dup(0);
  auto worker = WorkerProcess::Start(
      {.memory_limit_bytes = 512 << 20, .threads = 1},
      {(folder_.path() / "spill2").string(), {(folder_.path() / "lake").string() + "/"}});
  ASSERT_TRUE(worker.ok()) << worker.status();
  int sockets = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string((*worker)->pid()) + "/fd")) {
    const int number = std::stoi(entry.path().filename().string());
    if (number <= 2) continue;
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.rfind("socket:", 0) == 0) ++sockets;
    if (number == inherited) {
      EXPECT_NE(target, std::filesystem::read_symlink("/proc/self/fd/0").string());
    }
  }
  EXPECT_LE(sockets, 1);
  ::close(inherited);
}

TEST_F(WorkerProcessTest, AnErrorOfTheEngineLeavesTheWorkerUsable) {
  EXPECT_EQ(ErrorReason(Run(Rows("SELECT CAST('x' AS INTEGER)")).status()), "SQL_ERROR");
  EXPECT_TRUE(Run(Rows("SELECT 1")).ok());
}

TEST_F(WorkerProcessTest, TooManyRowsAreAnErrorAndNotACut) {
  worker::Execute execute = Rows("SELECT * FROM range(1000)");
  execute.mutable_rows()->set_max_rows(999);
  EXPECT_EQ(ErrorReason(Run(execute).status()), "RESULT_TOO_LARGE");
}

TEST_F(WorkerProcessTest, StopsWhenItsTimeIsOver) {
  StopConditions stop;
  stop.deadline = absl::Now() + absl::Milliseconds(100);
  const absl::Time begin = absl::Now();
  auto rows = Run(Rows("SELECT count(*) FROM range(100000000000) AS a(x) WHERE x % 7 = 3"), stop);
  EXPECT_EQ(ErrorReason(rows.status()), "QUERY_TIMED_OUT");
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
}

TEST_F(WorkerProcessTest, IsKilledWhenItDoesNotAnswerACancel) {
  std::atomic<bool> cancelled = false;
  StopConditions stop;
  stop.cancelled = &cancelled;
  const worker::Execute execute =
      Rows("SELECT levenshtein(repeat('a', 60000), repeat('b', 60000))");
  std::thread canceller([&] {
    absl::SleepFor(absl::Milliseconds(50));
    cancelled = true;
  });
  const absl::Time begin = absl::Now();
  auto rows = Run(execute, stop);
  canceller.join();
  EXPECT_EQ(ErrorReason(rows.status()), "QUERY_CANCELLED");
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
}

TEST_F(WorkerProcessTest, ADeadWorkerIsAnErrorAndNotAHang) {
  const worker::Execute execute = Rows("SELECT 1");
  ::kill(worker_->pid(), SIGKILL);
  EXPECT_EQ(ErrorReason(Run(execute).status()), "WORKER_GONE");
  EXPECT_FALSE(worker_->alive());
}

TEST_F(WorkerProcessTest, WhatTheBinderWouldHaveMissedDoesNotRun) {
  std::filesystem::create_directories(folder_.path() / "lake" / "t");
  folder_.WriteFile("lake/x.csv", "a\n1\n");
  const std::string file = folder_.path().string() + "/lake/x.csv";
  for (const std::string& sql :
       {"SELECT * FROM '" + file + "'", "SELECT * FROM read_text('" + file + "')",
        "WITH t AS (SELECT * FROM '" + file + "') SELECT 1 FROM t",
        "SELECT (SELECT count(*) FROM glob('" + file + "'))",
        std::string("SELECT * FROM duckdb_settings()"), std::string("SELECT * FROM duckdb_tables"),
        std::string("WITH a AS (SELECT * FROM duckdb_views), duckdb_views AS (SELECT 1 AS x) "
                    "SELECT * FROM a"),
        std::string("SELECT * FROM information_schema.tables"),
        std::string("SELECT * FROM (SHOW TABLES)")}) {
    EXPECT_EQ(ErrorReason(Run(Rows(sql)).status()), "UNBOUND_TABLE") << sql;
  }
  EXPECT_TRUE(Run(Rows("SELECT * FROM read_csv('" + file + "', columns={'a': 'BIGINT'})")).ok());
}

TEST_F(WorkerProcessTest, AColumnsTypeCannotSmuggleAQuery) {
  const std::string file = folder_.WriteFile("lake/x.csv", "a\n1\n").string();
  for (const std::string& type :
       {std::string("INTEGER), (SELECT 1"), "INTEGER) FROM read_csv('" + file + "') AS t(x",
        "INTEGER) FROM '" + file + "' AS (", std::string("INTEGER) ORDER BY (1"),
        std::string("INTEGER) WHERE (true"), std::string("INTEGER) UNION SELECT (1")}) {
    EXPECT_FALSE(worker_->ParseTypes({{"x", type}}, {}).ok()) << type;
  }
  EXPECT_TRUE(worker_->ParseTypes({{"x", "STRUCT(a DECIMAL(10,2), b VARCHAR[])"}}, {}).ok());
}

TEST_F(WorkerProcessTest, TheEngineReadsNothingOutsideOfItsFolders) {
  // Such statements are refused before; this is the last wall.
  EXPECT_FALSE(Run(Rows("SELECT * FROM read_csv('/etc/passwd', columns={'a': 'VARCHAR'})")).ok());
  EXPECT_FALSE(
      Run(Rows("SELECT * FROM read_csv('" + folder_.path().string() + "/lake/../x.csv')")).ok());
}

TEST_F(WorkerProcessTest, WritesATablesFilesWithIdsAndStatistics) {
  worker::Execute execute =
      Rows("SELECT i AS x, CASE WHEN i < 3 THEN 'a' ELSE 'b' END AS p FROM range(5) AS r(i)");
  worker::TableOutput* output = execute.mutable_table();
  output->set_directory((folder_.path() / "lake" / "staging").string());
  for (const auto& [name, type, id] : {std::tuple("x", "long", 1), std::tuple("p", "string", 2)}) {
    auto* field = output->add_fields();
    field->set_name(name);
    field->set_type(type);
    field->set_id(id);
    output->add_sources(name);
  }
  output->add_partition_fields()->set_source("p");
  output->mutable_partition_fields(0)->set_name("p");
  output->mutable_partition_fields(0)->set_transform("identity");
  auto done = worker_->Execute(execute, {}, {});
  ASSERT_TRUE(done.ok()) << done.status();
  ASSERT_EQ(done->files_size(), 2);
  EXPECT_EQ(done->row_count(), 5);
  for (const worker::WrittenFile& file : done->files()) {
    ASSERT_EQ(file.partition_size(), 1);
    EXPECT_EQ(file.row_count(), file.partition(0).value() == "a" ? 3 : 2);
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(output->directory()) / file.path()));
    bool has_bounds = false;
    for (const auto& column : file.columns())
      has_bounds |= column.field_id() == 1 && column.has_lower_bound();
    EXPECT_TRUE(has_bounds);
  }
}

TEST_F(WorkerProcessTest, ANullInARequiredColumnIsRefused) {
  worker::Execute execute = Rows("SELECT NULL::INTEGER AS x");
  worker::TableOutput* output = execute.mutable_table();
  output->set_directory((folder_.path() / "lake" / "staging").string());
  auto* field = output->add_fields();
  field->set_name("x");
  field->set_type("int");
  field->set_id(1);
  field->set_required(true);
  output->add_sources("x");
  absl::Status status = worker_->Execute(execute, {}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_NE(std::string(status.message()).find("NOT NULL"), std::string::npos);
}

}  // namespace
}  // namespace tarn::query
