// What becomes of fields that a table lacks: captured as they were sent, or learnt.
#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/duckdb/sql_text.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/record/record_check.h"
#include "services/ingestion/record/record_matcher.h"
#include "services/ingestion/record/schema_learner.h"

namespace tarn::ingestion {
namespace {

using table_schema::Field;
using table_schema::Fields;
using ::testing::ElementsAre;

Field MakeField(const std::string& name, const std::string& type, std::vector<Field> parts = {}) {
  Field field;
  field.set_name(name);
  field.set_type(type);
  for (Field& part : parts) *field.add_fields() = std::move(part);
  return field;
}

const UnknownFields kCapture{UnknownFields::Policy::kCapture, "_extra"};
const UnknownFields kLearn{UnknownFields::Policy::kLearn, ""};

class CaptureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(converter_, ParquetConverter::Open({.work_folder = dir_ / "work"}));
  }
  // Records with a table of these columns and _extra; texts of `select` in the order of the column
  // n, and the misfits' reasons.
  std::vector<std::string> Rows(std::vector<Field> columns, const std::vector<std::string>& records,
                                const std::string& select) {
    catalog::v1::Table table;
    for (Field& column : columns) *table.mutable_schema()->add_fields() = std::move(column);
    *table.mutable_schema()->add_fields() = MakeField("_extra", "string");
    table_schema::AssignFieldIds(*table.mutable_schema()->mutable_fields(), 0);
    std::vector<ArrivedRecord> arrived;
    for (const std::string& record : records) arrived.push_back({arrived.size(), {}, record});
    const std::string folder = dir_ / absl::StrCat("out", ++conversions_);
    auto conversion = converter_->Convert(table, kCapture, arrived, folder);
    EXPECT_OK(conversion);
    reasons_.clear();
    std::vector<std::string> rows;
    if (!conversion.ok()) return rows;
    for (const Misfit& misfit : conversion->misfits) reasons_.push_back(misfit.error.reason);
    auto connection = converter_->engine().Connect();
    for (const lake::WrittenFile& file : conversion->files) {
      auto result = connection->Query(
          absl::StrCat("SELECT coalesce(CAST(", select, " AS VARCHAR), 'NULL') FROM read_parquet(",
                       duckdb::QuoteLiteral(file.path), ") ORDER BY n"));
      EXPECT_OK(result);
      for (uint64_t i = 0; result.ok() && i < result->row_count(); ++i) {
        rows.push_back(*result->At(i, 0).As<std::string>());
      }
    }
    return rows;
  }

  TempDir dir_;
  std::optional<ParquetConverter> converter_;
  std::vector<std::string> reasons_;
  int conversions_ = 0;
};

TEST_F(CaptureTest, UnknownFieldsAreKeptAsTheyWereSent) {
  EXPECT_THAT(Rows({MakeField("n", "long")},
                   {R"({"n":1})", R"({"n":2, "x" : [1.50, {"y":  null}] ,"z":null})",
                    R"({"big":123456789012345678901234567890.10e5000,"n":3})",
                    R"({"n":4,"x":1,"x":2,"\u0061":"\u00e4"})",
                    R"({"n":5,"N":1,"":2,"_ingested_at":3,"_extra":"mine","__tarn_x":true})"},
                   "_extra"),
              ElementsAre("NULL", R"({"x":[1.50, {"y":  null}],"z":null})",
                          R"({"big":123456789012345678901234567890.10e5000})",
                          R"({"x":1,"x":2,"\u0061":"\u00e4"})",
                          R"({"N":1,"":2,"_ingested_at":3,"_extra":"mine","__tarn_x":true})"));
  EXPECT_THAT(reasons_, ElementsAre());
}

