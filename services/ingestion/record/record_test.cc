// What is taken for JSON, which columns are learnt, and what is never bent into shape.
#include <algorithm>
#include <filesystem>
#include <map>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_text.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/record/partition_writer.h"
#include "services/ingestion/record/record_check.h"
#include "services/ingestion/record/record_matcher.h"
#include "services/ingestion/record/schema_learner.h"
#include "services/ingestion/record/stream_columns.h"

namespace tarn::ingestion {
namespace {

using table_schema::Field;
using table_schema::Fields;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

std::string ReasonOf(std::string_view record) {
  const auto error = CheckRecord(record);
  return error ? error->reason : "";
}

TEST(RecordCheckTest, TakesObjectsAlone) {
  for (const char* good : {"{}", " {\"a\" : [1, -0.5e+3, null, true, {\"b\": \"\\u00e4\\n\"}]}\n",
                           R"({"surrogates":"\ud83d\ude00"})", "{\"ä\":\"😀\"}"}) {
    EXPECT_EQ(ReasonOf(good), "") << good;
  }
  for (const char* other : {"1", "[]", "\"a\"", "null", "[{}]"}) {
    EXPECT_EQ(ReasonOf(other), "NOT_AN_OBJECT") << other;
  }
}

TEST(RecordCheckTest, RefusesWhatIsNotJson) {
  for (const char* bad : {"",
                          " ",
                          "{",
                          "}",
                          "{a:1}",
                          "{'a':1}",
                          "{\"a\"}",
                          "{\"a\":}",
                          "{\"a\":1,}",
                          "{\"a\":01}",
                          "{\"a\":.5}",
                          "{\"a\":1.}",
                          "{\"a\":+1}",
                          "{\"a\":NaN}",
                          "{\"a\":Infinity}",
                          "{\"a\":1e}",
                          "{\"a\":tru}",
                          "{\"a\":1}x",
                          "{\"a\":1} {}",
                          "{\"a\":\"\\x\"}",
                          "{\"a\":\"\\u12\"}",
                          "{\"a\":\"\\ud800\"}",
                          "{\"a\":\"\\udc00\"}",
                          "{\"a\":\"\t\"}",
                          "{\"a\":\"\xff\"}",
                          "{\"a\":\"\xc0\xaf\"}",
                          "{\"a\":\"\xed\xa0\x80\"}",
                          "{\"a\":[1 2]}",
                          "{\"a\":[1}",
                          "{\"a\":\"unclosed}",
                          "{\"a\":1 \"b\":2}",
                          "{,}",
                          "[,]",
                          "\xef\xbb\xbf{}"}) {
    EXPECT_EQ(ReasonOf(bad), "INVALID_JSON") << bad;
  }
}

TEST(RecordCheckTest, RefusesDeepNestingAndLargeRecords) {
  EXPECT_EQ(ReasonOf("{\"a\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}"),
            "INVALID_JSON");
  EXPECT_EQ(ReasonOf("{\"a\":" + std::string(90, '[') + std::string(90, ']') + "}"), "");
  EXPECT_EQ(ReasonOf("{\"a\":\"" + std::string(kMaxRecordBytes, 'x') + "\"}"), "RECORD_TOO_LARGE");
}

std::string Learn(const std::vector<std::string>& records) {
  SchemaLearner learner;
  for (const std::string& record : records) learner.Observe(record);
  Field all;
  all.set_type("struct");
  *all.mutable_fields() = learner.Columns();
  return table_schema::DisplayTypeOf(all);
}

TEST(SchemaLearnerTest, LearnsTheTypesOfDeviceMessages) {
  EXPECT_EQ(Learn({R"({"data":{"co":0.0045,"light":true,"temp":27.0},"device_id":"5e:44","ts":)"
                   R"(1594598735.77,"device":"iot-device-02"})"}),
            "struct<data: struct<co: double, light: boolean, temp: double>, device_id: string, "
            "ts: double, device: string>");
}

TEST(SchemaLearnerTest, AFractionAmongIntegersMakesADouble) {
  EXPECT_EQ(Learn({R"({"a":1})", R"({"a":2})"}), "struct<a: long>");
  EXPECT_EQ(Learn({R"({"a":1})", R"({"a":2.5})", R"({"a":3})"}), "struct<a: double>");
}

TEST(SchemaLearnerTest, NothingIsGuessedFromText) {
  EXPECT_EQ(Learn({R"({"a":"2020-01-01","b":"12","c":"true"})"}),
            "struct<a: string, b: string, c: string>");
}

TEST(SchemaLearnerTest, NullSaysNothingUntilAValueCame) {
  EXPECT_EQ(Learn({R"({"a":null,"b":[]})", R"({"a":null,"b":[1,null]})"}),
            "struct<a: string, b: list<long>>");
  EXPECT_EQ(Learn({R"({"a":null})", R"({"a":7})"}), "struct<a: long>");
}

TEST(SchemaLearnerTest, FieldsOfAllRecordsAreJoined) {
  EXPECT_EQ(Learn({R"({"s":{"x":1}})", R"({"s":{"y":"t"},"z":[{"k":1},{"l":true}]})"}),
            "struct<s: struct<x: long, y: string>, z: list<struct<k: long, l: boolean>>>");
}

Field MakeField(const std::string& name, const std::string& type, std::vector<Field> parts = {}) {
  Field field;
  field.set_name(name);
  field.set_type(type);
  for (Field& part : parts) *field.add_fields() = part;
  return field;
}

// A value against a column "v" of each type, and whether it fits. What fits must come out of the
// engine as `text`.
struct Case {
  Field column;
  std::string value;
  std::string reason;  // "" when it fits
  std::string text;
};

std::vector<Case> Cases() {
  const auto of = [](const std::string& type) { return MakeField("v", type); };
  const Field numbers =
      MakeField("v", "struct", {MakeField("x", "long"), MakeField("y", "double")});
  const Field list = MakeField("v", "list", {MakeField("element", "long")});
  const Field map = MakeField("v", "map", {MakeField("key", "string"), MakeField("value", "long")});
  return {
      // Whole numbers.
      {of("long"), "12", "", "12"},
      {of("long"), "-0", "", "0"},
      {of("long"), "9223372036854775807", "", "9223372036854775807"},
      {of("long"), "-9223372036854775808", "", "-9223372036854775808"},
      {of("long"), "9223372036854775808", "OUT_OF_RANGE", ""},
      {of("long"), "1.5", "TYPE_MISMATCH", ""},
      {of("long"), "1.0", "TYPE_MISMATCH", ""},
      {of("long"), "1e3", "TYPE_MISMATCH", ""},
      {of("long"), "\"12\"", "TYPE_MISMATCH", ""},
      {of("long"), "true", "TYPE_MISMATCH", ""},
      {of("long"), "{}", "TYPE_MISMATCH", ""},
      {of("long"), "[]", "TYPE_MISMATCH", ""},
      {of("long"), "null", "", "NULL"},
      {of("int"), "2147483647", "", "2147483647"},
      {of("int"), "2147483648", "OUT_OF_RANGE", ""},
      // Numbers.
      {of("double"), "1.5", "", "1.5"},
      {of("double"), "3", "", "3.0"},
      {of("double"), "0.004532068199369834", "", "0.004532068199369834"},
      {of("double"), "9007199254740992", "", "9007199254740992.0"},
      {of("double"), "9007199254740993", "OUT_OF_RANGE", ""},
      {of("double"), "18446744073709551616", "", "1.8446744073709552e+19"},
      {of("double"), "1e400", "OUT_OF_RANGE", ""},
      {of("double"), "-1e400", "OUT_OF_RANGE", ""},
      {of("double"), "1e-400", "OUT_OF_RANGE", ""},
      {of("double"), "0e-400", "", "0.0"},
      {of("double"), "true", "TYPE_MISMATCH", ""},
      {of("double"), "\"1.5\"", "TYPE_MISMATCH", ""},
      {of("float"), "1.5", "", "1.5"},
      {of("float"), "16777217", "OUT_OF_RANGE", ""},
      {of("float"), "1e39", "OUT_OF_RANGE", ""},
      {of("decimal(5,2)"), "123.45", "", "123.45"},
      {of("decimal(5,2)"), "-1", "", "-1.00"},
      {of("decimal(5,2)"), "\"123.4\"", "", "123.40"},
      {of("decimal(5,2)"), "1.234", "OUT_OF_RANGE", ""},
      {of("decimal(5,2)"), "1234", "OUT_OF_RANGE", ""},
      {of("decimal(5,2)"), "1e1", "OUT_OF_RANGE", ""},
      {of("decimal(20,0)"), "12345678901234567890", "OUT_OF_RANGE", ""},
      {of("decimal(20,0)"), "\"12345678901234567890\"", "", "12345678901234567890"},
      // Truth and text.
      {of("boolean"), "false", "", "false"},
      {of("boolean"), "0", "TYPE_MISMATCH", ""},
      {of("boolean"), "\"true\"", "TYPE_MISMATCH", ""},
      {of("string"), "\"a\\n\\u00e4\\ud83d\\ude00\\\"\"", "", "a\nä😀\""},
      {of("string"), "\"12\"", "", "12"},
      {of("string"), "\"null\"", "", "null"},
      {of("string"), "\"\"", "", ""},
      {of("string"), "12", "TYPE_MISMATCH", ""},
      {of("string"), "true", "TYPE_MISMATCH", ""},
      {of("string"), "{\"a\":1}", "TYPE_MISMATCH", ""},
      {of("string"), "[\"a\"]", "TYPE_MISMATCH", ""},
      // Times.
      {of("date"), "\"2024-02-29\"", "", "2024-02-29"},
      {of("date"), "\"2023-02-29\"", "TYPE_MISMATCH", ""},
      {of("date"), "\"2024-2-9\"", "TYPE_MISMATCH", ""},
      {of("date"), "\"2024-02-29T00:00:00\"", "TYPE_MISMATCH", ""},
      {of("date"), "19000", "TYPE_MISMATCH", ""},
      {of("time"), "\"23:59:01.123456\"", "", "23:59:01.123456"},
      {of("time"), "\"24:00:00\"", "TYPE_MISMATCH", ""},
      {of("timestamp"), "\"2026-01-31T23:59:01.5\"", "", "2026-01-31 23:59:01.5"},
      {of("timestamp"), "\"2026-01-31 23:59:01\"", "", "2026-01-31 23:59:01"},
      {of("timestamp"), "\"2026-01-31T23:59:01Z\"", "TYPE_MISMATCH", ""},
      {of("timestamp"), "\"2026-01-31T23:59:01.1234567\"", "TYPE_MISMATCH", ""},
      {of("timestamp"), "1594598735", "TYPE_MISMATCH", ""},
      {of("timestamptz"), "\"2026-01-31T23:59:01Z\"", "", "2026-01-31 23:59:01+00"},
      {of("timestamptz"), "\"2026-01-31T23:59:01.25+02:00\"", "", "2026-01-31 21:59:01.25+00"},
      {of("timestamptz"), "\"2026-01-31T23:59:01\"", "TYPE_MISMATCH", ""},
      {of("uuid"), "\"0189ABCD-0000-7000-8000-000000000000\"", "",
       "0189abcd-0000-7000-8000-000000000000"},
      {of("uuid"), "\"0189\"", "TYPE_MISMATCH", ""},
      // Nested.
      {numbers, "{\"x\":1,\"y\":2}", "", "{'x': 1, 'y': 2.0}"},
      {numbers, "{}", "", "{'x': NULL, 'y': NULL}"},
      {numbers, "{\"x\":1.5}", "TYPE_MISMATCH", ""},
      {numbers, "{\"z\":1}", "UNKNOWN_FIELD", ""},
      {numbers, "{\"x\":1,\"x\":2}", "DUPLICATE_FIELD", ""},
      {numbers, "[1]", "TYPE_MISMATCH", ""},
      {numbers, "\"{}\"", "TYPE_MISMATCH", ""},
      {list, "[1,null,3]", "", "[1, NULL, 3]"},
      {list, "[]", "", "[]"},
      {list, "[1,\"2\"]", "TYPE_MISMATCH", ""},
      {list, "1", "TYPE_MISMATCH", ""},
      {map, "{\"a\":1,\"b\":2}", "", "{a=1, b=2}"},
      {map, "{\"a\":1,\"a\":2}", "DUPLICATE_FIELD", ""},
      {map, "{\"a\":\"1\"}", "TYPE_MISMATCH", ""},
  };
}

TEST(RecordMatcherTest, NothingIsBentIntoShape) {
  for (const Case& c : Cases()) {
    Fields fields;
    *fields.Add() = c.column;
    const RecordMatcher matcher(fields);
    const auto error = matcher.Match("{\"v\":" + c.value + "}");
    EXPECT_EQ(error ? error->reason : "", c.reason)
        << c.value << " as " << table_schema::DisplayTypeOf(c.column);
  }
}

TEST(RecordMatcherTest, WhatIsNoJsonIsCalledSoWhateverElseIsWrong) {
  Fields fields;
  *fields.Add() = MakeField("v", "long");
  const RecordMatcher matcher(fields);
  EXPECT_EQ(matcher.Match(R"({"v":"x","w":})")->reason, "INVALID_JSON");
  EXPECT_EQ(matcher.Match(R"({"v":1} x)")->reason, "INVALID_JSON");
  EXPECT_EQ(matcher.Match("[1]")->reason, "NOT_AN_OBJECT");
  EXPECT_EQ(matcher.Match("[1")->reason, "INVALID_JSON");
  EXPECT_EQ(matcher.Match("")->reason, "INVALID_JSON");
}

TEST(RecordMatcherTest, FieldsMayComeInAnyOrderAndBeMissing) {
  Fields fields;
  for (const char* name : {"a", "b", "c"}) *fields.Add() = MakeField(name, "long");
  const RecordMatcher matcher(fields);
  for (const char* record : {R"({"a":1,"b":2,"c":3})", R"({"c":3,"b":2,"a":1})", R"({"b":1})",
                             R"({"\u0061":1,"c":2})", "{}"}) {
    EXPECT_FALSE(matcher.Match(record)) << record;
  }
  EXPECT_EQ(matcher.Match(R"({"a":1,"c":1,"a":2})")->reason, "DUPLICATE_FIELD");
  EXPECT_EQ(matcher.Match(R"({"a":1,"\u0061":2})")->reason, "DUPLICATE_FIELD");
}

TEST(RecordMatcherTest, NamesTheFieldByItsPath) {
  Fields fields;
  *fields.Add() = MakeField(
      "data", "struct",
      {MakeField("tags", "list", {MakeField("element", "struct", {MakeField("k", "long")})})});
  const RecordMatcher matcher(fields);
  const auto error = matcher.Match(R"({"data":{"tags":[{"k":1},{"k":"x"}]}})");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->field, "data.tags[1].k");
  EXPECT_THAT(error->message, ::testing::HasSubstr("the text \"x\" is not a whole number"));
}

TEST(RecordMatcherTest, UnknownFieldsAreNamed) {
  Fields fields;
  *fields.Add() = MakeField("temp", "long");
  const RecordMatcher strict(fields);
  EXPECT_EQ(strict.Match(R"({"other":1})")->field, "other");
  EXPECT_EQ(strict.Match(R"({"other":null})")->reason, "UNKNOWN_FIELD");
  EXPECT_THAT(strict.Match(R"({"Temp":1})")->message, ::testing::HasSubstr("differs only by case"));
  EXPECT_EQ(strict.Match(R"({"":1})")->reason, "INVALID_FIELD_NAME");
  const RecordMatcher lenient(fields, {UnknownFields::Policy::kLearn, ""});
  EXPECT_FALSE(lenient.Match(R"({"other":null})"));
  EXPECT_EQ(lenient.Match(R"({"other":1})")->reason, "UNKNOWN_FIELD");
}

TEST(RecordMatcherTest, ARequiredColumnMustHaveAValue) {
  Fields fields;
  *fields.Add() = MakeField("id", "long");
  fields[0].set_required(true);
  const RecordMatcher matcher(fields);
  EXPECT_FALSE(matcher.Match(R"({"id":1})"));
  EXPECT_EQ(matcher.Match("{}")->reason, "MISSING_FIELD");
  EXPECT_EQ(matcher.Match(R"({"id":null})")->reason, "MISSING_FIELD");
}

TEST(RecordMatcherTest, ColumnsThatAStreamCannotFillAreRefused) {
  Fields fields;
  *fields.Add() = MakeField("b", "binary");
  EXPECT_THAT(CheckStreamColumns("stream.columns", fields),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  *fields.Mutable(0) =
      MakeField("m", "map", {MakeField("key", "long"), MakeField("value", "long")});
  EXPECT_FALSE(CheckStreamColumns("stream.columns", fields).ok());
}

class ParquetConverterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(converter_, ParquetConverter::Open({.work_folder = dir_ / "work"}));
  }
  absl::StatusOr<Conversion> Convert(const catalog::v1::Table& table,
                                     const std::vector<std::string>& records,
                                     const std::string& folder = "out") {
    std::vector<ArrivedRecord> arrived;
    for (const std::string& record : records) {
      arrived.push_back({arrived.size(), absl::FromUnixMicros(1'500'000), record});
    }
    return converter_->Convert(table, UnknownFields{}, arrived, dir_ / folder);
  }
  // Column v of each row as text, NULL as "NULL".
  std::vector<std::string> RowsOf(const std::vector<lake::WrittenFile>& files,
                                  const std::string& value = "v") {
    std::vector<std::string> rows;
    auto db = duckdb::Database::Open({.threads = 1});
    auto connection = db->Connect();
    for (const lake::WrittenFile& file : files) {
      auto result = connection->Query(
          "SELECT coalesce(CAST(" + value + " AS VARCHAR), 'NULL') FROM read_parquet(" +
          duckdb::QuoteLiteral(file.path) + ", hive_partitioning=false)");
      EXPECT_OK(result);
      if (!result.ok()) continue;
      for (uint64_t i = 0; i < result->row_count(); ++i) {
        rows.push_back(*result->At(i, 0).As<std::string>());
      }
    }
    return rows;
  }

