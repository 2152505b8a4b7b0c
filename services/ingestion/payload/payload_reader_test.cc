// Every format, hostile input, and random bytes.
#include "services/ingestion/payload/payload_reader.h"

#include <random>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "common/testing/status_matchers.h"
#include "services/ingestion/payload/json_text.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kLines = v1::RECORD_FORMAT_JSON_LINES;
constexpr auto kArray = v1::RECORD_FORMAT_JSON_ARRAY;
constexpr auto kCsv = v1::RECORD_FORMAT_CSV;
constexpr auto kText = v1::RECORD_FORMAT_TEXT;

v1::Stream StreamWith(std::vector<std::pair<std::string, std::string>> columns) {
  v1::Stream stream;
  for (const auto& [name, type] : columns) {
    auto& column = *stream.add_columns();
    column.set_name(name);
    column.set_type(type);
  }
  return stream;
}

absl::StatusOr<PayloadRecords> ReadAs(v1::RecordFormat format, const std::string& payload,
                                      RecordChecks checks = RecordChecks::kWhole,
                                      const v1::Stream& stream = {}) {
  v1::PayloadFormat wanted;
  wanted.set_format(format);
  auto reader = PayloadReader::Create("format", wanted, stream);
  if (!reader.ok()) return reader.status();
  return reader->Read(payload, checks);
}

// The good records; those that are refused as "index REASON".
std::vector<std::string> Texts(const absl::StatusOr<PayloadRecords>& records) {
  EXPECT_OK(records);
  std::vector<std::string> texts;
  if (!records.ok()) return texts;
  for (size_t i = 0; i < records->records.size(); ++i) texts.emplace_back(records->record(i));
  return texts;
}
std::vector<std::string> Refusals(const absl::StatusOr<PayloadRecords>& records) {
  EXPECT_OK(records);
  std::vector<std::string> refusals;
  if (!records.ok()) return refusals;
  for (const RefusedRecord& refused : records->refused) {
    refusals.push_back(absl::StrCat(refused.index, " ", refused.reason));
    EXPECT_FALSE(refused.message.empty());
  }
  return refusals;
}

// ---- JSON ---------------------------------------------------------------------------------------

TEST(PayloadReaderTest, JsonLinesAreRecordsAsTheyStand) {
  const auto records = ReadAs(kLines, "{\"a\": 1.50}\r\n\n  {\"a\":2}  \n\t\n{\"a\":3}");
  EXPECT_THAT(Texts(records), ElementsAre("{\"a\": 1.50}", "{\"a\":2}", "{\"a\":3}"));
  EXPECT_THAT(Refusals(records), IsEmpty());
  EXPECT_EQ(records->total(), 3);
  EXPECT_THAT(Texts(ReadAs(kLines, "\xEF\xBB\xBF{}")), ElementsAre("{}"));
  EXPECT_THAT(Texts(ReadAs(kLines, "")), IsEmpty());
  EXPECT_THAT(Texts(ReadAs(v1::RECORD_FORMAT_UNSPECIFIED, "{}\n{}")), ElementsAre("{}", "{}"));
}

TEST(PayloadReaderTest, ALineThatIsNoObjectIsRefusedByItself) {
  const std::string text = "{}\n[1]\n{\"a\":\n7\n{\"a\":1}";
  EXPECT_THAT(Refusals(ReadAs(kLines, text)),
              ElementsAre("1 NOT_AN_OBJECT", "2 INVALID_JSON", "3 NOT_AN_OBJECT"));
  // By shape alone; what is within the braces is found at delivery.
  const auto shapes = ReadAs(kLines, text + "\n{,}", RecordChecks::kShape);
  EXPECT_THAT(Refusals(shapes),
              ElementsAre("1 NOT_AN_OBJECT", "2 NOT_AN_OBJECT", "3 NOT_AN_OBJECT"));
  EXPECT_THAT(Texts(shapes), ElementsAre("{}", "{\"a\":1}", "{,}"));
}

