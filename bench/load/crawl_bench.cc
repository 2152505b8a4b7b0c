#include "bench/load/crawl_bench.h"

#include <fstream>
#include <string>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"

#include "common/rpc/client.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::bench {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace fs = std::filesystem;
using Stub = catalog::CatalogService::Stub;

constexpr int kFiles = 10'000;
constexpr int kPartitions = 100;
constexpr int kRowsAFile = 10;
constexpr int kWaitSeconds = 20;
constexpr char kDatabase[] = "databases/crawl_bench";
constexpr char kTable[] = "databases/crawl_bench/tables/readings";
constexpr char kCrawler[] = "crawlers/crawl_bench";
constexpr char kFolder[] = "crawl_bench/readings";

std::string Reading(int serial) {
  return absl::StrFormat(
      "{\"device_id\":\"device-%04d\",\"ts\":%d,\"serial\":%d,\"online\":%s,\"data\":{\"temp\":%."
      "2f,"
      "\"humidity\":%.1f,\"co\":%.6f,\"light\":%d},\"firmware\":\"1.%d.0\",\"note\":\"%s\","
      "\"tags\":[\"a\",\"b%d\"],\"seen\":\"2024-01-01T00:%02d:00Z\"}\n",
      serial % 1000, 1'700'000'000 + serial, serial, serial % 7 == 0 ? "false" : "true",
      15 + (serial % 150) / 10.0, 30 + serial % 50 + 0.5, (serial % 97) / 1e5, serial % 2,
      serial % 4, "nothing that anybody would want to read", serial % 3, serial % 60);
}

absl::Status WriteFiles(const fs::path& folder) {
  int serial = 0;
  for (int i = 0; i < kFiles; ++i) {
    const fs::path partition = folder / absl::StrCat("home=", i % kPartitions);
    fs::create_directories(partition);
    std::ofstream out(partition / absl::StrCat("part-", i, ".json"), std::ios::binary);
    for (int row = 0; row < kRowsAFile; ++row) out << Reading(serial++);
    out.close();
    if (!out) return Unavailable("FILE", "cannot write into " + folder.string());
  }
  return absl::OkStatus();
}

// Seconds that one crawl takes.
absl::StatusOr<double> TimeOneCrawl(Stub& stub,
                                    const std::function<rpc::Credentials()>& credentials,
                                    int64_t changed_files) {
  const absl::Time begin = absl::Now();
  catalog::StartCrawlRequest start;
  start.set_name(kCrawler);
  TARN_ASSIGN_OR_RETURN(catalog::Crawl crawl,
                        rpc::Call(stub, &Stub::StartCrawl, start, credentials()));
  while (crawl.state() == common::v1::EXECUTION_STATE_QUEUED ||
         crawl.state() == common::v1::EXECUTION_STATE_RUNNING) {
    catalog::GetCrawlRequest get;
    get.set_name(crawl.name());
    get.mutable_wait()->set_seconds(kWaitSeconds);
    TARN_ASSIGN_OR_RETURN(crawl, rpc::Call(stub, &Stub::GetCrawl, get, credentials()));
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  if (crawl.state() != common::v1::EXECUTION_STATE_SUCCEEDED || crawl.file_count() != kFiles ||
      crawl.changed_file_count() != changed_files || crawl.row_count() != kFiles * kRowsAFile) {
    return Internal("CRAWL_FAILED", "the crawl is not what it should be: " +
                                        crawl.ShortDebugString().substr(0, 1000));
  }
  return seconds;
}

}  // namespace

absl::StatusOr<CrawlFigures> MeasureCrawls(const std::shared_ptr<grpc::Channel>& channel,
                                           const std::function<rpc::Credentials()>& credentials,
                                           const fs::path& landing) {
  TARN_RETURN_IF_ERROR(WriteFiles(landing / kFolder));
  const auto stub = catalog::CatalogService::NewStub(channel);
  catalog::CreateDatabaseRequest database;
  database.mutable_database()->set_name(kDatabase);
  TARN_RETURN_IF_ERROR(rpc::Call(*stub, &Stub::CreateDatabase, database, credentials()).status());
  catalog::CreateCrawlerRequest crawler;
  crawler.mutable_crawler()->set_name(kCrawler);
  crawler.mutable_crawler()->set_table(kTable);
  crawler.mutable_crawler()->set_path(kFolder);
  TARN_RETURN_IF_ERROR(rpc::Call(*stub, &Stub::CreateCrawler, crawler, credentials()).status());
  CrawlFigures figures;
  TARN_ASSIGN_OR_RETURN(figures.crawl_10k_files_s, TimeOneCrawl(*stub, credentials, kFiles));
  TARN_ASSIGN_OR_RETURN(figures.recrawl_10k_files_s, TimeOneCrawl(*stub, credentials, 0));
  return figures;
}

}  // namespace tarn::bench
