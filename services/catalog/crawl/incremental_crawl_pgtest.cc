// What a crawl reads again, what it does about changes, and what it says of them.
#include <fcntl.h>
#include <filesystem>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/testing/status_matchers.h"
#include "services/catalog/crawl/crawler_manager.h"
#include "services/catalog/crawl/crawler_store.h"
#include "services/catalog/crawl/upload_trigger.h"
#include "services/catalog/testing/crawl_fixture.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class IncrementalCrawlTest : public ::testing::Test {
 protected:
  static std::string Failure(const Crawl& crawl) {
    return crawl.execution.failure ? crawl.execution.failure->message : "no error";
  }
  Crawl Succeeds() {
    Crawl crawl = crawl_.RunCrawl();
    EXPECT_EQ(crawl.execution.state, ExecutionState::kSucceeded) << Failure(crawl);
    return crawl;
  }
  fs::path Landing(const std::string& below) const {
    return crawl_.folder().path() / "default/landing/d/t" / below;
  }
  // Gives a file a time long ago, so that its time alone says whether it changed.
  void Settle(const std::string& below, int64_t seconds = 1'600'000'000) const {
    const timespec time{static_cast<time_t>(seconds), 0};
    const timespec times[] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, Landing(below).c_str(), times, 0), 0);
  }
  static std::vector<std::string> Texts(const Crawl& crawl) {
    std::vector<std::string> texts;
    for (const CrawlChange& change : crawl.changes) {
      texts.push_back(absl::StrCat(static_cast<int>(change.kind), " ", change.subject, " ",
                                   change.before, ">", change.after,
                                   change.held_back_by.empty() ? "" : " held back"));
    }
    return texts;
  }

  CrawlFixture crawl_;
};

TEST_F(IncrementalCrawlTest, OnlyNewAndChangedFilesAreRead) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  crawl_.Put("b.csv", "a,b\n2,y\n");
  EXPECT_EQ(Succeeds().changed_file_count, 2);
  crawl_.Put("c.csv", "a,b\n3,z\n");
  EXPECT_EQ(Succeeds().changed_file_count, 1);
  crawl_.Put("a.csv", "a,b\n9,x\n");
  const Crawl crawl = Succeeds();
  EXPECT_EQ(crawl.changed_file_count, 1);
  EXPECT_THAT(Texts(crawl), ElementsAre("6 d/t/a.csv >"));
  EXPECT_THAT(crawl_.Query("SELECT a FROM t ORDER BY a"), ElementsAre("2", "3", "9"));
}

TEST_F(IncrementalCrawlTest, AFileThatWasOnlyTouchedIsNotReadAgain) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  Settle("a.csv");
  Succeeds();
  Settle("a.csv", 1'600'000'500);
  const Crawl touched = Succeeds();
  EXPECT_EQ(touched.changed_file_count, 0);
  EXPECT_EQ(touched.outcome, "files_changed");  // the table knows the file's time
  EXPECT_EQ(Succeeds().outcome, "unchanged");
}

TEST_F(IncrementalCrawlTest, AFileThatChangedWithinTheTimesGranularityIsReadAgain) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  struct stat before {};
  ASSERT_EQ(::stat(Landing("a.csv").c_str(), &before), 0);
  Succeeds();
  crawl_.Put("a.csv", "a,b\n2,x\n");
  const timespec times[] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, Landing("a.csv").c_str(), times, 0), 0);
  EXPECT_EQ(Succeeds().changed_file_count, 1);
}

TEST_F(IncrementalCrawlTest, EverythingIsReadWhereTheCrawlerSaysSo) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  crawl_.settings().options.recrawl = RecrawlPolicy::kEverything;
  Succeeds();
  const Crawl again = Succeeds();
  EXPECT_EQ(again.changed_file_count, 1);
  EXPECT_EQ(again.outcome, "unchanged");
}

