// Statements on tables of the real catalog: what query and catalog must agree on.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/catalog/v1/history_service.grpc.pb.h"
#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/auth/testing/fake_tokens.h"
#include "common/clock/clock.h"
#include "common/duckdb/database.h"
#include "common/lake/lake_paths.h"
#include "common/lake/parquet_writer.h"
#include "common/metrics/metrics.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/system_columns.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/catalog/catalog_module.h"
#include "services/query/query_module.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;
using Catalog = catalog::v1::CatalogService;

constexpr char kTable[] = "databases/d/tables/t";

class QueryCatalogTest : public ::testing::Test {
 protected:
  QueryCatalogTest()
      : context_{.services = services_,
                 .verifier = authority_.verifier(),
                 .tokens = tokens_,
                 .metrics = metrics_,
                 .clock = SystemClock(),
                 .gate = gate_,
                 .postgres_dsn = db_.dsn(),
                 .lake_path = lake_.path(),
                 .state_path = state_.path(),
                 .service_key_file = ""},
        catalog_({}, context_),
        query_({}, context_) {
    grpc::ServerBuilder builder;
    catalog_.RegisterServices(builder);
    query_.RegisterServices(builder);
    server_ = builder.BuildAndStart();
    services_.Set("catalog", server_->InProcessChannel({}));
    catalog_stub_ = Catalog::NewStub(server_->InProcessChannel({}));
    query_stub_ = query::v1::QueryService::NewStub(server_->InProcessChannel({}));
    EXPECT_OK(catalog_.Start());
    EXPECT_OK(query_.Start());
    gate_.Open();
    EXPECT_OK(Run("CREATE DATABASE d"));
  }
  ~QueryCatalogTest() override {
    catalog_.Drain();
    gate_.CloseAndWait(absl::Seconds(5));
    query_.Stop();
    catalog_.Stop();
    server_->Shutdown();
  }

  rpc::Credentials Ada() { return {authority_.TokenFor(auth::TestCaller("ada")), "call-1"}; }

