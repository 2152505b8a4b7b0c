#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/events/event_reader.h"
#include "common/failpoint/failpoint.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"
#include "services/catalog/crawl/crawl_worker.h"
#include "services/catalog/crawl/crawler_manager.h"
#include "services/catalog/crawl/crawler_store.h"
#include "services/catalog/testing/crawl_fixture.h"
#include "tools/datagen/smart_hub_writer.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

class CrawlTest : public ::testing::Test {
 protected:
  // A crawl that must succeed.
  std::string Outcome() {
    const Crawl crawl = crawl_.RunCrawl();
    EXPECT_EQ(crawl.execution.state, ExecutionState::kSucceeded) << Explain(crawl);
    return crawl.outcome;
  }
  // A crawl that must fail, with the first problem's text.
  std::string Problem() {
    const Crawl crawl = crawl_.RunCrawl();
    EXPECT_EQ(crawl.execution.state, ExecutionState::kFailed) << crawl.outcome;
    if (crawl.problems.empty()) return Explain(crawl);
    return crawl.problems[0].path + ": " + crawl.problems[0].message;
  }
  static std::string Explain(const Crawl& crawl) {
    return crawl.execution.failure ? crawl.execution.failure->message : "no error";
  }
  bool TableExists() {
    return crawl_.catalog()
        .pool()
        .Run([&](Transaction& txn) -> absl::StatusOr<bool> {
          return TableStore(txn).Find(crawl_.catalog().Key("t")).has_value();
        })
        .value();
  }

  CrawlFixture crawl_;
};

TEST_F(CrawlTest, CsvWithEveryQuirkBecomesATypedTable) {
  crawl_.Put("state=ct/a.csv",
             "\xEF\xBB\xBFlon,number,postcode,city,d,name\r\n-73.5,12,06902,,2019-12-21,\"a, "
             "\"\"b\"\"\"\r\n");
  crawl_.Put("state=or/b.csv", "lon,number,postcode,city,d,name\n-122,7,97008,,,\"two\nlines\"");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(),
              ElementsAre("lon double", "number long", "postcode string", "city string", "d date",
                          "name string", "state string"));
  EXPECT_THAT(crawl_.Query("SELECT * FROM t ORDER BY lon DESC"),
              ElementsAre("-73.5|12|06902|NULL|2019-12-21|a, \"b\"|ct",
                          "-122|7|97008|NULL|NULL|two\nlines|or"));
  const Table table = crawl_.catalog().GetTable("t");
  EXPECT_EQ(table.statistics.row_count, 2);
  EXPECT_EQ(table.current_snapshot->operation, SnapshotOperation::kCrawl);
}

TEST_F(CrawlTest, ASecondCrawlWithoutChangesCommitsNothing) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  EXPECT_EQ(Outcome(), "created");
  const Crawl second = crawl_.RunCrawl();
  EXPECT_EQ(second.outcome, "unchanged");
  EXPECT_EQ(second.changed_file_count, 0);
  EXPECT_EQ(second.row_count, 1);
  EXPECT_EQ(crawl_.catalog().GetTable("t").current_snapshot->sequence_number, 1);
  ASSERT_OK_AND_ASSIGN(const events::EventBatch created,
                       events::ReadEvents(crawl_.catalog().pool(), {}, 100,
                                          {.type_prefixes = {"tarn.catalog.table.snapshot_"}}));
  EXPECT_THAT(created.events, SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const events::EventBatch ended,
                       events::ReadEvents(crawl_.catalog().pool(), {}, 100,
                                          {.type_prefixes = {"tarn.catalog.crawl.succeeded"}}));
  EXPECT_THAT(ended.events, SizeIs(2));
}

TEST_F(CrawlTest, NewFilesWidenTypesAndGoneFilesLeave) {
  crawl_.Put("a.csv", "a,b\n1,x\n");
  EXPECT_EQ(Outcome(), "created");
  crawl_.Put("b.csv", "a,b\n1.5,y\n");
  EXPECT_EQ(Outcome(), "schema_changed");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("a double", "b string"));
  crawl_.Put("c.csv", "a,b\n7,z\n");
  EXPECT_EQ(Outcome(), "files_changed");
  crawl_.Remove("a.csv");
  EXPECT_EQ(Outcome(), "files_changed");
  EXPECT_THAT(crawl_.Query("SELECT b FROM t ORDER BY b"), ElementsAre("y", "z"));
  EXPECT_EQ(crawl_.catalog().GetTable("t").definition.schema.fields[0].id, 1);
}