TEST_F(CaptureTest, ThoseInsideStructsKeepTheirPlace) {
  const Field point = MakeField("element", "struct", {MakeField("a", "long")});
  const std::vector<Field> columns = {
      MakeField("n", "long"), MakeField("s", "struct", {MakeField("l", "list", {point})}),
      MakeField("ll", "list", {MakeField("element", "list", {point})}),
      MakeField(
          "m", "map",
          {MakeField("key", "string"), MakeField("value", "struct", {MakeField("a", "long")})})};
  EXPECT_THAT(Rows(columns,
                   {R"({"n":1,"s":{"l":[{"a":1},null,{"b":2,"a":3},{"a":4}],"k":true},"t":0})",
                    R"({"n":2,"ll":[[],[{"a":1}],[{},{"b":[]}]]})",
                    R"({"n":3,"m":{"x":{"a":1},"y":{"b":2}}})",
                    R"({"n":4,"s":{"l":[{"a":1}]},"ll":[[{"a":1}]],"m":{"x":null}})"},
                   "_extra"),
              ElementsAre(R"({"s":{"l":[{},{},{"b":2}],"k":true},"t":0})",
                          R"({"ll":[[],[],[{},{"b":[]}]]})", R"({"m":{"y":{"b":2}}})", "NULL"));
  EXPECT_THAT(reasons_, ElementsAre());
}

TEST_F(CaptureTest, WhatDoesNotFitAColumnIsADeadLetterAllTheSame) {
  EXPECT_THAT(
      Rows({MakeField("n", "long")},
           {R"({"x":1,"n":"a"})", R"({"n":1,"n":2,"x":3})", R"({"n":1,"x":})", R"({"n":2,"x":4})"},
           "_extra"),
      ElementsAre(R"({"x":4})"));
  EXPECT_THAT(reasons_, ElementsAre("TYPE_MISMATCH", "DUPLICATE_FIELD", "INVALID_JSON"));
}

TEST_F(CaptureTest, WithoutItsColumnNothingIsLost) {
  Fields fields;
  *fields.Add() = MakeField("n", "long");
  *fields.Add() = MakeField("_extra", "long");
  EXPECT_EQ(RecordMatcher(fields, kCapture).Match(R"({"n":1,"x":2})")->reason, "UNKNOWN_FIELD");
}