  template <typename Base, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const std::type_identity_t<Request>& request) {
    return rpc::RetryUnavailable({.max_attempts = 50}, [&] {
      return rpc::Call(*catalog_stub_, method, request, Ada(), {.timeout = absl::Minutes(1)});
    });
  }

  // The rows of a statement as JSON lines; `last_` is the query as it ended.
  absl::StatusOr<std::string> Rows(const std::string& sql) {
    query::v1::ExecuteQueryRequest request;
    request.mutable_statement()->set_sql(sql);
    request.mutable_statement()->set_default_database("d");
    grpc::ClientContext context;
    rpc::PrepareContext(context, Ada(), absl::Minutes(1));
    const auto reader = query_stub_->ExecuteQuery(&context, request);
    std::string rows;
    query::v1::ResultChunk chunk;
    while (reader->Read(&chunk)) {
      if (chunk.has_rows()) rows += chunk.rows().data();
      if (chunk.has_query()) last_ = chunk.query();
    }
    if (absl::Status status = rpc::FromGrpcStatus(reader->Finish()); !status.ok()) return status;
    return rows;
  }
  absl::Status Run(const std::string& sql) { return Rows(sql).status(); }
  std::string Ok(const std::string& sql) {
    auto rows = Rows(sql);
    EXPECT_OK(rows) << sql;
    return rows.value_or("");
  }

  // d.t as the delivery of a stream makes it.
  void MakeStreamTable(bool with_columns = true) {
    catalog::v1::CreateTableRequest make;
    catalog::v1::Table* table = make.mutable_table();
    table->set_name(kTable);
    table->set_type(catalog::v1::TABLE_TYPE_MANAGED);
    for (const auto& [name, type] :
         {std::pair("x", "long"), std::pair("_ingested_at", "timestamptz"),
          std::pair("_committed_at", "timestamptz")}) {
      if (!with_columns && name == std::string("x")) continue;
      catalog::v1::Field* field = table->mutable_schema()->add_fields();
      field->set_name(name);
      field->set_type(type);
    }
    ASSERT_OK(Call(&Catalog::Stub::CreateTable, make));
  }

  // Adds one row in a file of its own, which lacks _committed_at; when it was committed, in micros.
  int64_t Deliver(int x) {
    catalog::v1::GetTableRequest get;
    get.set_name(kTable);
    auto table = Call(&Catalog::Stub::GetTable, get);
    EXPECT_OK(table);
    auto connection = duckdb::Database::Open({})->Connect();
    EXPECT_OK(connection);
    table_schema::Fields written = table->schema().fields();
    written.RemoveLast();
    const auto root = lake::LakePaths::Open(lake_.path())->root();
    const auto staging = root / ("staging-" + std::to_string(x));
    auto files = lake::WriteParquet(
        *connection,
        "SELECT " + std::to_string(x) +
            "::BIGINT AS x, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS _ingested_at",
        staging, {.field_ids = table_schema::FieldIdsSpec(written)});
    EXPECT_OK(files);
    EXPECT_OK(lake::PublishWrittenFiles(*files, root / table->location()));
    catalog::v1::CommitTableRequest commit;
    commit.set_table(kTable);
    commit.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
    commit.set_request_id("deliver-" + std::to_string(x));
    catalog::v1::DataFile* file = commit.add_added_files();
    file->set_path(table->location() + "/" + files->at(0).relative_path);
    file->set_row_count(1);
    file->set_byte_count(static_cast<int64_t>(files->at(0).bytes));
    auto committed = Call(&Catalog::Stub::CommitTable, commit);
    EXPECT_OK(committed);
    snapshot_ = committed->snapshot().snapshot_id();
    return committed->snapshot().commit_time().seconds() * 1'000'000 +
           committed->snapshot().commit_time().nanos() / 1000;
  }

  void Compact() {
    catalog::v1::StartMaintenanceRequest start;
    start.set_table(kTable);
    start.set_kind(catalog::v1::MAINTENANCE_KIND_COMPACT);
    ASSERT_OK_AND_ASSIGN(catalog::v1::MaintenanceJob job,
                         Call(&Catalog::Stub::StartMaintenance, start));
    catalog::v1::GetMaintenanceJobRequest get;
    get.set_name(job.name());
    get.mutable_wait()->set_seconds(30);
    ASSERT_OK_AND_ASSIGN(job, Call(&Catalog::Stub::GetMaintenanceJob, get));
    ASSERT_EQ(job.state(), common::v1::EXECUTION_STATE_SUCCEEDED) << job.ShortDebugString();
    ASSERT_EQ(job.files_after(), 1);
  }

  auth::TestAuthority authority_;
  auth::FakeTokenProvider tokens_{authority_};
  TestDatabase db_;
  TempDir lake_;
  TempDir state_;
  Metrics metrics_;
  rpc::ServiceDirectory services_;
  rpc::ServingGate gate_;
  server::ModuleContext context_;
  catalog::CatalogModule catalog_;
  query::QueryModule query_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Catalog::Stub> catalog_stub_;
  std::unique_ptr<query::v1::QueryService::Stub> query_stub_;
  query::v1::Query last_;
  int64_t snapshot_ = 0;
};

std::string Row(int x, int64_t micros) { return absl::StrCat("[", x, ",", micros, "]\n"); }

TEST_F(QueryCatalogTest, SystemColumnsAreReadWhenTheyAreNamedAlone) {
  MakeStreamTable();
  const int64_t first = Deliver(1);
  const int64_t second = Deliver(2);
  ASSERT_LT(first, second);
  EXPECT_EQ(Ok("SELECT * FROM t ORDER BY x"), "[1]\n[2]\n");
  EXPECT_EQ(Ok("FROM t ORDER BY ALL"), "[1]\n[2]\n");
  const std::string rows = Row(1, first) + Row(2, second);
  EXPECT_EQ(Ok("SELECT x, epoch_us(_committed_at) FROM t ORDER BY x"), rows);
  EXPECT_EQ(Ok("SELECT *, epoch_us(_committed_at) FROM t ORDER BY _committed_at"), rows);
  EXPECT_EQ(Ok("SELECT t.*, epoch_us(t._committed_at) FROM t ORDER BY x"), rows);
  EXPECT_EQ(
      Ok("SELECT * FROM t WHERE _committed_at > make_timestamptz(" + std::to_string(first) + ")"),
      "[2]\n");
  EXPECT_EQ(Ok("SELECT year(_ingested_at) FROM t LIMIT 1"), "[2026]\n");
  EXPECT_EQ(Ok("SELECT * FROM (SELECT x, epoch_us(_committed_at) AS c FROM t) ORDER BY x"), rows);
  EXPECT_EQ(Ok("WITH c AS (SELECT *, _committed_at FROM t) "
               "SELECT epoch_us(_committed_at) FROM (SELECT * FROM c) WHERE x = 1"),
            absl::StrCat("[", first, "]\n"));
}