TEST(PayloadReaderTest, AnArraysElementsAreRecordsAsTheyStand) {
  const auto records =
      ReadAs(kArray, " [ {\"a\": \"]}\\\"\", \"b\": [1, {}]} ,\n{\n\"a\": 2\n},7, \"x,]\" ] \n");
  EXPECT_THAT(Texts(records), ElementsAre("{\"a\": \"]}\\\"\", \"b\": [1, {}]}", "{\n\"a\": 2\n}"));
  EXPECT_THAT(Refusals(records), ElementsAre("2 NOT_AN_OBJECT", "3 NOT_AN_OBJECT"));
  EXPECT_THAT(Texts(ReadAs(kArray, "[]")), IsEmpty());
  EXPECT_THAT(Texts(ReadAs(kArray, "{\"a\": 1}\n")), ElementsAre("{\"a\": 1}"));
  EXPECT_THAT(Refusals(ReadAs(kArray, "{\"a\": 1}\n{\"a\": 2}")), ElementsAre("0 INVALID_JSON"));
}

TEST(PayloadReaderTest, AMalformedArrayIsRefusedAsAWhole) {
  for (const char* text : {"[", "[{}", "[{}}", "[{},]", "[,{}]", "[{} {}]", "[{}] x", "[{}]]",
                           "[{\"a\": \"]", "[{\"a\": [}", "[[[[", "[\"\\"}) {
    EXPECT_THAT(ReadAs(kArray, text), StatusIs(absl::StatusCode::kInvalidArgument,
                                               "PAYLOAD_INVALID", HasSubstr("at byte")))
        << text;
  }
}

// ---- CSV ----------------------------------------------------------------------------------------

TEST(PayloadReaderTest, CsvRowsAreObjectsWithTheHeadersNames) {
  const auto records = ReadAs(kCsv,
                              "name,note,\"n\"\"o\"\r\n"
                              "a,\"x, \"\"y\"\"\nz\",1\r\n"
                              "\n"
                              "b,,\"\"\n"
                              "c,\ttab ,3");
  EXPECT_THAT(Texts(records), ElementsAre(R"({"name":"a","note":"x, \"y\"\nz","n\"o":"1"})",
                                          R"({"name":"b","note":null,"n\"o":""})",
                                          R"({"name":"c","note":"\ttab ","n\"o":"3"})"));
  EXPECT_THAT(Refusals(records), IsEmpty());
}

TEST(PayloadReaderTest, CsvValuesAreNumbersOnlyWhereTheColumnIsOneAndTheTextExactly) {
  const v1::Stream stream = StreamWith({{"i", "long"}, {"D", "double"}, {"b", "boolean"}});
  const auto records = ReadAs(kCsv,
                              "i,d,b,s\n"
                              "12,1.5e3,true,7\n"
                              "-0,\"2\",false,true\n"
                              "007,.5,TRUE,x\n"
                              "1.0,+1,1,x\n"
                              " 1,NaN,yes,x\n"
                              "9999999999999999999999,1e999,,x\n",
                              RecordChecks::kWhole, stream);
  EXPECT_THAT(Texts(records),
              ElementsAre(R"({"i":12,"d":1.5e3,"b":true,"s":"7"})",
                          R"({"i":-0,"d":2,"b":false,"s":"true"})",
                          R"({"i":"007","d":".5","b":"TRUE","s":"x"})",
                          R"({"i":"1.0","d":"+1","b":"1","s":"x"})",
                          R"({"i":" 1","d":"NaN","b":"yes","s":"x"})",
                          R"({"i":9999999999999999999999,"d":1e999,"b":null,"s":"x"})"));
}