  TempDir dir_;
  std::optional<ParquetConverter> converter_;
};

TEST_F(ParquetConverterTest, EveryValueThatFitsComesOutAsItWentIn) {
  int number = 0;
  for (const Case& c : Cases()) {
    if (!c.reason.empty()) continue;
    catalog::v1::Table table;
    *table.mutable_schema()->add_fields() = c.column;
    table_schema::AssignFieldIds(*table.mutable_schema()->mutable_fields(), 0);
    const std::string record = "{\"v\"\n:\r\n" + c.value + "}";
    auto conversion = Convert(table, {record}, "out" + std::to_string(number++));
    ASSERT_OK(conversion) << c.value << " as " << table_schema::DisplayTypeOf(c.column);
    EXPECT_THAT(RowsOf(conversion->files), ElementsAre(c.text))
        << c.value << " as " << table_schema::DisplayTypeOf(c.column);
  }
}

TEST_F(ParquetConverterTest, TextMayHoldANulCharacter) {
  catalog::v1::Table table;
  *table.mutable_schema()->add_fields() = MakeField("v", "string");
  table.mutable_schema()->mutable_fields(0)->set_id(1);
  ASSERT_OK_AND_ASSIGN(const auto conversion, Convert(table, {R"({"v":"a\u0000b"})"}));
  EXPECT_THAT(RowsOf(conversion.files), ElementsAre(std::string("a\0b", 3)));
}