TEST_F(QueryCatalogTest, WhenARowWasCommittedSurvivesCompaction) {
  MakeStreamTable();
  const std::string rows = Row(1, Deliver(1)) + Row(2, Deliver(2)) + Row(3, Deliver(3));
  const int64_t before = snapshot_;
  Compact();
  EXPECT_EQ(Ok("SELECT x, epoch_us(_committed_at) FROM t ORDER BY x"), rows);
  EXPECT_EQ(last_.statistics().files_read(), 1);
  EXPECT_EQ(Ok("SELECT * FROM t ORDER BY x"), "[1]\n[2]\n[3]\n");
  // A file of a delivery beside the compacted one.
  const std::string four = Row(4, Deliver(4));
  EXPECT_EQ(Ok("SELECT x, epoch_us(_committed_at) FROM t ORDER BY x"), rows + four);
  EXPECT_EQ(Ok(absl::StrCat("SELECT x, epoch_us(_committed_at) FROM t AT (VERSION => ", before,
                            ") ORDER BY x")),
            rows);
}

TEST_F(QueryCatalogTest, ATagIsReadAndRolledBackToWithItsRowsTimes) {
  MakeStreamTable();
  const std::string rows = Row(1, Deliver(1)) + Row(2, Deliver(2));
  const auto history = catalog::v1::HistoryService::NewStub(server_->InProcessChannel({}));
  catalog::v1::CreateTagRequest tag;
  tag.mutable_tag()->set_name(std::string(kTable) + "/tags/good");
  ASSERT_OK(rpc::Call(*history, &catalog::v1::HistoryService::Stub::CreateTag, tag, Ada()));
  Ok("INSERT OVERWRITE t SELECT 3");
  EXPECT_EQ(Ok("SELECT x FROM t"), "[3]\n");
  EXPECT_EQ(Ok("SELECT x FROM t AT (VERSION => 'good') ORDER BY x"), "[1]\n[2]\n");
  EXPECT_THAT(Run("SELECT x FROM t AT (VERSION => 'gone')"),
              StatusIs(absl::StatusCode::kNotFound, "TAG_NOT_FOUND"));

  catalog::v1::RollbackTableRequest back;
  back.set_table(kTable);
  back.mutable_to()->set_tag("good");
  ASSERT_OK(rpc::Call(*history, &catalog::v1::HistoryService::Stub::RollbackTable, back, Ada()));
  EXPECT_EQ(Ok("SELECT x, epoch_us(_committed_at) FROM t ORDER BY x"), rows);
  Compact();
  EXPECT_EQ(Ok("SELECT x, epoch_us(_committed_at) FROM t ORDER BY x"), rows);

  // What came in, also of what is one file now.
  catalog::v1::ListFileOriginsRequest request;
  request.set_table(kTable);
  ASSERT_OK_AND_ASSIGN(
      const catalog::v1::ListFileOriginsResponse origins,
      rpc::Call(*history, &catalog::v1::HistoryService::Stub::ListFileOrigins, request, Ada()));
  ASSERT_EQ(origins.files_size(), 1);
  int64_t came_in = 0;
  for (const catalog::v1::FileOrigin& origin : origins.files(0).origins()) {
    EXPECT_EQ(origin.kind(), catalog::v1::ORIGIN_KIND_CLIENT);
    came_in += origin.row_count();
  }
  EXPECT_EQ(came_in, 2) << origins.ShortDebugString();
}