// Makes columns, records of them with more fields, and what must be captured of each.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  struct Value {
    std::string known;                 // the value without what is unknown
    std::string sent;                  // with it
    std::optional<std::string> extra;  // what is unknown of it
  };

  size_t Below(size_t n) { return random_() % n; }

  Field Column(const std::string& name, int depth) {
    switch (Below(depth > 3 ? 2 : 5)) {
      case 0:
        return MakeField(name, "long");
      case 1:
        return MakeField(name, "string");
      case 2:
        return MakeField(name, "list", {Column("element", depth + 1)});
      case 3:
        return MakeField(name, "map", {MakeField("key", "string"), Column("value", depth + 1)});
      default:
        return MakeField(name, "struct", Columns(depth + 1));
    }
  }
  std::vector<Field> Columns(int depth) {
    std::vector<Field> columns;
    const size_t count = 1 + Below(3);
    for (size_t i = 0; i < count; ++i) columns.push_back(Column(absl::StrCat("k", i), depth));
    return columns;
  }
  Value ValueOf(const Field& field) {
    if (Below(8) == 0) return {"null", "null", {}};
    if (field.type() == "long") return Plain(std::to_string(Below(1000)));
    if (field.type() == "string") return Plain("\"t\\u00e4\"");
    if (field.type() == "struct") return Object(field.fields());
    return field.type() == "map" ? Map(field.fields(1)) : List(field.fields(0));
  }
  Value Object(const Fields& fields) {
    std::vector<std::function<void(Value&)>> members;
    for (const Field& field : fields) {
      if (Below(4) == 0) continue;
      members.push_back([this, &field](Value& all) {
        const Value value = ValueOf(field);
        const std::string name = absl::StrCat("\"", field.name(), "\":");
        Join(all.known, name + value.known);
        Join(all.sent, Space() + name + Space() + value.sent);
        if (value.extra) Join(all.extra, name + *value.extra);
      });
    }
    for (size_t i = Below(3); i > 0; --i) {
      members.push_back([this](Value& all) {
        const std::string member =
            absl::StrCat("\"", kNames[Below(kNames.size())], "\":", kValues[Below(kValues.size())]);
        Join(all.sent, member);
        Join(all.extra, member);
      });
    }
    std::shuffle(members.begin(), members.end(), random_);
    Value all;
    for (const auto& member : members) member(all);
    return Enclose("{", all, "}");
  }

 private:
  Value Plain(const std::string& text) { return {text, text, {}}; }
  std::string Space() { return Below(5) == 0 ? " \t" : ""; }
  template <typename Text>
  static void Join(Text& list, const std::string& item) {
    if constexpr (std::is_same_v<Text, std::string>) {
      list += list.empty() ? item : "," + item;
    } else {
      list = list ? *list + "," + item : item;
    }
  }
  static Value Enclose(const char* open, const Value& inside, const char* close) {
    Value value{open + inside.known + close, open + inside.sent + close, {}};
    if (inside.extra) value.extra = open + *inside.extra + close;
    return value;
  }
  Value Map(const Field& field) {
    Value all;
    for (size_t i = Below(3); i > 0; --i) {
      const Value value = ValueOf(field);
      const std::string name = absl::StrCat("\"key", i, "\":");
      Join(all.known, name + value.known);
      Join(all.sent, name + value.sent);
      if (value.extra) Join(all.extra, name + *value.extra);
    }
    return Enclose("{", all, "}");
  }
  Value List(const Field& field) {
    std::vector<std::string> known, sent, extra;
    for (size_t i = Below(4); i > 0; --i) {
      const Value value = ValueOf(field);
      known.push_back(value.known);
      sent.push_back(value.sent);
      if (!value.extra) continue;
      extra.resize(known.size() - 1, field.type() == "list" ? "[]" : "{}");
      extra.push_back(*value.extra);
    }
    Value all{absl::StrJoin(known, ","), absl::StrJoin(sent, ","), {}};
    if (!extra.empty()) all.extra = absl::StrJoin(extra, ",");
    return Enclose("[", all, "]");
  }

  const std::vector<std::string> kNames = {"u", "u", "v\\n", "K0", "", "\\ud83d\\ude00", "ä"};
  const std::vector<std::string> kValues = {"1e999", "-0",   "\"a\\\"b\"", "[1, {\"k0\":2}]",
                                            "{}",    "null", "true",       "false",
                                            "[]",    "0.10", "\"\"",       "{\"u\":{\"u\":[[]]}}"};
  std::mt19937_64 random_;
};

TEST_F(CaptureTest, AnyRecordGivesBackExactlyItsUnknownFieldsAndTheSameColumns) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    Generator generator(seed);
    std::vector<Field> columns = generator.Columns(0);
    Fields fields;
    for (const Field& column : columns) *fields.Add() = column;
    columns.insert(columns.begin(), MakeField("n", "long"));
    std::vector<std::string> sent, known, extra;
    for (int i = 0; i < 200; ++i) {
      const Generator::Value value = generator.Object(fields);
      const auto with_number = [&](const std::string& object) {
        return absl::StrCat("{\"n\":", i, object == "{}" ? "" : ",", object.substr(1));
      };
      sent.push_back(with_number(value.sent));
      known.push_back(with_number(value.known));
      extra.push_back(value.extra.value_or("NULL"));
    }
    EXPECT_EQ(Rows(columns, sent, "_extra"), extra) << seed;
    EXPECT_THAT(reasons_, ElementsAre()) << seed;
    std::string all = "n";
    for (const Field& field : fields) absl::StrAppend(&all, ", ", field.name());
    const std::string row = absl::StrCat("row(", all, ")");
    EXPECT_EQ(Rows(columns, sent, row), Rows(columns, known, row)) << seed;
  }
}