TEST_F(CrawlTest, OtherDelimitersAndFilesWithoutHeaderAreFoundOut) {
  crawl_.Put("a.csv", "1;2,5\n3;4,5\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("column_1 long", "column_2 string"));
  EXPECT_THAT(crawl_.Query("SELECT * FROM t ORDER BY 1"), ElementsAre("1|2,5", "3|4,5"));
}

TEST_F(CrawlTest, JsonLinesKeepNestingAndDatesAsPartitions) {
  crawl_.Put("dt=2019-12-21/a.json", "{\"id\":\"x\",\"data\":{\"s1\":0,\"s2\":0.5}}\n");
  crawl_.Put("dt=2019-12-22/b.json", "{\"id\":\"y\",\"data\":{\"s1\":1.5,\"s2\":2}}");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("id string", "data struct", "dt date"));
  EXPECT_THAT(crawl_.Query("SELECT id, data.s1, data.s2, dt FROM t ORDER BY id"),
              ElementsAre("x|0|0.5|2019-12-21", "y|1.5|2|2019-12-22"));
}

TEST_F(CrawlTest, AJsonArrayIsATable) {
  crawl_.Put("a.json", "[\n {\"a\": 1, \"l\": [{\"x\": true}]},\n {\"a\": 2}\n]");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT a, l[1].x FROM t ORDER BY a"), ElementsAre("1|true", "2|NULL"));
}

TEST_F(CrawlTest, EveryScalarTypeReadsBackFromCsv) {
  crawl_.Put("a.tsv",
             "b\tl\td\tdt\tts\ttz\ttext\n"
             "true\t-9223372036854775808\t1e-3\t0001-01-01\t2024-01-01T10:00:00.5\t"
             "2024-01-01T10:00:00+02:00\t it's \n"
             "FALSE\t\t.5\t\t2024-01-01\t2024-01-01 10:00:00Z\t\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("b boolean", "l long", "d double", "dt date",
                                            "ts timestamp", "tz timestamptz", "text string"));
  EXPECT_THAT(crawl_.Query("SELECT * FROM t ORDER BY b DESC"),
              ElementsAre("true|-9223372036854775808|0.001|0001-01-01|2024-01-01T10:00:00.5|"
                          "2024-01-01T08:00:00Z| it's ",
                          "false|NULL|0.5|NULL|2024-01-01T00:00:00|2024-01-01T10:00:00Z|NULL"));
}

TEST_F(CrawlTest, AFileOfOneColumnIsATable) {
  crawl_.Put("a.csv", "name\nx\n\ny");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("name string"));
  EXPECT_THAT(crawl_.Query("SELECT name FROM t WHERE name IS NOT NULL ORDER BY 1"),
              ElementsAre("x", "y"));
}

TEST_F(CrawlTest, JsonMayBeginWithAByteOrderMarkAndEndItsLinesWithCrLf) {
  crawl_.Put("a.json", "\xEF\xBB\xBF{\"a\":1}\r\n{\"a\":2.5}\r\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT a FROM t ORDER BY 1"), ElementsAre("1", "2.5"));
  EXPECT_EQ(crawl_.RunCrawl().outcome, "unchanged");
}