TEST_F(ParquetConverterTest, WritesOneFileForEachPartition) {
  catalog::v1::Table table;
  *table.mutable_schema()->add_fields() = MakeField("v", "long");
  *table.mutable_schema()->add_fields() = MakeField("t", "timestamptz");
  *table.mutable_schema()->add_fields() = MakeField("d", "string");
  table_schema::AssignFieldIds(*table.mutable_schema()->mutable_fields(), 0);
  auto* day = table.add_partition_fields();
  day->set_source("t");
  day->set_transform("day");
  table.add_partition_fields()->set_source("d");
  ASSERT_OK(CheckPartitionFields(table));
  ASSERT_OK_AND_ASSIGN(auto conversion,
                       Convert(table, {R"({"v":1,"t":"2026-01-31T23:00:00-02:00","d":"x/y"})",
                                       R"({"v":2,"t":"2026-02-01T01:00:00Z","d":"x/y"})",
                                       R"({"v":3,"t":"2026-01-31T01:00:00Z","d":null})"}));
  auto& files = conversion.files;
  ASSERT_EQ(files.size(), 2u);
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.row_count > b.row_count; });
  EXPECT_EQ(files[0].row_count, 2u);
  EXPECT_THAT(files[0].partition, ElementsAre(lake::PartitionValue{"t_day", "2026-02-01"},
                                              lake::PartitionValue{"d", "x/y"}));
  EXPECT_THAT(files[0].relative_path, ::testing::StartsWith("t_day=2026-02-01/d=x%2Fy/"));
  EXPECT_THAT(files[1].partition, ElementsAre(lake::PartitionValue{"t_day", "2026-01-31"},
                                              lake::PartitionValue{"d", std::nullopt}));
}