TEST_F(QueryCatalogTest, SystemColumnsInJoinsAndViews) {
  MakeStreamTable();
  const int64_t first = Deliver(1);
  const int64_t second = Deliver(2);
  EXPECT_EQ(Ok("SELECT * FROM t a JOIN t b USING (x) WHERE a._committed_at = b._committed_at "
               "ORDER BY x"),
            "[1]\n[2]\n");
  EXPECT_EQ(Ok("SELECT *, epoch_us(b._committed_at) FROM t a, t b "
               "WHERE a._committed_at < b._committed_at"),
            absl::StrCat("[1,2,", second, "]\n"));
  EXPECT_EQ(Ok("SELECT * FROM t NATURAL JOIN (SELECT 1 AS x, 'one' AS name)"), "[1,\"one\"]\n");
  EXPECT_THAT(Run("SELECT max(_committed_at) FROM t NATURAL JOIN (SELECT 1 AS x)"),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR", HasSubstr("USING")));
  EXPECT_EQ(Ok("SELECT x FROM t WHERE _committed_at = (SELECT max(_committed_at) FROM t)"),
            "[2]\n");
  ASSERT_OK(Run("CREATE VIEW v AS SELECT *, epoch_us(_committed_at) AS at FROM t"));
  ASSERT_OK(Run("CREATE VIEW w AS SELECT * FROM t"));
  EXPECT_EQ(Ok("SELECT * FROM v ORDER BY x"), Row(1, first) + Row(2, second));
  EXPECT_EQ(Ok("SELECT v.x, epoch_us(t._committed_at) FROM v JOIN w USING (x) JOIN t USING (x) "
               "ORDER BY 1"),
            Row(1, first) + Row(2, second));
  EXPECT_THAT(Run("SELECT _committed_at FROM w"),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
}

TEST_F(QueryCatalogTest, SystemColumnsAreNeverMeantByPosition) {
  MakeStreamTable();
  const int64_t first = Deliver(1);
  ASSERT_OK(Run("INSERT INTO t SELECT 2"));
  EXPECT_EQ(Ok("SELECT x, _ingested_at IS NULL, _committed_at IS NULL FROM t ORDER BY x"),
            "[1,false,false]\n[2,true,false]\n");
  EXPECT_THAT(Run("INSERT INTO t SELECT 3, now()"),
              StatusIs(absl::StatusCode::kInvalidArgument, "COLUMN_MISMATCH"));
  ASSERT_OK(Run("INSERT OVERWRITE t SELECT *, _committed_at, _ingested_at FROM t WHERE x = 1"));
  EXPECT_EQ(Ok("SELECT x, epoch_us(_committed_at) FROM t WHERE _ingested_at IS NOT NULL"),
            Row(1, first));
  EXPECT_THAT(Run("CREATE TABLE u AS SELECT *, _committed_at FROM t"),
              StatusIs(absl::StatusCode::kInvalidArgument, "COLUMN_RESERVED"));
  EXPECT_THAT(Run("CREATE TABLE u (_ingested_at TIMESTAMPTZ)"),
              StatusIs(absl::StatusCode::kInvalidArgument, "COLUMN_RESERVED"));
  EXPECT_OK(Run("CREATE TABLE u AS SELECT *, _committed_at AS at FROM t"));
  EXPECT_EQ(Ok("DESCRIBE t"),
            "[\"x\",\"long\",true,null,null,false]\n"
            "[\"_ingested_at\",\"timestamptz\",true,null,null,true]\n"
            "[\"_committed_at\",\"timestamptz\",true,null,null,true]\n");
}

TEST_F(QueryCatalogTest, ATableThatHasNoOtherColumnsYetCanBeRead) {
  MakeStreamTable(/*with_columns=*/false);
  EXPECT_EQ(Ok("SELECT count(*) FROM t"), "[0]\n");
  EXPECT_EQ(Ok("SELECT * FROM t"), "");
}

TEST_F(QueryCatalogTest, OldFilesAreReadRightAfterTheirTableHasGrown) {
  ASSERT_OK(
      Run("CREATE TABLE t (n BIGINT, f FLOAT, i INTEGER, s STRUCT(x INTEGER), "
          "l STRUCT(x BIGINT)[])"));
  ASSERT_OK(
      Run("INSERT INTO t SELECT i AS n, CAST(i / 10 AS FLOAT) AS f, CAST(i AS INTEGER) AS i, "
          "{'x': CAST(i AS INTEGER)} AS s, [{'x': i}] AS l FROM range(1, 4) r(i)"));
  catalog::v1::GetTableRequest get;
  get.set_name(kTable);
  ASSERT_OK_AND_ASSIGN(const catalog::v1::Table before, Call(&Catalog::Stub::GetTable, get));
  const catalog::v1::Field& column = before.schema().fields(3);
  catalog::v1::CommitTableRequest commit;
  commit.set_table(kTable);
  commit.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  commit.set_request_id("grow");
  const auto widen = [&](int id, const char* type) {
    catalog::v1::WidenedField* widened = commit.add_widened_fields();
    widened->set_field_id(id);
    widened->set_type(type);
  };
  widen(before.schema().fields(0).id(), "double");
  widen(before.schema().fields(1).id(), "double");
  widen(before.schema().fields(2).id(), "long");
  widen(column.fields(0).id(), "double");
  for (const int parent : {column.id(), before.schema().fields(4).fields(0).id()}) {
    catalog::v1::AddedField* added = commit.add_added_fields();
    added->set_parent_id(parent);
    added->mutable_field()->set_name("y");
    added->mutable_field()->set_type("string");
  }
  ASSERT_OK(Call(&Catalog::Stub::CommitTable, commit));
  ASSERT_OK(
      Run("INSERT INTO t SELECT CAST(2.5 AS DOUBLE) AS n, CAST(0.1 AS DOUBLE) AS f, "
          "5000000000 AS i, {'x': CAST(2.5 AS DOUBLE), 'y': 'a'} AS s, "
          "[{'x': CAST(9 AS BIGINT), 'y': 'b'}] AS l"));
  const auto check = [&] {
    EXPECT_EQ(Ok("SELECT * FROM t WHERE n < 2.6 ORDER BY n"),
              "[1,0.10000000149011612,1,{\"x\":1,\"y\":null},[{\"x\":1,\"y\":null}]]\n"
              "[2,0.20000000298023224,2,{\"x\":2,\"y\":null},[{\"x\":2,\"y\":null}]]\n"
              "[2.5,0.1,5000000000,{\"x\":2.5,\"y\":\"a\"},[{\"x\":9,\"y\":\"b\"}]]\n");
    for (const char* where :
         {"n > 1.5 AND n < 2.4", "n = 2", "n IN (1.6, 2)", "n BETWEEN 1.4 AND 2.4 AND n >= 1.6",
          "f > 0.2 AND f < 0.25", "i >= 2 AND i < 3", "s.x > 1.5 AND s.x <= 2.4",
          "s.y IS NULL AND n <> 1 AND n <> 3", "l[1].x = 2", "n = (SELECT 2.0)"}) {
      EXPECT_EQ(Ok(std::string("SELECT i FROM t WHERE ") + where), "[2]\n") << where;
    }
    EXPECT_EQ(Ok("SELECT i FROM t WHERE n = 1.6"), "");
    EXPECT_EQ(Ok("SELECT i FROM t WHERE f = 0.1::DOUBLE"), "[5000000000]\n");
    EXPECT_EQ(Ok("SELECT max(n), sum(n) FROM t"), "[3,8.5]\n");
  };
  check();
  Compact();
  check();
  EXPECT_EQ(Ok(absl::StrCat("SELECT typeof(n), s FROM t AT (VERSION => ",
                            before.current_snapshot().snapshot_id(), ") WHERE n = 2")),
            "[\"BIGINT\",{\"x\":2}]\n");
}

TEST_F(QueryCatalogTest, AColumnCalledLikeTheEnginesFileIndexIsReadRight) {
  MakeStreamTable();
  catalog::v1::CommitTableRequest commit;
  commit.set_table(kTable);
  commit.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  commit.set_request_id("add");
  catalog::v1::Field* field = commit.add_added_columns();
  field->set_name("file_index");
  field->set_type("long");
  ASSERT_OK(Call(&Catalog::Stub::CommitTable, commit));
  ASSERT_OK(Run("INSERT INTO t SELECT 1, 70"));
  ASSERT_OK(Run("INSERT INTO t SELECT 2, 80"));
  EXPECT_EQ(Ok("SELECT x, file_index, _committed_at IS NULL FROM t ORDER BY x"),
            "[1,70,false]\n[2,80,false]\n");
}

TEST_F(QueryCatalogTest, FilesThatHoldNoWantedRowAreNotRead) {
  ASSERT_OK(
      Run("CREATE TABLE t PARTITIONED BY (p) AS "
          "SELECT i AS x, 'p' || (i // 10) AS p, DATE '2026-01-01' + CAST(i AS INTEGER) AS d "
          "FROM range(50) AS r(i)"));
  const auto expect = [&](const std::string& where, int64_t rows, int64_t files) {
    EXPECT_EQ(Ok("SELECT count(*) FROM t WHERE " + where), absl::StrCat("[", rows, "]\n")) << where;
    EXPECT_EQ(last_.statistics().files_read(), files) << where;
    EXPECT_EQ(last_.statistics().files_skipped(), 5 - files) << where;
  };
  expect("true", 50, 5);
  expect("p = 'p3'", 10, 1);
  expect("p IN ('p1', 'p2') AND x > 18", 11, 2);
  expect("x < 5", 5, 1);
  expect("x BETWEEN 5 AND 14", 10, 2);
  expect("d >= DATE '2026-02-10'", 10, 1);
  expect("p LIKE 'p4%'", 10, 1);
  expect("x IS NULL", 0, 0);
  expect("x = 5 OR x = 45", 2, 5);
}

TEST_F(QueryCatalogTest, AStatementSeesOneSnapshotOfATableThatItReadsInTwoWays) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT i AS x FROM range(10) AS r(i)"));
  ASSERT_OK(Run("CREATE VIEW low AS SELECT x FROM t WHERE x < 3"));
  EXPECT_EQ(Ok("SELECT count(*) FROM t JOIN low USING (x) WHERE t.x > 0"), "[2]\n");
  EXPECT_EQ(last_.snapshots_size(), 1);
}

TEST_F(QueryCatalogTest, AViewIsReadThroughItsTables) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT i AS x FROM range(3) AS r(i)"));
  ASSERT_OK(Run("CREATE VIEW big AS SELECT x FROM t WHERE x > 0"));
  EXPECT_EQ(Ok("SELECT * FROM big ORDER BY x"), "[1]\n[2]\n");
}