TEST_F(IncrementalCrawlTest, ExcludedFilesAndFoldersDoNotCount) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  crawl_.Put("tmp/b.csv", "other\n");
  crawl_.Put("x/y/readme.txt", "not a table");
  crawl_.settings().options.exclude = {"tmp", "**/*.txt"};
  EXPECT_EQ(Succeeds().file_count, 1);
  crawl_.settings().options.exclude = {"/tmp"};
  const auto made = crawl_.catalog().pool().Run([&](Transaction& txn) {
    Crawler crawler = crawl_.settings();
    crawler.id = "c-t";
    crawler.path = "d/t";
    return CrawlerManager(txn).Update(crawl_.catalog().actor(), crawler, "").status();
  });
  EXPECT_THAT(made, StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(IncrementalCrawlTest, ADryRunSaysWhatWouldChangeAndChangesNothing) {
  crawl_.Put("a.json", "{\"a\":1,\"b\":\"x\"}\n");
  Crawl dry = crawl_.DryRun();
  EXPECT_EQ(dry.outcome, "created") << Failure(dry);
  EXPECT_TRUE(dry.dry_run);
  EXPECT_THAT(Texts(dry), ElementsAre("1 d.t >", "5 d/t/a.json >"));
  Succeeds();
  const Table before = crawl_.catalog().GetTable("t");
  crawl_.Put("b.json", "{\"a\":1.5,\"c\":true}\n");
  dry = crawl_.DryRun();
  EXPECT_EQ(dry.outcome, "schema_changed");
  EXPECT_EQ(dry.row_count, 2);
  EXPECT_THAT(Texts(dry), ElementsAre("3 a long>double", "2 c >boolean", "5 d/t/b.json >"));
  EXPECT_EQ(crawl_.catalog().GetTable("t").revision, before.revision);
  EXPECT_EQ(crawl_.catalog().LivePaths("t"),
            std::vector<std::string>{"default/landing/d/t/a.json"});
  const Crawl real = Succeeds();
  EXPECT_EQ(real.changed_file_count, 1) << "the dry run must not have learnt the file";
  EXPECT_EQ(Texts(real), Texts(dry));
}

TEST_F(IncrementalCrawlTest, ADryRunLeavesNoCopiesBehind) {
  crawl_.Put("a.xml", "<r><i><a>1</a></i><i><a>2</a></i></r>");
  EXPECT_EQ(crawl_.DryRun().outcome, "created");
  int files = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(crawl_.folder().path() / "default/derived")) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 0);
}

TEST_F(IncrementalCrawlTest, ADryRunAndACrawlWaitBesideEachOther) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  Succeeds();
  ASSERT_OK(crawl_.catalog().pool().Run([&](Transaction& txn) -> absl::Status {
    CrawlerManager crawlers(txn);
    const Actor& actor = crawl_.catalog().actor();
    const auto crawl = crawlers.Start(actor, "c-t");
    const auto dry = crawlers.Start(actor, "c-t", /*dry_run=*/true);
    EXPECT_NE(crawl->id, dry->id);
    EXPECT_FALSE(crawl->dry_run);
    EXPECT_TRUE(dry->dry_run);
    EXPECT_EQ(crawlers.Start(actor, "c-t", /*dry_run=*/true)->id, dry->id);
    return absl::OkStatus();
  }));
}

TEST_F(IncrementalCrawlTest, ColumnsAreOnlyAddedWhereTheCrawlerSaysSo) {
  crawl_.settings().options.on_schema_change = SchemaChangePolicy::kAddColumns;
  crawl_.Put("a.json", "{\"a\":1.5,\"b\":\"x\"}\n");
  Succeeds();
  crawl_.Remove("a.json");
  crawl_.Put("b.json", "{\"a\":1,\"c\":true}\n");
  const Crawl crawl = Succeeds();
  EXPECT_EQ(crawl.outcome, "schema_changed");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("a double", "c boolean", "b string"));
  EXPECT_THAT(Texts(crawl),
              ElementsAre("3 a double>long held back", "2 c >boolean", "4 b string> held back",
                          "5 d/t/b.json >", "7 d/t/a.json >"));
}