TEST_F(CrawlTest, JsonThatConflictsIsReadAsText) {
  crawl_.Put("a.json", "{\"a\":1,\"o\":{}}\n{\"a\":{\"x\":1},\"o\":{}}\n{\"a\":\"s\"}\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("a string", "o string"));
  EXPECT_THAT(crawl_.Query("SELECT count(a) FROM t"), ElementsAre("3"));
}

TEST_F(CrawlTest, TenThousandSmallFilesAreOneTable) {
  constexpr int kFiles = 10'000;
  for (int i = 0; i < kFiles; ++i) {
    crawl_.Put("n=" + std::to_string(i % 10) + "/" + std::to_string(i) + ".json",
               "{\"id\":" + std::to_string(i) + ",\"x\":0.5}\n");
  }
  const Crawl crawl = crawl_.RunCrawl();
  EXPECT_EQ(crawl.outcome, "created") << Explain(crawl);
  EXPECT_EQ(crawl.row_count, kFiles);
  EXPECT_EQ(crawl_.RunCrawl().outcome, "unchanged");
}

TEST_F(CrawlTest, PartitionsWithLeadingZerosStayText) {
  crawl_.Put("month=01/n=1/a.json", "{\"a\":1}\n");
  crawl_.Put("month=12/n=2/a.json", "{\"a\":2}\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("a long", "month string", "n long"));
}

TEST_F(CrawlTest, XmlIsReadThroughATypedParquetCopy) {
  crawl_.Put("a.xml",
             "<root><row><state>ca</state><month>12</month><rate>5.051</rate></row>"
             "<row><state>ct</state><month>12</month><rate>7</rate></row></root>");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("state string", "month long", "rate double"));
  EXPECT_THAT(crawl_.Query("SELECT * FROM t ORDER BY state"),
              ElementsAre("ca|12|5.051", "ct|12|7"));
  EXPECT_EQ(crawl_.RunCrawl().outcome, "unchanged");
  crawl_.Put("b.xml",
             "<root><row><state>or</state><month>x</month><rate>1</rate></row>"
             "<row><state>wa</state><month>y</month><rate>1</rate></row></root>");
  EXPECT_EQ(Outcome(), "schema_changed");
  EXPECT_THAT(crawl_.Query("SELECT state, month FROM t ORDER BY state"),
              ElementsAre("ca|12", "ct|12", "or|x", "wa|y"));
}

TEST_F(CrawlTest, ParquetDeclaresItsOwnTypes) {
  fs::create_directories(crawl_.folder() / "default/landing/d/t");
  ASSERT_OK_AND_ASSIGN(duckdb::Connection connection, crawl_.engine().Connect());
  ASSERT_OK(connection.Execute(
      "COPY (SELECT 1::INTEGER AS a, 1.5::DECIMAL(5,2) AS b, {'x': 1::BIGINT} "
      "AS s) TO '" +
      (crawl_.folder() / "default/landing/d/t/a.parquet").string() + "' (FORMAT parquet)"));
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("a int", "b decimal(5,2)", "s struct"));
  EXPECT_THAT(crawl_.Query("SELECT a, b, s.x FROM t"), ElementsAre("1|1.50|1"));
}

TEST_F(CrawlTest, AColumnThatAPartitionsParquetFilesLackIsNullThere) {
  ASSERT_OK_AND_ASSIGN(duckdb::Connection connection, crawl_.engine().Connect());
  const auto write = [&](const std::string& select, const std::string& below) {
    const fs::path path = crawl_.folder() / "default/landing/d/t" / below;
    fs::create_directories(path.parent_path());
    ASSERT_OK(
        connection.Execute("COPY (" + select + ") TO '" + path.string() + "' (FORMAT parquet)"));
  };
  write("SELECT 1::INTEGER AS a", "dt=2024-01-01/a.parquet");
  write("SELECT 2::BIGINT AS a, 'x' AS b, {'x': 1::BIGINT} AS s", "dt=2024-01-02/a.parquet");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("a long", "b string", "s struct", "dt date"));
  EXPECT_THAT(crawl_.Query("SELECT a, b IS NULL, s IS NULL, dt FROM t ORDER BY a"),
              ElementsAre("1|true|true|2024-01-01", "2|false|false|2024-01-02"));
  EXPECT_THAT(crawl_.Query("SELECT a, b, s.x FROM t WHERE b = 'x'"), ElementsAre("2|x|1"));
}

TEST_F(CrawlTest, AWrongNumberOfFieldsFailsWithFileAndLine) {
  crawl_.Put("a.csv", "a,b\n1,2\n3\n");
  EXPECT_THAT(Problem(), HasSubstr("d/t/a.csv: line 3: 1 fields"));
  EXPECT_FALSE(TableExists());
}

TEST_F(CrawlTest, BadQuotingFailsWithFileAndLine) {
  crawl_.Put("a.csv", "a,b\n1,\"x\n");
  EXPECT_THAT(Problem(), HasSubstr("d/t/a.csv: line 2: a quoted field begins here"));
}