TEST(PayloadReaderTest, ACsvRowThatIsMalformedIsRefusedByItself) {
  const auto records = ReadAs(kCsv,
                              "a,b\n"
                              "1\n"
                              "1,2,3\n"
                              "\"x\"y,2\n"
                              "x\"y,2\n"
                              "\xff,2\n"
                              "good,row\n"
                              "open,\"never closed\nand,on\n");
  EXPECT_THAT(Texts(records), ElementsAre(R"({"a":"good","b":"row"})"));
  EXPECT_THAT(Refusals(records), ElementsAre("0 INVALID_CSV", "1 INVALID_CSV", "2 INVALID_CSV",
                                             "3 INVALID_CSV", "4 INVALID_CSV", "6 INVALID_CSV"));
  EXPECT_THAT(records->refused[0].message, HasSubstr("1 fields, the header 2"));
  EXPECT_THAT(records->refused[0].message, HasSubstr("byte 4"));
}

TEST(PayloadReaderTest, ACsvHeaderIsTheStreamsTheRequestsOrTheFirstLine) {
  v1::Stream stream;
  stream.mutable_format()->set_format(kCsv);
  stream.mutable_format()->add_csv_header("x");
  stream.mutable_format()->add_csv_header("y");
  stream.mutable_format()->set_csv_delimiter(";");
  EXPECT_THAT(Texts(ReadAs(v1::RECORD_FORMAT_UNSPECIFIED, "1;2", RecordChecks::kShape, stream)),
              ElementsAre(R"({"x":"1","y":"2"})"));
  EXPECT_THAT(Texts(ReadAs(kCsv, "1;2", RecordChecks::kShape, stream)),
              ElementsAre(R"({"x":"1","y":"2"})"));
  v1::PayloadFormat own;
  own.set_format(kCsv);
  own.add_csv_header("z");
  ASSERT_OK_AND_ASSIGN(const PayloadReader reader, PayloadReader::Create("format", own, stream));
  EXPECT_THAT(Texts(reader.Read("1\n2", RecordChecks::kShape)),
              ElementsAre(R"({"z":"1"})", R"({"z":"2"})"));
  for (const char* header : {"a,a\n1,2", "a,\n1,2", "\"a\n", "a\"b\n", "\xff\n1"}) {
    EXPECT_THAT(ReadAs(kCsv, header),
                StatusIs(absl::StatusCode::kInvalidArgument, "PAYLOAD_INVALID"))
        << header;
  }
  EXPECT_THAT(Texts(ReadAs(kCsv, "")), IsEmpty());
  EXPECT_THAT(Texts(ReadAs(kCsv, "a,b\n")), IsEmpty());
}

TEST(PayloadReaderTest, AFormatThatMakesNoSenseIsRefused) {
  v1::PayloadFormat format;
  format.set_csv_delimiter(",");
  EXPECT_THAT(CheckPayloadFormat("stream.format", format),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                       HasSubstr("stream.format.format")));
  format.set_format(kCsv);
  EXPECT_OK(CheckPayloadFormat("stream.format", format));
  for (const char* delimiter : {"\"", "\n", "ab", "\xc3\xa4"}) {
    format.set_csv_delimiter(delimiter);
    EXPECT_THAT(
        CheckPayloadFormat("stream.format", format),
        StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", HasSubstr("csv_delimiter")));
  }
}

// ---- Text ---------------------------------------------------------------------------------------

TEST(PayloadReaderTest, PlainLinesBecomeObjects) {
  const auto records = ReadAs(kText, "GET / 200\r\n\n  a \"b\" \\ \x01\n\xff\nlast");
  EXPECT_THAT(Texts(records),
              ElementsAre(R"({"line":"GET / 200"})", R"({"line":"  a \"b\" \\ \u0001"})",
                          R"({"line":"last"})"));
  EXPECT_THAT(Refusals(records), ElementsAre("2 INVALID_TEXT"));
}

// ---- Bounds and hostile input -------------------------------------------------------------------