TEST_F(IncrementalCrawlTest, ColumnsStayWhereChangesAreOnlyLogged) {
  crawl_.settings().options.on_schema_change = SchemaChangePolicy::kLog;
  crawl_.Put("a.json", "{\"a\":1}\n");
  Succeeds();
  crawl_.Put("b.json", "{\"a\":2,\"c\":true}\n");
  const Crawl crawl = Succeeds();
  EXPECT_EQ(crawl.outcome, "files_changed");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("a long"));
  EXPECT_THAT(Texts(crawl), ElementsAre("2 c >boolean held back", "5 d/t/b.json >"));
  EXPECT_THAT(crawl_.Query("SELECT a FROM t ORDER BY a"), ElementsAre("1", "2"));
}

TEST_F(IncrementalCrawlTest, ValuesThatAHeldBackColumnCannotHoldFailTheCrawl) {
  crawl_.settings().options.on_schema_change = SchemaChangePolicy::kLog;
  crawl_.Put("a.json", "{\"a\":1}\n");
  Succeeds();
  crawl_.Put("b.json", "{\"a\":1.5}\n");
  const Crawl crawl = crawl_.RunCrawl();
  EXPECT_EQ(crawl.execution.state, ExecutionState::kFailed);
  EXPECT_THAT(Failure(crawl), HasSubstr("column \"a\" is double in the files and long"));
  EXPECT_THAT(crawl_.Query("SELECT a FROM t"), ElementsAre("1"));
}

TEST_F(IncrementalCrawlTest, FilesThatAreGoneStayNamedAndAreMarkedWhereTheCrawlerSaysSo) {
  crawl_.settings().options.on_deletion = DeletionPolicy::kMark;
  crawl_.Put("a.csv", "a,b\n1,x\n");
  crawl_.Put("b.csv", "a,b\n2,y\n");
  Succeeds();
  crawl_.Remove("b.csv");
  Crawl crawl = Succeeds();
  EXPECT_EQ(crawl.outcome, "unchanged");
  EXPECT_THAT(Texts(crawl), ElementsAre("7 d/t/b.csv > held back"));
  EXPECT_THAT(crawl_.catalog().LivePaths("t"), SizeIs(2));
  EXPECT_EQ(crawl_.catalog().GetTable("t").properties.at("tarn.crawl.missing_files"), "1");
  crawl_.Put("b.csv", "a,b\n2,y\n");
  Succeeds();
  EXPECT_THAT(crawl_.catalog().GetTable("t").properties, IsEmpty());
  crawl_.Remove("b.csv");
  crawl_.settings().options.on_deletion = DeletionPolicy::kRemove;
  Succeeds();
  EXPECT_THAT(crawl_.catalog().LivePaths("t"), SizeIs(1));
}

TEST_F(IncrementalCrawlTest, AWholeFolderThatIsGoneDoesNotEmptyATableThatKeepsItsFiles) {
  crawl_.settings().options.on_deletion = DeletionPolicy::kLog;
  crawl_.Put("a.csv", "a,b\n1,x\n");
  Succeeds();
  fs::rename(Landing(""), crawl_.folder().path() / "elsewhere");
  const Crawl crawl = Succeeds();
  EXPECT_EQ(crawl.outcome, "unchanged");
  EXPECT_THAT(crawl_.catalog().LivePaths("t"), SizeIs(1));
}

TEST_F(IncrementalCrawlTest, ACrawlerThatWasChangedMeanwhileLearnsNothingFromTheCrawlBefore) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  Succeeds();
  crawl_.settings().csv = CsvOptions{.delimiter = ";", .header = true};
  const Crawl crawl = Succeeds();
  EXPECT_EQ(crawl.changed_file_count, 1);
  EXPECT_THAT(crawl_.Columns(), ElementsAre("a,b string"));
}