TEST_F(CrawlTest, ATruncatedJsonLineFailsAndLeavesTheTableAsItWas) {
  crawl_.Put("a.json", "{\"a\":1}\n");
  EXPECT_EQ(Outcome(), "created");
  crawl_.Put("b.json", "{\"a\":2}\n{\"a\":");
  EXPECT_THAT(Problem(), HasSubstr("d/t/b.json: line 2: the JSON object ends in the middle"));
  EXPECT_THAT(crawl_.Query("SELECT a FROM t"), ElementsAre("1"));
  EXPECT_EQ(crawl_.catalog().GetTable("t").current_snapshot->sequence_number, 1);
}

TEST_F(CrawlTest, XmlThatDoesNotParseFailsWithItsLine) {
  crawl_.Put("a.xml", "<root>\n<row><a>1</a>\n</root>");
  EXPECT_THAT(Problem(), HasSubstr("d/t/a.xml: line 3"));
  EXPECT_FALSE(TableExists());
}

TEST_F(CrawlTest, FilesOfAnotherFormatOrOtherPartitionsAreProblems) {
  crawl_.Put("a.csv", "a,b\n1,2\n");
  crawl_.Put("b.json", "{\"a\":1}\n");
  EXPECT_THAT(Problem(), HasSubstr("d/t/b.json: the file is JSON lines, where a.csv is CSV"));
  crawl_.Remove("b.json");
  crawl_.Put("dt=1/b.csv", "a,b\n1,2\n");
  EXPECT_THAT(Problem(), HasSubstr("its folders name dt"));
}

TEST_F(CrawlTest, AnEmptyFolderSaysWhatToDo) {
  EXPECT_THAT(Problem(), HasSubstr("upload some first"));
}

TEST_F(CrawlTest, MarkersHiddenFilesAndEmptyFilesDoNotCount) {
  crawl_.Put("a.csv", "a,b\n1,2\n");
  crawl_.Put("_SUCCESS", "done");
  crawl_.Put(".a.csv.tmp", "a,b\n1");
  crawl_.Put("empty.csv", "");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_EQ(crawl_.catalog().GetTable("t").statistics.file_count, 1);
}

TEST_F(CrawlTest, AManagedTableIsNotOverwritten) {
  crawl_.catalog().CreateTable("t");
  crawl_.Put("a.csv", "a,b\n1,2\n");
  EXPECT_THAT(Problem(), HasSubstr("is no external table"));
}

TEST_F(CrawlTest, ACrawlWhoseWorkerDiedIsTakenUpByAnother) {
  crawl_.Put("a.csv", "a,b\n1,2\n");
  const Actor& actor = crawl_.catalog().actor();
  PostgresPool& pool = crawl_.catalog().pool();
  ASSERT_OK(pool.Run([&](Transaction& txn) {
    return CrawlerManager(txn)
        .Create(actor, {.id = "c-t", .table = crawl_.catalog().Key("t"), .path = "d/t"})
        .status();
  }));
  // A worker that claims it and then dies: its lease is over at once.
  ASSERT_OK(pool.Run([&](Transaction& txn) -> absl::Status {
    EXPECT_OK(CrawlerManager(txn).Start(actor, "c-t"));
    EXPECT_TRUE(CrawlerStore(txn).Claim("dead", absl::ZeroDuration()).has_value());
    return absl::OkStatus();
  }));
  CrawlWorker worker(pool, crawl_.lake(), crawl_.engine(), crawl_.metrics(), {.holder = "other"});
  ASSERT_OK_AND_ASSIGN(const bool ran, worker.RunOne(false));
  EXPECT_TRUE(ran);
  EXPECT_EQ(crawl_.catalog().GetTable("t").statistics.row_count, 1);
}

TEST_F(CrawlTest, AFailureBeforeTheEndLeavesNoTable) {
  crawl_.Put("a.csv", "a,b\n1,2\n");
  {
    failpoint::ScopedFailpoint fail("catalog.crawl.before_apply", "error(INTERNAL)");
    EXPECT_EQ(crawl_.RunCrawl().execution.state, ExecutionState::kFailed);
  }
  EXPECT_FALSE(TableExists());
  EXPECT_EQ(Outcome(), "created");
}