TEST_F(CaptureTest, HostileRecordsAreRefusedAndCostNoMoreThanTheirBytes) {
  const std::vector<Field> columns = {
      MakeField("n", "long"),
      MakeField("l", "list", {MakeField("element", "struct", {MakeField("a", "long")})})};
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
  std::string many = "{\"n\":9,\"l\":[";
  while (many.size() < (1u << 20) - 16) many += "{},";
  many += "{\"u\":1}]}";
  EXPECT_THAT(Rows(columns,
                   {"{\"u\":" + deep + "}", "{\"l\":[{\"u\":" + deep + "}]}", "{\"u\":\"\xff\"}",
                    "{\"u\":NaN}", "{\"u\":{\"u\":}}", many},
                   "length(_extra)"),
              ElementsAre(std::to_string(many.size() - std::string("\"n\":9,").size())));
  EXPECT_THAT(reasons_, ElementsAre("INVALID_JSON", "INVALID_JSON", "INVALID_JSON", "INVALID_JSON",
                                    "INVALID_JSON"));
}

// Bytes of sound records changed at random, against random columns.
TEST(RecordMatcherFuzzTest, AnyBytesFitOrHaveAReason) {
  const std::string pieces[] = {"{",  "}",    "[",    "]",    "\"",    ",",
                                ":",  "\\",   "k0",   "null", "1.5",   "-",
                                "e9", "\xff", "\xc3", " ",    "\\u00", "99999999999999999999"};
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Generator generator(seed);
    Fields fields;
    for (const Field& column : generator.Columns(0)) *fields.Add() = column;
    *fields.Add() = MakeField("_extra", "string");
    const RecordMatcher matchers[] = {RecordMatcher(fields), RecordMatcher(fields, kLearn),
                                      RecordMatcher(fields, kCapture)};
    for (int i = 0; i < 100; ++i) {
      std::string record = generator.Object(fields).sent;
      for (size_t change = generator.Below(4); change > 0; --change) {
        const size_t at = generator.Below(record.size() + 1);
        const size_t gone = std::min(generator.Below(4), record.size() - at);
        record.replace(at, gone, pieces[generator.Below(std::size(pieces))]);
      }
      const bool sound = !CheckJson(record);
      ASSERT_TRUE(sound || !nlohmann::json::accept(record)) << record;
      SchemaLearner learner(fields);
      learner.Observe(record);
      ASSERT_TRUE(sound || !learner.has_learnt()) << record;
      for (const RecordMatcher& matcher : matchers) {
        const auto error = matcher.Match(record);
        ASSERT_EQ(error && error->reason == kInvalidJson, !sound) << record;
        ASSERT_TRUE(!error || !error->message.empty()) << record;
      }
      // Whatever is unknown is captured: it is never what keeps a record out.
      const auto error = matchers[2].Match(record);
      ASSERT_TRUE(!error || (error->reason != kUnknownField && error->reason != kInvalidFieldName))
          << record;
    }
  }
}

// What delivery does with one batch: learns and matches again until nothing more is learnt.
std::vector<bool> Deliver(const std::vector<std::string>& batch, Fields& columns) {
  while (true) {
    const RecordMatcher matcher(columns, kLearn);
    SchemaLearner learner(columns);
    std::vector<bool> fits;
    for (const std::string& record : batch) {
      const auto error = matcher.Match(record);
      fits.push_back(!error);
      if (error && error->teaches) learner.Observe(record);
    }
    if (!learner.has_learnt()) return fits;
    columns = learner.Columns();
  }
}

// As the type of one struct, its fields by name.
std::string Sorted(const Field& field) {
  std::vector<std::string> parts;
  for (const Field& part : field.fields()) {
    parts.push_back(absl::StrCat(part.name(), " ", Sorted(part)));
  }
  std::sort(parts.begin(), parts.end());
  return absl::StrCat(field.type(), parts.empty() ? "" : "<", absl::StrJoin(parts, ", "),
                      parts.empty() ? "" : ">");
}
std::string Sorted(const Fields& fields) {
  Field all;
  all.set_type("struct");
  *all.mutable_fields() = fields;
  return Sorted(all);
}

Fields Learnt(const std::vector<std::string>& records) {
  Fields columns;
  Deliver(records, columns);
  return columns;
}