TEST(PayloadReaderTest, BoundsAreKeptInEveryFormat) {
  const std::string large(kMaxRequestBytes + 1, ' ');
  std::string many;
  for (int i = 0; i <= kMaxRequestRecords; ++i) many += "{}\n";
  std::string array = "[{}";
  for (int i = 0; i < kMaxRequestRecords; ++i) array += ",{}";
  for (const auto format : {kLines, kArray, kCsv, kText}) {
    EXPECT_THAT(ReadAs(format, large),
                StatusIs(absl::StatusCode::kInvalidArgument, "REQUEST_TOO_LARGE"));
    EXPECT_THAT(ReadAs(format, format == kArray ? array + "]"
                               : format == kCsv ? "a\n" + many
                                                : many),
                StatusIs(absl::StatusCode::kInvalidArgument, "REQUEST_TOO_LARGE",
                         HasSubstr("10000 records")));
  }
  EXPECT_EQ(ReadAs(kLines, many.substr(3))->total(), kMaxRequestRecords);
}

TEST(PayloadReaderTest, OneRecordThatIsTooLargeIsRefusedByItself) {
  const std::string line = "{\"a\":\"" + std::string(kMaxRecordBytes, 'x') + "\"}";
  for (const RecordChecks checks : {RecordChecks::kWhole, RecordChecks::kShape}) {
    EXPECT_THAT(Refusals(ReadAs(kLines, "{}\n" + line + "\n{}", checks)),
                ElementsAre("1 RECORD_TOO_LARGE"));
    EXPECT_THAT(Refusals(ReadAs(kText, line, checks)), ElementsAre("0 RECORD_TOO_LARGE"));
    EXPECT_THAT(Refusals(ReadAs(kCsv, "a\n" + std::string(kMaxRecordBytes, 'x'), checks)),
                ElementsAre("0 RECORD_TOO_LARGE"));
  }
}

TEST(PayloadReaderTest, ALongHeaderDoesNotMultiplyWithoutBound) {
  std::string csv = std::string(250, 'a');
  std::string row;
  for (int i = 0; i < 999; ++i) absl::StrAppend(&csv, ",", std::string(245, 'b'), i);
  for (int i = 0; i < 999; ++i) row += ',';
  for (int i = 0; i < 1000; ++i) csv += "\n" + row + "x";
  EXPECT_THAT(ReadAs(kCsv, csv), StatusIs(absl::StatusCode::kInvalidArgument, "REQUEST_TOO_LARGE"));
}

TEST(PayloadReaderTest, DeepNestingTakesNoStack) {
  const std::string deep = "{\"a\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
  EXPECT_THAT(Refusals(ReadAs(kLines, deep)), ElementsAre("0 INVALID_JSON"));
  EXPECT_THAT(Refusals(ReadAs(kArray, "[" + deep + "]")), ElementsAre("0 INVALID_JSON"));
  EXPECT_THAT(Texts(ReadAs(kArray, "[" + deep + "]", RecordChecks::kShape)), ElementsAre(deep));
  EXPECT_THAT(ReadAs(kArray, std::string(kMaxRequestBytes, '[')),
              StatusIs(absl::StatusCode::kInvalidArgument, "PAYLOAD_INVALID"));
}