TEST_F(QueryCatalogTest, AnInsertIntoATableThatWasPartitionedAnewMeanwhileIsAborted) {
  ASSERT_OK(Run("CREATE TABLE t AS SELECT 1 AS x, 'a' AS p"));
  catalog::v1::GetTableRequest get;
  get.set_name(kTable);
  ASSERT_OK_AND_ASSIGN(const catalog::v1::Table before, Call(&Catalog::Stub::GetTable, get));
  ASSERT_OK(Run("CREATE OR REPLACE TABLE t PARTITIONED BY (p) AS SELECT 1 AS x, 'a' AS p"));
  catalog::v1::CommitTableRequest commit;
  commit.set_table(kTable);
  commit.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  commit.set_request_id("late");
  commit.set_schema_id(before.schema().schema_id());
  catalog::v1::DataFile* file = commit.add_added_files();
  file->set_path(before.location() + "/late.parquet");
  file->set_row_count(1);
  EXPECT_THAT(Call(&Catalog::Stub::CommitTable, commit),
              StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));
  // With the same columns and spec an older schema version is as good.
  ASSERT_OK_AND_ASSIGN(const catalog::v1::Table now, Call(&Catalog::Stub::GetTable, get));
  commit.set_schema_id(now.schema().schema_id());
  EXPECT_OK(Call(&Catalog::Stub::CommitTable, commit));
}