TEST(NewFieldsTest, FieldsInsideStructsListsAndMapsAreLearnt) {
  Fields columns;
  *columns.Add() = MakeField(
      "m", "map",
      {MakeField("key", "string"), MakeField("value", "struct", {MakeField("a", "int")})});
  *columns.Add() = MakeField("s", "struct", {MakeField("a", "long")});
  EXPECT_THAT(Deliver({R"({"s":{"a":1,"b":{"c":[{"d":1}]},"nothing":null}})",
                       R"({"s":{"b":{"c":[{"d":1.5,"e":"t"}]}},"m":{"k":{"a":1,"x":true}}})"},
                      columns),
              ElementsAre(true, true));
  EXPECT_EQ(Sorted(columns),
            "struct<m map<key string, value struct<a int, x boolean>>, s struct<a long, b struct<c "
            "list<element struct<d double, e string>>>>>");
}

TEST(NewFieldsTest, OnlyLearntIntegersBecomeDoubleAndNeverTheOtherWay) {
  Fields columns = Learnt({R"({"learnt":1,"s":{"x":1}})"});
  *columns.Add() = MakeField("declared", "long");
  *columns.Add() = MakeField("narrow", "int");
  EXPECT_THAT(Deliver({R"({"learnt":1.5,"s":{"x":1e3}})", R"({"declared":1.5})",
                       R"({"narrow":1.5})", R"({"learnt":2})", R"({"learnt":true})"},
                      columns),
              ElementsAre(true, false, false, true, false));
  EXPECT_EQ(Sorted(columns),
            "struct<declared long, learnt double, narrow int, s struct<x double>>");
}

TEST(NewFieldsTest, ARecordThatDoesNotFitTeachesNothingTwice) {
  Fields columns = Learnt({R"({"a":1})"});
  EXPECT_THAT(Deliver({R"({"A":2})", R"({"b":{"":1}})", R"({"c":{}})", R"({"a":"t"})"}, columns),
              ElementsAre(false, false, false, false));
}

TEST(NewFieldsTest, RecordsInAnyOrderAndAnyBatchesEndInTheSameColumns) {
  std::mt19937_64 random(11);
  const auto below = [&](size_t n) { return random() % n; };
  const std::function<std::string(int)> object = [&](int depth) -> std::string {
    std::vector<std::string> members;
    const auto number = [&] {
      return below(6) == 0 ? absl::StrCat(below(100), ".5")
                           : absl::StrCat(below(2) == 0 ? "" : "-", below(uint64_t{1} << 53));
    };
    for (const char* name : {"a", "b", "c"}) {
      if (below(2) == 0) members.push_back(absl::StrCat("\"", name, "\":", number()));
    }
    if (below(4) == 0) members.push_back("\"t\":\"text\"");
    if (depth < 3 && below(3) == 0) members.push_back("\"s\":" + object(depth + 1));
    if (depth < 3 && below(4) == 0) {
      members.push_back(absl::StrCat("\"l\":[", object(depth + 1), ",", object(depth + 1), "]"));
    }
    // An empty object has no type.
    if (members.empty()) members.push_back("\"a\":1");
    std::shuffle(members.begin(), members.end(), random);
    return absl::StrCat("{", absl::StrJoin(members, ","), "}");
  };
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> records(1 + below(30));
    for (std::string& record : records) record = object(0);
    std::string expected;
    for (int order = 0; order < 6; ++order) {
      Fields columns;
      for (size_t at = 0; at < records.size();) {
        const size_t end = std::min(records.size(), at + 1 + below(8));
        const std::vector<bool> fits = Deliver({records.begin() + static_cast<std::ptrdiff_t>(at),
                                                records.begin() + static_cast<std::ptrdiff_t>(end)},
                                               columns);
        for (const bool fit : fits) ASSERT_TRUE(fit) << absl::StrJoin(records, "\n");
        at = end;
      }
      if (order == 0) expected = Sorted(columns);
      ASSERT_EQ(Sorted(columns), expected) << absl::StrJoin(records, "\n");
      // What was stored by narrower columns is held by these as well.
      const RecordMatcher matcher(columns);
      for (const std::string& record : records) ASSERT_FALSE(matcher.Match(record)) << record;
      std::shuffle(records.begin(), records.end(), random);
    }
  }
}

}  // namespace
}  // namespace tarn::ingestion
