// What `tarn query` writes: rows in their forms, and where an error is.
#include <csignal>
#include <future>
#include <sstream>

#include "tarn/query/v1/query_service.pb.h"

#include "common/testing/status_matchers.h"
#include "services/cli/interrupt.h"
#include "services/cli/result_writer.h"
#include "services/cli/sql_error.h"

namespace tarn::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct TestTerminal {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal{.in = in, .out = out, .err = err};
};

query::v1::ResultSchema Schema(const std::vector<std::pair<std::string, std::string>>& columns) {
  query::v1::ResultSchema schema;
  for (const auto& [name, type] : columns) {
    auto* column = schema.add_columns();
    column->set_name(name);
    column->set_type(type);
  }
  return schema;
}

TEST(RowElementsTest, ElementsStayAsTheyAreWritten) {
  EXPECT_THAT(RowElements(R"([1.50,"a,]\"",null, {"x":[1,2]} ,[]])"),
              ElementsAre("1.50", R"("a,]\"")", "null", R"({"x":[1,2]})", "[]"));
  EXPECT_THAT(RowElements("[]"), IsEmpty());
}

TEST(TableWriterTest, AlignsByTypeAndShowsTextOnOneLine) {
  TestTerminal test;
  auto writer = NewTableWriter(test.terminal);
  writer->Begin(Schema({{"device", "string"}, {"cost", "double"}, {"n", "int"}}));
  writer->Write("[\"a\\nb\",1.5,null]\n[\"longer \\u00e4\",10.25,7]\n");
  writer->End();
  EXPECT_EQ(test.out.str(),
            "device     cost  n\n"
            "a\\nb        1.5\n"
            "longer ä  10.25  7\n");
}

TEST(TableWriterTest, AResultWithoutRowsHasItsHeader) {
  TestTerminal test;
  auto writer = NewTableWriter(test.terminal);
  writer->Begin(Schema({{"a", "int"}}));
  writer->End();
  EXPECT_EQ(test.out.str(), "a\n");
}

TEST(TableWriterTest, RowsAfterTheFirstThousandAreWrittenAsTheyCome) {
  TestTerminal test;
  auto writer = NewTableWriter(test.terminal);
  writer->Begin(Schema({{"a", "int"}}));
  for (int i = 0; i < 999; ++i) writer->Write("[1]\n");
  EXPECT_EQ(test.out.str(), "");
  writer->Write("[1]\n[12]\n");
  EXPECT_TRUE(test.out.str().ends_with("1\n12\n"));
}

TEST(JsonWriterTest, WritesOneObjectALineWithTheServersValues) {
  TestTerminal test;
  auto writer = NewJsonWriter(test.terminal);
  writer->Begin(Schema({{"a \"q\"", "double"}, {"b", "string"}}));
  writer->Write("[1.50,\"x\"]\n[null,\"\\u00e4\"]\n");
  EXPECT_EQ(test.out.str(),
            "{\"a \\\"q\\\"\":1.50,\"b\":\"x\"}\n"
            "{\"a \\\"q\\\"\":null,\"b\":\"\\u00e4\"}\n");
}

TEST(SqlErrorTest, ACaretStandsUnderTheColumn) {
  const absl::Status status = InvalidArgument("SQL_ERROR", "no", {{"line", "2"}, {"column", "10"}});
  EXPECT_EQ(PointAtError("SELECT 1,\n\tä, '日', nope\nFROM t", status),
            "     ä, '日', nope\n"
            "              ^\n");
  EXPECT_EQ(PointAtError("SELECT 1", InvalidArgument("SQL_ERROR", "no")), "");
  EXPECT_EQ(PointAtError("SELECT 1", status), "");
}

TEST(SqlErrorTest, OnlyReadingStatementsMayBeSentTwice) {
  for (const char* sql : {"SELECT 1", " (select 1)", "explain select 1", "FROM t"}) {
    EXPECT_TRUE(IsReadOnly(sql)) << sql;
  }
  for (const char* sql : {"INSERT INTO t SELECT 1", "WITH a AS (SELECT 1) INSERT INTO t FROM a", "",
                          "CREATE TABLE t AS SELECT 1", "selection"}) {
    EXPECT_FALSE(IsReadOnly(sql)) << sql;
  }
}

TEST(InterruptListenerTest, TheFirstInterruptIsACall) {
  std::promise<void> called;
  InterruptListener listener([&called] { called.set_value(); });
  std::raise(SIGINT);
  called.get_future().wait();
  EXPECT_TRUE(listener.interrupted());
}

}  // namespace
}  // namespace tarn::cli