TEST_F(ParquetConverterTest, NoMorePartitionsThanAllowedAreWrittenAtATime) {
  ASSERT_OK_AND_ASSIGN(converter_,
                       ParquetConverter::Open({.work_folder = dir_ / "work", .max_partitions = 2}));
  catalog::v1::Table table;
  *table.mutable_schema()->add_fields() = MakeField("v", "long");
  table.mutable_schema()->mutable_fields(0)->set_id(1);
  table.add_partition_fields()->set_source("v");
  std::vector<std::string> records = {R"({"v":1})", R"({"v":2})",   R"({"v":"a"})", R"({"v":1})",
                                      R"({"v":3})", R"({"v":"b"})", R"({"v":1})"};
  ASSERT_OK_AND_ASSIGN(const auto conversion, Convert(table, records));
  EXPECT_EQ(conversion.taken, 4u);
  EXPECT_THAT(RowsOf(conversion.files), UnorderedElementsAre("1", "1", "2"));
  ASSERT_EQ(conversion.misfits.size(), 1u);
  EXPECT_EQ(conversion.misfits[0].index, 2u);
}

// Rows of many partitions come out in these, whichever way they are written.
TEST_F(ParquetConverterTest, ManyPartitionsKeepTheirRowsApart) {
  struct Shape {
    const char* name;
    int columns;  // so many that a few partitions are written at a time
    bool sorted;
    int records;
  };
  for (const Shape& shape : {Shape{"together", 1, false, 200}, Shape{"in two", 30, false, 200},
                             Shape{"some", 100, false, 200}, Shape{"sorted", 1, true, 200},
                             Shape{"each", 1100, false, 6}}) {
    SCOPED_TRACE(shape.name);
    catalog::v1::Table table;
    auto& fields = *table.mutable_schema()->mutable_fields();
    *fields.Add() = MakeField("v", "long");
    *fields.Add() = MakeField("first", "string");
    for (int i = 0; i < shape.columns; ++i) {
      *fields.Add() = MakeField(absl::StrCat("c", i), "long");
    }
    table_schema::AssignFieldIds(fields, 0);
    table.add_partition_fields()->set_source("first");
    table.add_partition_fields()->set_source("v");
    table.mutable_partition_fields(1)->set_transform("truncate[100]");
    if (shape.sorted) {
      table.add_sort_fields()->set_source("v");
      table.mutable_sort_fields(0)->set_descending(true);
    }
    // 26 texts, one of them null, one empty, one too long for a folder; two truncated values each.
    std::vector<std::string> records;
    std::map<std::pair<std::string, int>, std::vector<int>> expected;
    for (int i = 0; i < shape.records; ++i) {
      const int text = i % 26;
      const std::string value = text == 0   ? "null"
                                : text == 1 ? "\"\""
                                : text == 2 ? absl::StrCat("\"", std::string(400, 'x'), "\"")
                                            : absl::StrCat("\"a/b'", text, "\"");
      records.push_back(absl::StrCat("{\"v\":", i, ",\"first\":", value, "}"));
      expected[{text == 0 ? "" : value, i / 100 * 100}].push_back(i);
    }
    ASSERT_OK_AND_ASSIGN(const auto conversion, Convert(table, records, shape.name));
    EXPECT_EQ(conversion.taken, records.size());
    EXPECT_EQ(conversion.files.size(), expected.size());
    for (const lake::WrittenFile& file : conversion.files) {
      ASSERT_EQ(file.partition.size(), 2u);
      EXPECT_EQ(file.partition[0].name, "first");
      EXPECT_EQ(file.partition[1].name, "v_truncate");
      const std::string text =
          file.partition[0].value ? absl::StrCat("\"", *file.partition[0].value, "\"") : "";
      int truncated = -1;
      ASSERT_TRUE(absl::SimpleAtoi(file.partition[1].value.value_or(""), &truncated));
      std::vector<int>& numbers = expected[{text, truncated}];
      if (shape.sorted) std::reverse(numbers.begin(), numbers.end());
      std::vector<std::string> wanted;
      for (const int number : numbers) wanted.push_back(absl::StrCat(number));
      std::vector<std::string> rows = RowsOf({file});
      if (!shape.sorted) std::sort(rows.begin(), rows.end());
      if (!shape.sorted) std::sort(wanted.begin(), wanted.end());
      EXPECT_EQ(rows, wanted) << text << " " << truncated;
      EXPECT_EQ(lake::ParsePartitionPath(file.relative_path).size(), 2u);
      EXPECT_LT(std::filesystem::path(file.relative_path).begin()->string().size(), 256u);
    }
  }
}

