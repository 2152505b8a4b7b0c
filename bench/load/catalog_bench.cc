// tarn-bench-catalog: commits, reads and plans of large tables, and crawls of many files, over a
// PostgreSQL on this machine that flushes. The files that are committed do not exist: nobody reads
// them.
#include <iostream>

#include <CLI/CLI.hpp>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <nlohmann/json.hpp>

#include "bench/load/catalog_load.h"
#include "bench/load/crawl_bench.h"
#include "bench/load/load_target.h"

namespace tarn::bench {
namespace {

constexpr int kWriters = 16;
constexpr int kSnapshots = 1000;
constexpr int kFilesPerSnapshot = 100;
constexpr int kManyCommits = 10'000;

int Run(double seconds, bool json) {
  const absl::Duration duration = absl::Seconds(seconds);
  const auto say = [](const char* what) { std::cerr << "… " << what << std::endl; };
  say("starting Tarn");
  // Nothing is to compact, or to miss, files that do not exist.
  LoadTarget target({{"catalog.compaction_interval", "24h"}, {"catalog.orphan_interval", "24h"}});

  say("16 writers, one table");
  CreateCatalogTable(target, "one");
  const CommitRate one = MeasureCommits(target, {"one"}, kWriters, duration);
  say("16 writers, 16 tables");
  std::vector<std::string> tables;
  for (int i = 0; i < kWriters; ++i) {
    tables.push_back(absl::StrCat("parallel_", i));
    CreateCatalogTable(target, tables.back());
  }
  const CommitRate parallel = MeasureCommits(target, tables, kWriters, duration);

  say("a table of 100,000 files and 1,000 snapshots");
  CreateCatalogTable(target, "large");
  {
    Appender appender(target, "large", "large");
    for (int i = 0; i < kSnapshots; ++i) {
      if (appender.Append(kFilesPerSnapshot) < absl::ZeroDuration()) return 1;
    }
  }
  const double get_table = GetTableP99(target, "large", 1000);
  const double plan_scan = PlanScanP99(target, "large", kSnapshots * kFilesPerSnapshot, 300);

  say("the ten thousandth commit");
  CreateCatalogTable(target, "old");
  {
    Appender appender(target, "old", "old");
    for (int i = 0; i < kManyCommits; ++i) {
      if (appender.Append() < absl::ZeroDuration()) return 1;
    }
  }
  const double ratio = LateEarlyRatio(target, "old", 500);
  say("crawls of 10,000 files");
  const absl::StatusOr<CrawlFigures> crawls = MeasureCrawls(
      target.NewChannel("catalog"), [&] { return target.credentials(); }, target.landing());
  DieUnlessOk(crawls.status(), "crawling");
  const double peak = target.PeakMemory("catalog");

  if (json) {
    const nlohmann::ordered_json figures = {
        {"one_table_commits_s", one.commits_s},
        {"parallel_commits_s", parallel.commits_s},
        {"failed_commits", one.failed + parallel.failed},
        {"get_table_p99_ms", get_table},
        {"plan_scan_p99_ms", plan_scan},
        {"append_late_early_ratio", ratio},
        {"crawl_10k_files_s", crawls->crawl_10k_files_s},
        {"recrawl_10k_files_s", crawls->recrawl_10k_files_s},
        {"rss_mib", peak},
        {"seconds", seconds},
    };
    std::cout << figures.dump() << "\n";
    return 0;
  }
  const auto row = [](const std::string& what, const std::string& figure) {
    std::cout << absl::StrFormat("%-44s %s\n", what, figure);
  };
  row("16 writers on one table", absl::StrFormat("%8.0f commits/s", one.commits_s));
  row("16 writers on 16 tables", absl::StrFormat("%8.0f commits/s", parallel.commits_s));
  row("commits that failed", absl::StrFormat("%8d", one.failed + parallel.failed));
  row("GetTable, 100,000 files", absl::StrFormat("%8.1f ms (p99)", get_table));
  row("PlanScan, 10 of 100,000 files", absl::StrFormat("%8.1f ms (p99)", plan_scan));
  row("the 10,000th append to the first", absl::StrFormat("%8.2f times as long", ratio));
  row("crawl of 10,000 files", absl::StrFormat("%8.1f s", crawls->crawl_10k_files_s));
  row("the same again, nothing changed", absl::StrFormat("%8.1f s", crawls->recrawl_10k_files_s));
  row("memory of catalog", absl::StrFormat("%8.0f MiB at most", peak));
  return 0;
}

}  // namespace
}  // namespace tarn::bench

int main(int argc, char** argv) {
  CLI::App app("Measures commits to the catalog, plans of large tables, and crawls.",
               "tarn-bench-catalog");
  app.footer("Example:\n  tarn-bench-catalog --seconds 20 --json");
  double seconds = 20;
  bool json = false;
  app.add_option("--seconds", seconds, "How long commits are sustained, in each form")
      ->check(CLI::Range(3.0, 3600.0))
      ->capture_default_str();
  app.add_flag("--json", json, "One JSON object instead of a table");
  CLI11_PARSE(app, argc, argv);
  return tarn::bench::Run(seconds, json);
}
