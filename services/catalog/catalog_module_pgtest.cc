// The module as a process runs it: over gRPC, with its workers.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "common/config/option_set.h"
#include "common/events/event.h"
#include "services/catalog/testing/catalog_module_test.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(CatalogModuleTest, ACrawlerMakesATableThatCanBeScanned) {
  ASSERT_OK(MakeDatabase());
  lake_.WriteFile("default/landing/d/t/dt=2024-01-01/a.csv", "a,b\n1,x\n2,y\n");
  v1::CreateCrawlerRequest make;
  make.mutable_crawler()->set_name("crawlers/t");
  make.mutable_crawler()->set_table("databases/d/tables/t");
  ASSERT_OK_AND_ASSIGN(const v1::Crawler crawler,
                       Call(&v1::CatalogService::Stub::CreateCrawler, make));
  EXPECT_EQ(crawler.path(), "d/t");

  v1::StartCrawlRequest start;
  start.set_name("crawlers/t");
  ASSERT_OK_AND_ASSIGN(v1::Crawl crawl, Call(&v1::CatalogService::Stub::StartCrawl, start));
  v1::GetCrawlRequest get;
  get.set_name(crawl.name());
  get.mutable_wait()->set_seconds(30);
  ASSERT_OK_AND_ASSIGN(crawl, Call(&v1::CatalogService::Stub::GetCrawl, get));
  EXPECT_EQ(crawl.state(), common::v1::EXECUTION_STATE_SUCCEEDED) << crawl.ShortDebugString();
  EXPECT_EQ(crawl.outcome(), "created");
  EXPECT_EQ(crawl.row_count(), 2);

  v1::PlanScanRequest scan;
  scan.set_table("databases/d/tables/t");
  grpc::ClientContext context;
  rpc::PrepareContext(context,
                      {authority_.TokenFor(auth::TestCaller("ada", auth::kViewerRole)), ""});
  const auto reader = stub_->PlanScan(&context, scan);
  v1::PlanScanResponse message;
  std::vector<v1::PlanScanResponse> messages;
  while (reader->Read(&message)) messages.push_back(message);
  ASSERT_TRUE(reader->Finish().ok());
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_EQ(messages[0].table().schema().fields_size(), 3);
  EXPECT_EQ(messages[0].total_file_count(), 1);
  EXPECT_EQ(messages[1].files(0).path(), "default/landing/d/t/dt=2024-01-01/a.csv");
  EXPECT_EQ(messages[1].files(0).partition(0).value(), "2024-01-01");
}