// The real files where they are, else generated ones of the same shape: four homes on two days.
class SampleDataTest : public CrawlTest {
 protected:
  void SetUp() override {
    const char* given = std::getenv("TARN_SAMPLE_DATA");
    data_ = given != nullptr ? fs::path(given) : fs::path("../shared/data");
    real_ = fs::exists(data_ / "smart_hub");
    if (real_) return;
    data_ = generated_ / "data";
    ASSERT_OK(datagen::Generate({.homes = kGeneratedHomes, .out = data_}));
  }
  int homes() const { return real_ ? 3 : kGeneratedHomes; }
  void Copy(const std::string& from) {
    fs::create_directories(crawl_.folder() / "default/landing/d");
    fs::copy(data_ / from, crawl_.folder() / "default/landing/d/t", fs::copy_options::recursive);
  }

  static constexpr int kGeneratedHomes = 4;
  const TempDir generated_;
  fs::path data_;
  bool real_ = false;
};

TEST_F(SampleDataTest, LocationsKeepTheirPostcodes) {
  Copy("smart_hub/locations");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), SizeIs(13));
  EXPECT_THAT(crawl_.Columns(), IsSupersetOf({"lon double", "lat double", "street string",
                                              "postcode string", "hash string", "state string"}));
  EXPECT_THAT(crawl_.Query("SELECT DISTINCT state FROM t ORDER BY 1"),
              ElementsAre("ca", "co", "ct", "or"));
  EXPECT_THAT(crawl_.Query("SELECT count(*) > 0 FROM t WHERE postcode SIMILAR TO '[0-9]{5}'"),
              ElementsAre("true"));
  if (real_) {
    EXPECT_THAT(
        crawl_.Columns(),
        ElementsAre("lon double", "lat double", "number string", "street string", "unit string",
                    "city string", "district string", "region string", "postcode string",
                    "id string", "hash string", "tz string", "state string"));
    EXPECT_THAT(crawl_.Query("SELECT street, postcode FROM t WHERE hash = 'b6a8d42425fde548'"),
                ElementsAre("SW JUNIPER TER|97008"));
  }
}

TEST_F(SampleDataTest, UsageMappingsRatesAndMessagesAreRead) {
  Copy("smart_hub/usage");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT count(*), sum(data.s_01) > 0, min(dt), typeof(any_value(ts)) "
                           "FROM t"),
              ElementsAre(absl::StrCat(homes() * 2 * 288, "|true|2019-12-21|BIGINT")));
  fs::remove_all(crawl_.folder() / "default/landing/d/t");
  const auto as_table = [&](const std::string& from, const std::string& table) {
    fs::create_directories(crawl_.folder() / ("default/landing/d/" + table));
    fs::copy(data_ / from, crawl_.folder() / ("default/landing/d/" + table),
             fs::copy_options::recursive);
    return crawl_.RunCrawl(table, "d/" + table).outcome;
  };
  EXPECT_EQ(as_table("smart_hub/mappings", "m"), "created");
  EXPECT_THAT(crawl_.Query("SELECT count(*), typeof(any_value(state)) FROM t", "m"),
              ElementsAre(absl::StrCat(homes() * 10, "|VARCHAR")));
  EXPECT_EQ(as_table("smart_hub/rates", "r"), "created");
  EXPECT_THAT(crawl_.Query("SELECT count(*), typeof(any_value(year)), any_value(\"from\"::TIME "
                           "IS NOT NULL) FROM t",
                           "r"),
              ElementsAre("96|BIGINT|true"));
  fs::create_directories(crawl_.folder() / "default/landing/d/i");
  fs::copy(data_ / "iot/raw_data_large.json", crawl_.folder() / "default/landing/d/i/x.json");
  EXPECT_EQ(crawl_.RunCrawl("i", "d/i").outcome, "created");
  EXPECT_THAT(crawl_.Query("SELECT count(*) FROM t", "i"), ElementsAre("9995"));
  EXPECT_THAT(crawl_.Query("SELECT DISTINCT device FROM t WHERE data.co > 0.01", "i"),
              ElementsAre("iot-device-01"));
}

}  // namespace
}  // namespace tarn::catalog