TEST_F(ParquetConverterTest, MisfitsAreLeftOutAndNamedWhereverTheyStand) {
  catalog::v1::Table table;
  *table.mutable_schema()->add_fields() =
      MakeField("v", "struct",
                {MakeField("l", "list", {MakeField("element", "long")}), MakeField("t", "string")});
  table_schema::AssignFieldIds(*table.mutable_schema()->mutable_fields(), 0);
  // Enough for several readers, chunks and growing lists; every seventh breaks off late.
  std::vector<std::string> records;
  std::vector<std::string> texts;
  std::vector<size_t> bad;
  for (size_t i = 0; i < 20'000; ++i) {
    std::string list;
    for (size_t k = 0; k < i % 5; ++k) absl::StrAppend(&list, k == 0 ? "" : ",", i + k);
    const std::string text = i % 3 == 0 ? "null" : "\"a text of some length \\u00e4\"";
    if (i % 7 == 3) {
      bad.push_back(i);
      records.push_back(absl::StrCat(R"({"v":{"t":)", text, R"(,"l":[)", list,
                                     list.empty() ? "" : ",", R"(1.5]}})"));
      continue;
    }
    records.push_back(absl::StrCat(R"({"v":{"l":[)", list, R"(],"t":)", text, "}}"));
    texts.push_back(absl::StrCat("{'l': [", absl::StrReplaceAll(list, {{",", ", "}}),
                                 "], 't': ", i % 3 == 0 ? "NULL" : "a text of some length ä", "}"));
  }
  ASSERT_OK_AND_ASSIGN(const auto conversion, Convert(table, records));
  std::vector<std::string> rows = RowsOf(conversion.files);
  std::sort(rows.begin(), rows.end());
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(rows, texts);
  ASSERT_EQ(conversion.misfits.size(), bad.size());
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(conversion.misfits[i].index, bad[i]);
    EXPECT_EQ(conversion.misfits[i].error.field, absl::StrCat("v.l[", bad[i] % 5, "]"));
  }
}

