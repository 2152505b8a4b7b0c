// Every bad input that a user meets gets an answer that helps, and nothing partial is left.
#include <filesystem>
#include <fstream>
#include <signal.h>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/deployment.h"

namespace tarn::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class BadInputTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    tarn_ = new Deployment(Form::kStandalone);
    ASSERT_TRUE(tarn_->Start());
    WriteFile("database.yaml",
              "apiVersion: tarn/v1\nkind: Database\nmetadata: {name: bad}\nspec: {}\n");
    ASSERT_EQ(tarn_->Tarn({"apply", "-f", File("database.yaml")}).exit_code, 0);
  }
  static void TearDownTestSuite() {
    delete tarn_;
    tarn_ = nullptr;
  }

  static std::string File(const std::string& name) { return tarn_->folder() + "/" + name; }
  static void WriteFile(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(File(name)).parent_path());
    std::ofstream(File(name), std::ios::binary) << content;
  }

  // Uploads `content` as bad.<table> and crawls it; what the crawl says.
  static CommandResult Crawl(const std::string& table, const std::string& file,
                             const std::string& content) {
    WriteFile("raw/" + table + "/" + file, content);
    WriteFile(table + ".yaml",
              absl::StrCat("apiVersion: tarn/v1\nkind: Crawler\nmetadata: {name: ", table,
                           "}\nspec: {table: databases/bad/tables/", table, "}\n"));
    EXPECT_EQ(tarn_->Tarn({"apply", "-f", File(table + ".yaml")}).exit_code, 0);
    EXPECT_EQ(tarn_->Tarn({"upload", "bad." + table, File("raw/" + table)}).exit_code, 0);
    return tarn_->Tarn({"crawl", table});
  }

  // A failed crawl says where, and makes no table.
  static void ExpectRefused(const CommandResult& crawl, const std::string& table,
                            const std::string& where) {
    EXPECT_NE(crawl.exit_code, 0) << crawl.out;
    EXPECT_THAT(crawl.out + crawl.err, HasSubstr(where));
    EXPECT_NE(tarn_->Tarn({"get", "table", "bad." + table}).exit_code, 0);
  }

  static Deployment* tarn_;
};

Deployment* BadInputTest::tarn_ = nullptr;

TEST_F(BadInputTest, AManifestNamesItsLineAndField) {
  WriteFile(
      "wrong.yaml",
      "apiVersion: tarn/v1\nkind: Pipeline\nmetadata: {name: x}\nspec:\n  steps:\n    - id: a\n"
      "      sql:\n        sqll: SELECT 1\n");
  const CommandResult result = tarn_->Tarn({"apply", "-f", File("wrong.yaml")});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("wrong.yaml:8"));
  EXPECT_THAT(result.err, HasSubstr("spec.steps[0].sql.sqll"));
}

TEST_F(BadInputTest, ACorruptCsvRowNamesItsFileAndLine) {
  std::string csv = "a,b,c\n";
  for (int i = 0; i < 50; ++i) absl::StrAppend(&csv, i, ",x,", i, "\n");
  csv += "51,x\n52,x,52\n";
  ExpectRefused(Crawl("broken_csv", "rows.csv", csv), "broken_csv", "rows.csv");
}

TEST_F(BadInputTest, ATruncatedJsonLineNamesItsFileAndLine) {
  ExpectRefused(Crawl("broken_json", "rows.json", "{\"a\": 1}\n{\"a\": 2}\n{\"a\": \n"),
                "broken_json", "rows.json");
}

TEST_F(BadInputTest, AnXmlThatDoesNotParseNamesItsFile) {
  ExpectRefused(Crawl("broken_xml", "rows.xml", "<root><row><a>1</a></row><row><a>2</row></root>"),
                "broken_xml", "rows.xml");
}

TEST_F(BadInputTest, AnUnknownTableIsNamed) {
  const CommandResult result = tarn_->Tarn({"query", "SELECT * FROM bad.nothing"});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("nothing"));
}

TEST_F(BadInputTest, SqlReachesNoFile) {
  for (const char* sql : {"SELECT * FROM '/etc/passwd'", "SELECT * FROM read_text('/etc/passwd')",
                          "COPY (SELECT 1) TO '/tmp/x.csv'"}) {
    const CommandResult result = tarn_->Tarn({"query", sql});
    EXPECT_NE(result.exit_code, 0) << sql;
    EXPECT_THAT(result.out + result.err, Not(HasSubstr("root:")));
  }
}

TEST_F(BadInputTest, ACredentialThatIsMissingOrWrongIsRefused) {
  EXPECT_NE(tarn_->TarnWithKey("", {"get", "databases"}).exit_code, 0);
  const CommandResult wrong =
      tarn_->TarnWithKey("tarn_0123456789abcdefghijklmnopqrstuvwxyz0123456", {"get", "databases"});
  EXPECT_NE(wrong.exit_code, 0);
  EXPECT_THAT(wrong.err, HasSubstr("key"));
}

TEST_F(BadInputTest, ARecordThatIsNoJsonIsRefusedByItsLine) {
  WriteFile("stream.yaml",
            "apiVersion: tarn/v1\nkind: Stream\nmetadata: {name: lines}\nspec: {table: "
            "databases/bad/tables/lines}\n");
  ASSERT_EQ(tarn_->Tarn({"apply", "-f", File("stream.yaml")}).exit_code, 0);
  const CommandResult result =
      tarn_->Tarn({"put", "lines", "--flush"}, "{\"a\": 1}\n{\"a\": \n{\"a\": 2}\n");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.out + result.err, HasSubstr("2"));
  EXPECT_EQ(tarn_->Query("SELECT sum(a) FROM bad.lines"), (std::vector<std::string>{"3"}));
}

TEST_F(BadInputTest, EveryWrongOptionIsReportedAtOnce) {
  const CommandResult result = RunCommand(
      {ProgramFolder() + "/tarn-query", "--query.max_rows", "none", "--query.nothing", "1"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("query.max_rows"));
  EXPECT_THAT(result.err, HasSubstr("query.nothing"));
}

}  // namespace
}  // namespace tarn::e2e
