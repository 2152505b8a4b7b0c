// Each kind of input end to end: crawled, and read by the SELECT with which queries read it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "services/catalog/testing/crawl_fixture.h"
#include "services/catalog/testing/packed_text.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CrawlInputsTest : public ::testing::Test {
 protected:
  std::string Outcome() {
    const Crawl crawl = crawl_.RunCrawl();
    EXPECT_EQ(crawl.execution.state, ExecutionState::kSucceeded)
        << (crawl.execution.failure ? crawl.execution.failure->message : "");
    return crawl.outcome;
  }
  std::string Problem() {
    const Crawl crawl = crawl_.RunCrawl();
    EXPECT_EQ(crawl.execution.state, ExecutionState::kFailed) << crawl.outcome;
    return crawl.execution.failure ? crawl.execution.failure->message : "";
  }

  CrawlFixture crawl_;
};

TEST_F(CrawlInputsTest, PackedCsvIsReadUnderItsNameAndUnderAnyOther) {
  crawl_.Put("a.csv.gz", Gzip("a,b\n1,x\n"));
  crawl_.Put("b.csv.zst", Zstd("a,b\n2,y\n"));
  crawl_.Put("c.csv", Gzip("a,b\n3,z\n"));
  crawl_.Put("d.csv.gz", Gzip("a,b\n4,u\n") + Gzip("5,v\n"));
  crawl_.Put("e.csv", "a,b\n6,w\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT a, b FROM t ORDER BY a"),
              ElementsAre("1|x", "2|y", "3|z", "4|u", "5|v", "6|w"));
  EXPECT_EQ(Outcome(), "unchanged");
}

TEST_F(CrawlInputsTest, PackedJsonIsRead) {
  crawl_.Put("a.json.gz", Gzip("{\"a\":1,\"d\":{\"x\":true}}\n"));
  crawl_.Put("b.jsonl.zst", Zstd("{\"a\":2.5}\n"));
  crawl_.Put("c.gz", Gzip("\xEF\xBB\xBF{\"a\":3}\n"));
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT a, d.x FROM t ORDER BY a"),
              ElementsAre("1|true", "2.5|NULL", "3|NULL"));
}

TEST_F(CrawlInputsTest, APackedJsonArrayAndPackedXmlAreRead) {
  crawl_.Put("a.json.gz", Gzip("[{\"a\":1},\n{\"a\":2}]"));
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT a FROM t ORDER BY a"), ElementsAre("1", "2"));
  crawl_.Remove("a.json.gz");
  crawl_.Put("a.xml.zst", Zstd("<r><i><a>1</a></i><i><a>2</a></i></r>"));
  EXPECT_EQ(Outcome(), "schema_changed");
  EXPECT_THAT(crawl_.Query("SELECT a FROM t ORDER BY a"), ElementsAre("1", "2"));
}

TEST_F(CrawlInputsTest, Utf16IsFoundByItsMarkAndLatin1IsTold) {
  const std::string text = "name,n\nKöln,1\n";
  std::string utf16 = "\xFF\xFE";
  for (const char16_t unit : std::u16string(u"name,n\nKöln,1\n")) {
    utf16.push_back(static_cast<char>(unit & 0xFF));
    utf16.push_back(static_cast<char>(unit >> 8));
  }
  crawl_.Put("a.csv", utf16);
  crawl_.Put("b.csv", text);
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT name, n FROM t"), ElementsAre("Köln|1", "Köln|1"));

  crawl_.Remove("a.csv");
  crawl_.Put("b.csv", "name,n\nK\xF6ln,1\n");
  EXPECT_THAT(Problem(), HasSubstr("line 2: bytes that are no UTF-8; name the crawler's encoding"));
  crawl_.settings().options.encoding = TextEncoding::kLatin1;
  Outcome();
  EXPECT_THAT(crawl_.Query("SELECT name, n FROM t"), ElementsAre("Köln|1"));
}

TEST_F(CrawlInputsTest, LinesOfCommentsDoNotCount) {
  crawl_.settings().options.line_comment = "#";
  crawl_.Put("a.csv", "# made by x, y\na,b\n1,\"# no\ncomment\"\n#2,x\n3,b # still b\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT a, b FROM t ORDER BY a"),
              ElementsAre("1|# no\ncomment", "3|b # still b"));
}