TEST(PayloadReaderTest, StrangeValuesAreRefusedOrKeptForDelivery) {
  // Kept: their types are delivery's to judge. Two members of a name are told apart there too.
  for (const char* record : {R"({"a":1e99999})", R"({"a":123456789012345678901234567890})",
                             R"({"a":1,"a":2})", R"({"\u0000":null})"}) {
    EXPECT_THAT(Texts(ReadAs(kLines, record)), ElementsAre(record));
  }
  for (const char* record : {R"({"a":NaN})", R"({"a":Infinity})", R"({"a":0x1})", R"({"a":'b'})",
                             "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\x01\"}",
                             R"({"a":"\ud800"})", R"({"a":1,})", R"({a:1})", "{} {}"}) {
    EXPECT_THAT(Refusals(ReadAs(kLines, record)), ElementsAre("0 INVALID_JSON")) << record;
  }
  std::string keys = "{";
  for (int i = 0; i < 60'000; ++i) absl::StrAppend(&keys, i == 0 ? "" : ",", "\"k", i, "\":1");
  EXPECT_THAT(Texts(ReadAs(kLines, keys + "}")), ElementsAre(keys + "}"));
}

TEST(PayloadReaderTest, AListsEntriesAllCount) {
  v1::PutRecordsRequest request;
  for (const char* record : {"{}", "", " {\"a\":1}\n", "  ", "1"}) request.add_records(record);
  const auto records = JoinRecords(request.records(), RecordChecks::kWhole);
  EXPECT_THAT(Texts(records), ElementsAre("{}", "{\"a\":1}"));
  EXPECT_THAT(Refusals(records),
              ElementsAre("1 INVALID_JSON", "3 INVALID_JSON", "4 NOT_AN_OBJECT"));
}

// ---- Random bytes -------------------------------------------------------------------------------

// Whatever comes in: no crash, every record of a whole check is an object, indexes ascend without
// a gap, and what stands in no record is white space or refused.
TEST(PayloadReaderTest, RandomPayloadsGiveSoundRecordsOrAReason) {
  const std::string alphabets[] = {"{}[]\",:\\ \n\r0a", ",\"\n\r;ab 1.-+e", "{\"a\":1}\n,[]"};
  const std::string pieces[] = {
      "{\"a\":1}",           "\n",   ",", "[", "]", "\"", "x", "\xff", "\r\n", "1.5",
      "{\"b\":\"\\u00e4\"}", "true", "\\"};
  const v1::Stream stream = StreamWith({{"a", "long"}, {"b", "boolean"}, {"x", "double"}});
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    std::minstd_rand random(seed);
    std::string payload = seed % 5 == 0 ? "a,b,x\n" : "";
    const size_t length = random() % 60;
    for (size_t i = 0; i < length; ++i) {
      if (seed % 2 == 0) {
        payload += pieces[random() % std::size(pieces)];
      } else {
        const std::string& alphabet = alphabets[seed % std::size(alphabets)];
        payload += alphabet[random() % alphabet.size()];
      }
    }
    for (const auto format : {kLines, kArray, kCsv, kText}) {
      for (const RecordChecks checks : {RecordChecks::kWhole, RecordChecks::kShape}) {
        const auto records = ReadAs(format, payload, checks, stream);
        if (!records.ok()) {
          EXPECT_EQ(records.status().code(), absl::StatusCode::kInvalidArgument);
          continue;
        }
        size_t end = 0;
        for (size_t i = 0; i < records->records.size(); ++i) {
          ASSERT_GE(records->records[i].offset, end) << payload;
          end = records->records[i].offset + records->records[i].bytes;
          ASSERT_LE(end, records->text.size()) << payload;
          const std::string record(records->record(i));
          ASSERT_EQ(record.front(), '{');
          ASSERT_EQ(record.back(), '}');
          const bool made_here = format == kCsv || format == kText;
          if (checks == RecordChecks::kWhole || made_here) {
            ASSERT_TRUE(nlohmann::json::accept(record)) << record;
          }
        }
        int last = -1;
        for (const RefusedRecord& refused : records->refused) {
          ASSERT_GT(refused.index, last);
          ASSERT_LT(refused.index, records->total());
          last = refused.index;
        }
      }
    }
  }
}

TEST(JsonTextTest, AnyUtf8SurvivesAsAJsonString) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
  all +=
      "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf";
  ASSERT_TRUE(IsUtf8(all));
  std::string json;
  AppendJsonString(all, json);
  EXPECT_EQ(nlohmann::json::parse(json).get<std::string>(), all);
  for (const char* bad :
       {"\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "12345678\xe2\x82"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

}  // namespace
}  // namespace tarn::ingestion