TEST_F(IncrementalCrawlTest, AColumnsExplanationNamesValuesFilesAndConflicts) {
  std::string numbers = "n,plz,mixed\n";
  for (int i = 0; i < 9; ++i) absl::StrAppend(&numbers, i, ",9700", i, ",", i, "\n");
  crawl_.Put("dt=2024-01-01/a.csv", numbers);
  crawl_.Put("dt=2024-01-02/b.csv", "n,plz,mixed\n1.5,97008,n/a\n");
  const Crawl crawl = Succeeds();

  const v1::ColumnExplanation n = crawl_.Explain(crawl, "n");
  EXPECT_EQ(n.type(), "double");
  EXPECT_EQ(n.value_count(), 10);
  EXPECT_EQ(n.file_count(), 2);
  EXPECT_FALSE(n.conflict());
  EXPECT_DOUBLE_EQ(n.confidence(), 10.0 / 11);
  ASSERT_EQ(n.seen_size(), 2);
  EXPECT_EQ(n.seen(0).type(), "long");
  EXPECT_EQ(n.seen(0).value_count(), 9);
  EXPECT_EQ(n.seen(1).samples(0).path(), "d/t/dt=2024-01-02/b.csv");
  EXPECT_EQ(n.seen(1).samples(0).value(), "1.5");

  EXPECT_THAT(crawl_.Explain(crawl, "plz").reason(), HasSubstr("is that of a code"));
  const v1::ColumnExplanation mixed = crawl_.Explain(crawl, "mixed");
  EXPECT_TRUE(mixed.conflict());
  EXPECT_DOUBLE_EQ(mixed.confidence(), 1.0 / 11);
  EXPECT_THAT(mixed.reason(), AllOf(HasSubstr("long (\"0\" in d/t/dt=2024-01-01/a.csv)"),
                                    HasSubstr("string (\"n/a\" in d/t/dt=2024-01-02/b.csv)")));
  const v1::ColumnExplanation dt = crawl_.Explain(crawl, "dt");
  EXPECT_EQ(dt.type(), "date");
  EXPECT_EQ(dt.confidence(), 1);

  // Told again by a crawl that read nothing.
  const Crawl again = Succeeds();
  EXPECT_EQ(again.changed_file_count, 0);
  EXPECT_EQ(crawl_.Explain(again, "mixed").SerializeAsString(), mixed.SerializeAsString());
}

TEST_F(IncrementalCrawlTest, PartsOfNestedColumnsAreExplainedToo) {
  crawl_.Put("a.json", "{\"d\":{\"x\":1},\"l\":[{\"y\":true}]}\n{\"d\":{\"x\":null}}\n");
  const Crawl crawl = Succeeds();
  EXPECT_EQ(crawl_.Explain(crawl, "d.x").value_count(), 1);
  EXPECT_EQ(crawl_.Explain(crawl, "l[].y").type(), "boolean");
}

TEST_F(IncrementalCrawlTest, ExplanationsOfTheTenNewestCrawlsAreKept) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  const Crawl first = Succeeds();
  for (int i = 0; i < 9; ++i) Succeeds();
  EXPECT_EQ(crawl_.Explain(first, "a").type(), "long");
  Succeeds();
  EXPECT_EQ(crawl_.Explain(first, "a").type(), "");
}

TEST_F(IncrementalCrawlTest, AnUploadQueuesTheCrawlsOfTheFoldersCrawlersThatFollowUploads) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  crawl_.settings().options.on_upload = true;
  Succeeds();
  ASSERT_OK(crawl_.catalog().pool().Run([&](Transaction& txn) -> absl::Status {
    CrawlerStore store(txn);
    EXPECT_THAT(store.ListTriggered("default", "d/t/x/b.csv"), ElementsAre("c-t"));
    EXPECT_THAT(store.ListTriggered("default", "d/t2/b.csv"), IsEmpty());
    EXPECT_THAT(store.ListTriggered("other", "d/t/b.csv"), IsEmpty());
    return absl::OkStatus();
  }));
}

}  // namespace
}  // namespace tarn::catalog