TEST_F(CatalogModuleTest, AnUploadIsFollowedByACrawlThatExplainsItself) {
  ASSERT_OK(MakeDatabase());
  v1::CreateCrawlerRequest make;
  make.mutable_crawler()->set_name("crawlers/t");
  make.mutable_crawler()->set_table("databases/d/tables/t");
  make.mutable_crawler()->set_on_upload(true);
  make.mutable_crawler()->add_exclude("*.tmp");
  ASSERT_OK_AND_ASSIGN(v1::Crawler crawler, Call(&v1::CatalogService::Stub::CreateCrawler, make));
  EXPECT_EQ(crawler.on_schema_change(), v1::SCHEMA_CHANGE_POLICY_UPDATE);
  lake_.WriteFile("default/landing/d/t/a.csv", "a,b\n1,x\n2,y\n");

  // The trigger begins with what is told after it started: uploads go on until one is followed.
  v1::ListCrawlsResponse crawls;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (crawls.crawls_size() == 0 && absl::Now() < deadline) {
    ASSERT_OK(db_.pool().Run([](Transaction& txn) {
      return events::Append(txn, {.workspace = "default",
                                  .type = "tarn.ingestion.file.uploaded",
                                  .source = "ingestion",
                                  .subject = "databases/d/tables/t",
                                  .data = R"({"path": "d/t/a.csv"})"});
    }));
    v1::ListCrawlsRequest list;
    list.set_parent("crawlers/t");
    ASSERT_OK_AND_ASSIGN(crawls, Call(&v1::CatalogService::Stub::ListCrawls, list));
  }
  ASSERT_GE(crawls.crawls_size(), 1);
  v1::GetCrawlRequest get;
  get.set_name(crawls.crawls(0).name());
  get.mutable_wait()->set_seconds(30);
  ASSERT_OK_AND_ASSIGN(const v1::Crawl crawl, Call(&v1::CatalogService::Stub::GetCrawl, get));
  EXPECT_EQ(crawl.state(), common::v1::EXECUTION_STATE_SUCCEEDED) << crawl.ShortDebugString();

  const auto stub = v1::CrawlExplanationService::NewStub(server_->InProcessChannel({}));
  v1::ListColumnExplanationsRequest list;
  list.set_parent(crawl.name());
  list.set_page_size(1);
  std::vector<std::string> columns;
  do {
    ASSERT_OK_AND_ASSIGN(
        const v1::ListColumnExplanationsResponse page,
        rpc::Call(*stub, &v1::CrawlExplanationService::Stub::ListColumnExplanations, list,
                  {authority_.TokenFor(auth::TestCaller("ada", auth::kViewerRole)), ""}));
    for (const v1::ColumnExplanation& column : page.columns()) {
      columns.push_back(column.column() + " " + column.type());
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(columns, ElementsAre("a long", "b string"));
  list.set_parent("crawlers/t/crawls/nope");
  EXPECT_THAT(rpc::Call(*stub, &v1::CrawlExplanationService::Stub::ListColumnExplanations, list,
                        {authority_.TokenFor(auth::TestCaller("ada", auth::kViewerRole)), ""}),
              StatusIs(absl::StatusCode::kNotFound, "CRAWL_NOT_FOUND"));
}

TEST_F(CatalogModuleTest, ARequestIdMakesARetryReturnTheFirstResult) {
  v1::CreateDatabaseRequest request;
  request.mutable_database()->set_name("databases/d");
  request.set_request_id("r1");
  ASSERT_OK_AND_ASSIGN(const v1::Database first,
                       Call(&v1::CatalogService::Stub::CreateDatabase, request));
  ASSERT_OK_AND_ASSIGN(const v1::Database again,
                       Call(&v1::CatalogService::Stub::CreateDatabase, request));
  EXPECT_EQ(first.etag(), again.etag());
  request.mutable_database()->set_comment("other");
  EXPECT_THAT(Call(&v1::CatalogService::Stub::CreateDatabase, request),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REQUEST_ID_REUSED"));
  request.set_request_id("r2");
  EXPECT_THAT(Call(&v1::CatalogService::Stub::CreateDatabase, request),
              StatusIs(absl::StatusCode::kAlreadyExists, "DATABASE_EXISTS"));
}

TEST_F(CatalogModuleTest, AnUpdateWithoutAChangeKeepsTheEtagAndAStaleOneIsRefused) {
  ASSERT_OK(MakeDatabase());
  v1::UpdateDatabaseRequest update;
  update.mutable_database()->set_name("databases/d");
  ASSERT_OK_AND_ASSIGN(const v1::Database same,
                       Call(&v1::CatalogService::Stub::UpdateDatabase, update));
  update.mutable_database()->set_comment("new");
  update.mutable_database()->set_etag(same.etag());
  ASSERT_OK_AND_ASSIGN(const v1::Database changed,
                       Call(&v1::CatalogService::Stub::UpdateDatabase, update));
  EXPECT_NE(changed.etag(), same.etag());
  update.mutable_database()->set_comment("newer");
  EXPECT_THAT(Call(&v1::CatalogService::Stub::UpdateDatabase, update),
              StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
}

TEST_F(CatalogModuleTest, TablesAreListedInPagesAndDeletedWithTheirDatabaseLast) {
  ASSERT_OK(MakeDatabase());
  for (const char* name : {"c", "a", "b"}) {
    v1::CreateTableRequest make;
    v1::Table* table = make.mutable_table();
    table->set_name(std::string("databases/d/tables/") + name);
    table->set_type(v1::TABLE_TYPE_VIEW);
    table->mutable_view()->set_sql("SELECT 1 AS x");
    v1::Field* field = table->mutable_schema()->add_fields();
    field->set_name("x");
    field->set_type("int");
    ASSERT_OK(Call(&v1::CatalogService::Stub::CreateTable, make));
  }
  v1::ListTablesRequest list;
  list.set_parent("databases/-");
  list.set_page_size(2);
  std::vector<std::string> names;
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListTablesResponse page,
                         Call(&v1::CatalogService::Stub::ListTables, list));
    for (const v1::Table& table : page.tables()) names.push_back(table.name());
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(names,
              ElementsAre("databases/d/tables/a", "databases/d/tables/b", "databases/d/tables/c"));

  v1::DeleteDatabaseRequest drop;
  drop.set_name("databases/d");
  EXPECT_THAT(Call(&v1::CatalogService::Stub::DeleteDatabase, drop),
              StatusIs(absl::StatusCode::kFailedPrecondition, "DATABASE_NOT_EMPTY"));
  for (const std::string& name : names) {
    v1::DeleteTableRequest request;
    request.set_name(name);
    ASSERT_OK(Call(&v1::CatalogService::Stub::DeleteTable, request));
  }
  EXPECT_OK(Call(&v1::CatalogService::Stub::DeleteDatabase, drop));
}

TEST_F(CatalogModuleTest, ViewersReadButDoNotWrite) {
  v1::CreateDatabaseRequest request;
  request.mutable_database()->set_name("databases/d");
  EXPECT_THAT(Call(&v1::CatalogService::Stub::CreateDatabase, request, auth::kViewerRole),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_OK(Call(&v1::CatalogService::Stub::ListDatabases, {}, auth::kViewerRole));
}

TEST_F(CatalogModuleTest, ABadTableNamesEveryField) {
  ASSERT_OK(MakeDatabase());
  v1::CreateTableRequest make;
  make.mutable_table()->set_name("databases/d/tables/t");
  make.mutable_table()->set_type(v1::TABLE_TYPE_MANAGED);
  v1::Field* field = make.mutable_table()->mutable_schema()->add_fields();
  field->set_name("x");
  field->set_type("varchar");
  EXPECT_THAT(Call(&v1::CatalogService::Stub::CreateTable, make),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                       HasSubstr("table.schema.fields[0].type")));
}

TEST_F(CatalogModuleTest, ABrokenConnectionHealsByItself) {
  ASSERT_OK(MakeDatabase());
  db_.BreakConnections();
  EXPECT_OK(Call(&v1::CatalogService::Stub::ListDatabases, {}));
  EXPECT_OK(module_.Ready());
}

class CatalogWithoutPostgresTest : public CatalogModuleTest {
 protected:
  CatalogWithoutPostgresTest() : CatalogModuleTest("host=127.0.0.1 port=1 dbname=none") {}
};

TEST_F(CatalogWithoutPostgresTest, TheProcessStaysUpAndSaysWhy) {
  EXPECT_THAT(rpc::Call(*stub_, &v1::CatalogService::Stub::ListDatabases, {},
                        {authority_.TokenFor(auth::TestCaller()), ""}),
              StatusIs(absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"));
  EXPECT_THAT(module_.Ready(), StatusIs(absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"));
}

TEST(CatalogOptionsTest, WrongOptionsAreReportedTogether) {
  CatalogOptions options;
  config::OptionSet set("tarn-catalog", "test");
  RegisterOptions(set, &options);
  const char* argv[] = {"tarn-catalog", "--catalog.crawl_workers=0", "--catalog.lease=-5s"};
  EXPECT_THAT(set.Load(3, argv, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_OPTION",
                       ::testing::AllOf(HasSubstr("crawl_workers"), HasSubstr("lease"))));
}

}  // namespace
}  // namespace tarn::catalog