TEST_F(QueryCatalogTest, StatementsWithOneCommitKeyAreStoredOnce) {
  for (const auto& [key, sql] : {std::pair("runs/1/make", "CREATE TABLE d.t AS SELECT 1 AS x"),
                                 std::pair("runs/1/make", "CREATE TABLE d.t AS SELECT 1 AS x"),
                                 std::pair("runs/1/fill", "INSERT INTO d.t SELECT 2"),
                                 std::pair("runs/1/fill", "INSERT INTO d.t SELECT 2")}) {
    query::v1::StartQueryRequest start;
    start.mutable_statement()->set_sql(sql);
    start.mutable_statement()->set_commit_key(key);
    ASSERT_OK_AND_ASSIGN(
        query::v1::Query started,
        rpc::Call(*query_stub_, &query::v1::QueryService::Stub::StartQuery, start, Ada()));
    query::v1::GetQueryRequest get;
    get.set_name(started.name());
    get.mutable_wait()->set_seconds(30);
    ASSERT_OK_AND_ASSIGN(query::v1::Query ended,
                         rpc::Call(*query_stub_, &query::v1::QueryService::Stub::GetQuery, get,
                                   Ada(), {.timeout = absl::Minutes(1)}));
    EXPECT_EQ(ended.state(), common::v1::EXECUTION_STATE_SUCCEEDED) << ended.ShortDebugString();
  }
  EXPECT_EQ(Ok("SELECT x FROM t ORDER BY x"), "[1]\n[2]\n");
  EXPECT_THAT(Run("CREATE TABLE t AS SELECT 1 AS x"),
              StatusIs(absl::StatusCode::kAlreadyExists, "TABLE_EXISTS"));
}

}  // namespace
}  // namespace tarn