TEST_F(CrawlInputsTest, TextIsReadByTheNamedGroupsOfAPattern) {
  crawl_.settings().options.text_pattern =
      R"((?P<at>\S+) (?P<level>[A-Z]+) (?:user=(?P<user>\S*) )?(?P<ms>\d+)ms)";
  crawl_.Put("a.log", "2024-01-01T10:00:00Z INFO user=ada 12ms\n\n2024-01-01T10:00:01Z WARN 7ms\n");
  crawl_.Put("b.log.gz", Gzip("2024-01-02T10:00:01Z INFO user=bob 3ms\r\n"));
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(),
              ElementsAre("at timestamptz", "level string", "user string", "ms long"));
  EXPECT_THAT(crawl_.Query("SELECT level, \"user\", ms FROM t ORDER BY \"at\""),
              ElementsAre("INFO|ada|12", "WARN|NULL|7", "INFO|bob|3"));
  EXPECT_EQ(Outcome(), "unchanged");
  crawl_.Put("c.log", "2024-01-01T10:00:00Z INFO 12ms\nTraceback\n");
  EXPECT_THAT(Problem(), HasSubstr("d/t/c.log: line 2: the pattern does not fit \"Traceback\""));
}

TEST_F(CrawlInputsTest, FoldersWithoutANameAreThePartitionColumnsThatTheCrawlerNames) {
  crawl_.settings().options.partition_columns = {"year", "region"};
  crawl_.Put("2024/eu/home=1/a.csv", "a,b\n1,x\n");
  crawl_.Put("2023/us/home=2/a.csv", "a,b\n2,y\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(),
              ElementsAre("a long", "b string", "year long", "region string", "home long"));
  EXPECT_THAT(crawl_.Query("SELECT a, year, region, home FROM t ORDER BY a"),
              ElementsAre("1|2024|eu|1", "2|2023|us|2"));
  crawl_.Put("2022/home=3/a.csv", "a,b\n3,z\n");
  EXPECT_THAT(Problem(), HasSubstr("home=3/a.csv: 1 of its folders have no name of their own"));
}

TEST_F(CrawlInputsTest, XmlMayNameItsEncodingAndUseNamespaces) {
  crawl_.Put("a.xml",
             "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<n:r xmlns:n=\"urn:x\">"
             "<n:i n:id=\"1\"><n:city>K\xF6ln</n:city></n:i><n:i n:id=\"2\"/></n:r>");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Columns(), ElementsAre("id long", "city string"));
  EXPECT_THAT(crawl_.Query("SELECT id, city FROM t ORDER BY id"), ElementsAre("1|Köln", "2|NULL"));
}

TEST_F(CrawlInputsTest, TabSeparatedValuesWithQuotesOverLinesAreRead) {
  crawl_.Put("a.tsv", "a\tb\r\n1\t\"two\r\nlines\"\r\n2\tit is 5\" long\r\n");
  EXPECT_EQ(Outcome(), "created");
  EXPECT_THAT(crawl_.Query("SELECT a, replace(b, chr(13), '') FROM t ORDER BY a"),
              ElementsAre("1|two\nlines", "2|it is 5\" long"));
}

TEST_F(CrawlInputsTest, APackedFileThatIsCutOffOrGrowsBeyondBoundsIsAProblem) {
  const std::string packed = Gzip("a,b\n1,x\n2,y\n");
  crawl_.Put("a.csv.gz", packed.substr(0, packed.size() / 2));
  EXPECT_THAT(Problem(), HasSubstr("d/t/a.csv.gz: the compressed file is damaged"));
  crawl_.Put("a.csv.gz", Gzip("a,b\n" + std::string(100 << 20, '\n')));
  EXPECT_THAT(Problem(), HasSubstr("unpacks to more than 200 times its size"));
}

TEST_F(CrawlInputsTest, TooManyColumnsAreAProblem) {
  std::string row = "{";
  for (int i = 0; i < 10'000; ++i) {
    row += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  }
  crawl_.Put("a.json", row + "}\n");
  EXPECT_THAT(Problem(), HasSubstr("more than 4000 different fields"));
  crawl_.Remove("a.json");
  crawl_.Put("a.csv", std::string(10'000, ','));
  EXPECT_THAT(Problem(), HasSubstr("10001 columns, where a table has at most 4000"));
}

TEST_F(CrawlInputsTest, AHundredMebibytesOnOneLineAreAProblem) {
  crawl_.Put("a.json", "{\"a\":\"" + std::string(100 << 20, 'x') + "\"}\n");
  EXPECT_THAT(Problem(), HasSubstr("line 1: is longer than 64 MiB"));
  crawl_.Put("a.json", "[{\"a\":\"" + std::string(100 << 20, 'x') + "\"}]\n");
  EXPECT_THAT(Problem(), HasSubstr("is longer than 64 MiB"));
  crawl_.Remove("a.json");
  crawl_.Put("a.csv", "a,b\n1,\"" + std::string(100 << 20, 'x') + "\"\n");
  EXPECT_THAT(Problem(), HasSubstr("line 2: a quoted field begins here; its row is longer"));
}

}  // namespace
}  // namespace tarn::catalog
