#include "services/catalog/testing/crawl_fixture.h"

#include <filesystem>

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/duckdb/row_writer.h"
#include "common/table_schema/table_reader.h"
#include "services/catalog/crawl/crawler_manager.h"
#include "services/catalog/crawl/crawler_store.h"
#include "services/catalog/scan_planner.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {

CrawlFixture::CrawlFixture() : lake_(*lake::LakePaths::Open(folder_.path())) {}

void CrawlFixture::Put(const std::string& below, const std::string& content) {
  folder_.WriteFile("default/landing/d/t/" + below, content);
}

void CrawlFixture::Remove(const std::string& below) {
  std::filesystem::remove(folder_.path() / "default/landing/d/t" / below);
}

Crawl CrawlFixture::RunCrawl(const std::string& table, const std::string& path, bool dry_run) {
  const std::string id = "c-" + table;
  absl::StatusOr<Crawl> started = catalog_.pool().Run([&](Transaction& txn) {
    CrawlerManager crawlers(txn);
    Crawler crawler = settings_;
    crawler.id = id;
    crawler.table = catalog_.Key(table);
    crawler.path = path;
    const auto made = crawlers.Get("default", id).ok()
                          ? crawlers.Update(catalog_.actor(), crawler, "")
                          : crawlers.Create(catalog_.actor(), crawler);
    EXPECT_TRUE(made.ok()) << made.status();
    return crawlers.Start(catalog_.actor(), id, dry_run);
  });
  EXPECT_TRUE(started.ok()) << started.status();
  CrawlWorker worker(catalog_.pool(), *lake_, engine_, metrics_, {.holder = "test"});
  const absl::StatusOr<bool> ran = worker.RunOne(false);
  EXPECT_TRUE(ran.ok() && *ran) << ran.status();
  absl::StatusOr<Crawl> ended = catalog_.pool().Run(
      [&](Transaction& txn) { return CrawlerManager(txn).GetCrawl("default", id, started->id); });
  EXPECT_TRUE(ended.ok()) << ended.status();
  return *std::move(ended);
}

v1::ColumnExplanation CrawlFixture::Explain(const Crawl& crawl, const std::string& column) {
  v1::ColumnExplanation found;
  const absl::Status read = catalog_.pool().Run([&](Transaction& txn) {
    for (const std::string& json :
         CrawlerStore(txn).ListExplanations("default", crawl.crawler, crawl.id, 1, 1000)) {
      v1::ColumnExplanation explanation;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &explanation).ok()) << json;
      if (explanation.column() == column) found = explanation;
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return found;
}

std::vector<std::string> CrawlFixture::Query(const std::string& sql, const std::string& table) {
  absl::StatusOr<ScanPlan> plan = catalog_.pool().RunReadOnly(
      [&](Transaction& txn) { return PlanFiles(txn, {.key = catalog_.Key(table)}); });
  EXPECT_TRUE(plan.ok()) << plan.status();
  v1::Table proto;
  ToProto(plan->table, &proto);
  std::vector<v1::DataFile> files(plan->files.size());
  for (size_t i = 0; i < files.size(); ++i) ToProto(plan->files[i], &files[i]);
  absl::StatusOr<duckdb::Connection> connection = engine_.Connect();
  EXPECT_TRUE(connection.ok()) << connection.status();
  const auto result = connection->Query(
      "WITH t AS (" + table_schema::ReaderSql(proto, files, lake_->root().string()) + ") " + sql);
  EXPECT_TRUE(result.ok()) << result.status();
  std::vector<std::string> rows;
  if (!result.ok()) return rows;
  for (const duckdb::Chunk& chunk : result->chunks()) {
    for (uint64_t row = 0; row < chunk.size(); ++row) {
      std::string text;
      for (size_t i = 0; i < chunk.column_count(); ++i) {
        if (i > 0) text += "|";
        if (chunk.column(i).IsNull(row)) {
          text += "NULL";
        } else {
          duckdb::AppendTextValue(chunk.column(i), row, text);
        }
      }
      rows.push_back(std::move(text));
    }
  }
  return rows;
}

std::vector<std::string> CrawlFixture::Columns(const std::string& table) {
  std::vector<std::string> columns;
  for (const Field& field : catalog_.GetTable(table).definition.schema.fields) {
    columns.push_back(field.name + " " + FormatColumnType(field.type));
  }
  return columns;
}

}  // namespace tarn::catalog
