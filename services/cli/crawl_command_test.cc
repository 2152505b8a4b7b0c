// crawl against a server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tarn/catalog/v1/catalog_service.pb.h"
#include "tarn/catalog/v1/crawl_explanation_service.pb.h"

#include "services/cli/cli.h"
#include "services/cli/testing/command_test.h"

namespace tarn::cli {
namespace {

using ::testing::HasSubstr;

TEST_F(CommandTest, ACrawlIsWaitedForAndReported) {
  using catalog::v1::Crawl;
  tarn_.On<catalog::v1::StartCrawlRequest, Crawl>(
      "/tarn.catalog.v1.CatalogService/StartCrawl", [](const auto& requests, auto* responses) {
        auto& crawl = responses->emplace_back();
        crawl.set_name(requests[0].name() + "/crawls/1");
        crawl.set_state(common::v1::EXECUTION_STATE_QUEUED);
        return absl::OkStatus();
      });
  bool fails = false;
  tarn_.On<catalog::v1::GetCrawlRequest, Crawl>(
      "/tarn.catalog.v1.CatalogService/GetCrawl", [&fails](const auto&, auto* responses) {
        auto& crawl = responses->emplace_back();
        crawl.set_name("crawlers/usage-json/crawls/1");
        crawl.set_state(fails ? common::v1::EXECUTION_STATE_FAILED
                              : common::v1::EXECUTION_STATE_SUCCEEDED);
        crawl.set_outcome("created");
        crawl.set_file_count(6);
        crawl.set_changed_file_count(6);
        crawl.set_row_count(1728);
        auto* problem = crawl.add_problems();
        problem->set_path("dt=1/a.json");
        problem->set_message("the last line is cut");
        if (fails) crawl.mutable_error()->set_message("no file could be read");
        if (fails) crawl.mutable_error()->set_code(3);
        return absl::OkStatus();
      });
  CommandResult result = Run({"crawl", "usage-json"});
  EXPECT_EQ(result.code, kExitOk);
  EXPECT_EQ(result.out, "usage-json: created, 6 files (6 changed), 1,728 rows\n");
  EXPECT_EQ(result.err, "tarn: dt=1/a.json: the last line is cut\n");
  fails = true;
  result = Run({"crawl", "usage-json"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("tarn: the crawl failed: no file could be read"));
}

TEST_F(CommandTest, ADryRunShowsItsChangesAndTheColumnsAreExplained) {
  using catalog::v1::Crawl;
  tarn_.On<catalog::v1::StartCrawlRequest, Crawl>(
      "/tarn.catalog.v1.CatalogService/StartCrawl", [](const auto& requests, auto* responses) {
        auto& crawl = responses->emplace_back();
        crawl.set_name(requests[0].name() + "/crawls/1");
        crawl.set_state(common::v1::EXECUTION_STATE_SUCCEEDED);
        crawl.set_dry_run(requests[0].dry_run());
        crawl.set_outcome("schema_changed");
        crawl.set_file_count(2);
        auto* column = crawl.add_changes();
        column->set_kind(catalog::v1::CRAWL_CHANGE_KIND_CHANGE_COLUMN);
        column->set_subject("a");
        column->set_before("long");
        column->set_after("double");
        auto* file = crawl.add_changes();
        file->set_kind(catalog::v1::CRAWL_CHANGE_KIND_REMOVE_FILE);
        file->set_subject("d/t/a.csv");
        file->set_held_back_by("on_deletion");
        crawl.set_change_count(5);
        return absl::OkStatus();
      });
  tarn_.On<catalog::v1::ListColumnExplanationsRequest, catalog::v1::ListColumnExplanationsResponse>(
      "/tarn.catalog.v1.CrawlExplanationService/ListColumnExplanations",
      [](const auto& requests, auto* responses) {
        EXPECT_EQ(requests[0].parent(), "crawlers/c/crawls/1");
        auto* column = responses->emplace_back().add_columns();
        column->set_column("a");
        column->set_type("double");
        column->set_confidence(0.5);
        column->set_file_count(2);
        column->set_reason("it holds both");
        auto* seen = column->add_seen();
        seen->set_type("long");
        seen->set_value_count(1000);
        auto* sample = seen->add_samples();
        sample->set_path("d/t/b.csv");
        sample->set_value("7");
        return absl::OkStatus();
      });
  CommandResult result = Run({"crawl", "c", "--dry-run", "--explain"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_THAT(result.out, HasSubstr("c: would be schema_changed, 2 files (0 changed), 0 rows\n"
                                    "  ~ column a long -> double\n"
                                    "  - file d/t/a.csv (held back by on_deletion)\n"
                                    "  and 3 more changes\n"));
  EXPECT_THAT(result.out, HasSubstr("long 1,000 (d/t/b.csv \"7\")"));
  result = Run({"crawl", "c"});
  EXPECT_EQ(result.out,
            "c: schema_changed, 2 files (0 changed), 0 rows\n"
            "  - file d/t/a.csv (held back by on_deletion)\n");
}

}  // namespace
}  // namespace tarn::cli