TEST_F(ParquetConverterTest, TheTimeOfArrivalIsWrittenWhereTheTableHasTheColumn) {
  catalog::v1::Table table;
  *table.mutable_schema()->add_fields() = MakeField("_ingested_at", "timestamptz");
  *table.mutable_schema()->add_fields() = MakeField("a", "long");
  *table.mutable_schema()->add_fields() = MakeField("_committed_at", "timestamptz");
  table_schema::AssignFieldIds(*table.mutable_schema()->mutable_fields(), 0);
  ASSERT_OK_AND_ASSIGN(
      const auto conversion,
      Convert(table, {R"({"a":1})", R"({"a":2,"_ingested_at":"2020-01-01T00:00:00Z"})",
                      R"({"_committed_at":null})"}));
  EXPECT_THAT(RowsOf(conversion.files, "_ingested_at || ' ' || a"),
              ElementsAre("1970-01-01 00:00:01.5+00 1"));
  ASSERT_EQ(conversion.misfits.size(), 2u);
  EXPECT_EQ(conversion.misfits[0].error.reason, "INVALID_FIELD_NAME");
  EXPECT_EQ(conversion.misfits[1].error.reason, "INVALID_FIELD_NAME");
  ASSERT_EQ(conversion.files.size(), 1u);
  EXPECT_EQ(conversion.files[0].Find("_committed_at"), nullptr);
}

}  // namespace
}  // namespace tarn::ingestion
