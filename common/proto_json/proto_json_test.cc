#include "common/proto_json/proto_json.h"

#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/message_differencer.h>

#include "common/testing/status_matchers.h"
#include "proto_json_sample.pb.h"

namespace tarn::proto_json {
namespace {

using ::tarn::testing::Sample;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// "path: description" of every violation that reading `json` gives.
std::vector<std::string> ProblemsOf(std::string_view json, bool check_required = false) {
  Sample sample;
  std::vector<std::string> problems;
  const absl::Status status = FromJson(json, &sample, {.check_required = check_required});
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    problems.push_back(violation.field + ": " + violation.description);
  }
  EXPECT_EQ(sample.ByteSizeLong(), 0u) << "a refused message must be empty";
  return problems;
}

constexpr char kEverything[] = R"({
  "title": "a \u00e4 \"q\"", "small": -7, "large": "9223372036854775807", "smallUnsigned": 4294967295,
  "large_unsigned": 18446744073709551615, "ratio": 0.1, "shortRatio": 1.5, "enabled": true,
  "payload": "AAH/", "mode": "MODE_OVERWRITE", "limit": 0,
  "steps": [{"stepId": "one", "sql": "SELECT 1"}, {"step_id": "two", "dependsOn": ["one"]}],
  "firstStep": {"stepId": "x"}, "numbers": [1, "2", 3e3],
  "labels": {"a": "b", "c.d": ""}, "stepsByNumber": {"-4": {"stepId": "y"}},
  "modes": {"true": "MODE_APPEND", "false": 2}, "table": "t",
  "createTime": "2024-01-31T08:00:00.25+01:00", "timeout": "90.5s",
  "properties": {"n": 1.5, "t": "x", "l": [1, null, {"deep": false}], "z": null},
  "anything": null, "list": [1, "two"], "updateMask": "title,firstStep.sql",
  "wrapped": "12", "wrappedText": "", "requiredText": "r", "child": {"title": "inner"}
})";

TEST(FromJsonTest, ReadsEveryKindOfField) {
  Sample sample;
  ASSERT_OK(FromJson(kEverything, &sample, {.check_required = false}));
  EXPECT_EQ(sample.title(), "a \u00e4 \"q\"");
  EXPECT_EQ(sample.small(), -7);
  EXPECT_EQ(sample.large(), INT64_MAX);
  EXPECT_EQ(sample.small_unsigned(), UINT32_MAX);
  EXPECT_EQ(sample.large_unsigned(), UINT64_MAX);
  EXPECT_EQ(sample.ratio(), 0.1);
  EXPECT_EQ(sample.payload(), std::string("\0\1\xff", 3));
  EXPECT_EQ(sample.mode(), Sample::MODE_OVERWRITE);
  EXPECT_TRUE(sample.has_limit());
  ASSERT_EQ(sample.steps_size(), 2);
  EXPECT_EQ(sample.steps(1).step_id(), "two");
  EXPECT_THAT(sample.numbers(), ElementsAre(1, 2, 3000));
  EXPECT_EQ(sample.labels().at("c.d"), "");
  EXPECT_EQ(sample.steps_by_number().at(-4).step_id(), "y");
  EXPECT_EQ(sample.modes().at(false), Sample::MODE_OVERWRITE);
  EXPECT_EQ(sample.table(), "t");
  EXPECT_EQ(sample.create_time().seconds(), 1706684400);
  EXPECT_EQ(sample.create_time().nanos(), 250000000);
  EXPECT_EQ(sample.timeout().seconds(), 90);
  EXPECT_EQ(sample.timeout().nanos(), 500000000);
  EXPECT_EQ(sample.properties().fields().at("n").number_value(), 1.5);
  EXPECT_TRUE(sample.properties().fields().at("l").list_value().values(1).has_null_value());
  EXPECT_TRUE(sample.anything().has_null_value());
  EXPECT_EQ(sample.list().values(1).string_value(), "two");
  EXPECT_THAT(sample.update_mask().paths(), ElementsAre("title", "first_step.sql"));
  EXPECT_EQ(sample.wrapped().value(), 12);
  EXPECT_TRUE(sample.has_wrapped_text());
  EXPECT_EQ(sample.child().title(), "inner");
}

TEST(FromJsonTest, WhatIsWrittenReadsBack) {
  Sample sample, again;
  ASSERT_OK(FromJson(kEverything, &sample));
  sample.set_title("line one\n  'two' # no comment\n");
  sample.mutable_first_step()->set_sql("12");
  sample.mutable_first_step()->set_step_id("yes");
  for (bool proto_names : {false, true}) {
    for (bool keep_defaults : {false, true}) {
      ASSERT_OK_AND_ASSIGN(std::string json, ToJson(sample, {.keep_defaults = keep_defaults,
                                                             .proto_names = proto_names}));
      ASSERT_OK(FromJson(json, &again));
      EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(sample, again)) << json;
    }
  }
}

TEST(FromJsonTest, DynamicMessagesReadTheSame) {
  google::protobuf::DynamicMessageFactory factory;
  std::unique_ptr<google::protobuf::Message> dynamic(
      factory.GetPrototype(Sample::descriptor())->New());
  Sample sample, copy;
  ASSERT_OK(FromJson(kEverything, dynamic.get()));
  ASSERT_OK(FromJson(kEverything, &sample));
  ASSERT_TRUE(copy.ParseFromString(dynamic->SerializeAsString()));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(sample, copy));
}

TEST(FromJsonTest, UnknownFieldsAreRefusedWithPathAndSuggestion) {
  EXPECT_THAT(
      ProblemsOf(R"({"steps": [{}, {"sqll": "x"}], "child": {"zzz": 1}, "tittle": ""})"),
      ElementsAre("steps[1].sqll: unknown field; did you mean sql?", "child.zzz: unknown field",
                  "tittle: unknown field; did you mean title?"));
}

TEST(FromJsonTest, WrongTypesAreRefusedAllAtOnce) {
  EXPECT_THAT(
      ProblemsOf(R"({"title": 1, "small": 2147483648, "large": 1.5, "smallUnsigned": -1,
                     "ratio": [], "enabled": "true", "payload": "*", "steps": {}, "firstStep": [],
                     "labels": {"a.b": 1}, "numbers": [1, "x", null], "mode": "MODE_APEND",
                     "properties": 3, "child": {"child": {"small": true}}})"),
      ElementsAre(
          "title: must be text (put it in quotes), not a number",
          "small: must be a whole number from -2147483648 to 2147483647",
          "large: must be a whole number of 64 bits",
          "smallUnsigned: must be a whole number from 0 to 4294967295", "ratio: must be a number",
          "enabled: must be true or false, not text", "payload: must be bytes in base64",
          "steps: must be a list, not a map", "firstStep: must be a map of fields, not a list",
          "labels[\"a.b\"]: must be text (put it in quotes), not a number",
          "numbers[1]: must be a whole number of 64 bits",
          "numbers[2]: must be a whole number of 64 bits",
          "mode: 'MODE_APEND' is not one of MODE_UNSPECIFIED, MODE_APPEND, MODE_OVERWRITE; did you "
          "mean MODE_APPEND?",
          "properties: must be a map, not a number",
          "child.child.small: must be a whole number from -2147483648 to 2147483647"));
}

TEST(FromJsonTest, WellKnownTypesHoldToTheirForms) {
  EXPECT_THAT(ProblemsOf(R"({"createTime": "2024-01-31", "timeout": "5", "wrapped": "x",
                             "updateMask": "a b"})"),
              ElementsAre("createTime: must be a time with its zone, such as 2024-01-31T08:00:00Z",
                          "timeout: must be a duration with its unit, such as 30s, 1.5s or 1h30m",
                          "wrapped: must be a whole number of 64 bits",
                          "updateMask: 'a b' is not a field's path"));
  EXPECT_THAT(ProblemsOf(R"({"createTime": "0000-01-01T00:00:00Z"})"), ::testing::SizeIs(1));
}

TEST(FromJsonTest, OnlyOneOfAOneofIsTaken) {
  EXPECT_THAT(ProblemsOf(R"({"table": "t", "step": {"stepId": "s"}})"),
              ElementsAre("step: cannot be given together with table"));
  Sample sample;
  EXPECT_OK(FromJson(R"({"table": "t", "step": null})", &sample));
}

TEST(FromJsonTest, AFieldGivenInBothSpellingsIsRefused) {
  EXPECT_THAT(ProblemsOf(R"({"shortRatio": 1, "short_ratio": 1})"),
              ElementsAre("short_ratio: is given twice, as shortRatio and short_ratio"));
}

TEST(FromJsonTest, RequiredFieldsAreCheckedOnRequest) {
  EXPECT_THAT(ProblemsOf(R"({"steps": [{"stepId": ""}, {"stepId": "x"}, {"stepId": 1}]})", true),
              ElementsAre("steps[0].stepId: is required",
                          "steps[2].stepId: must be text (put it in quotes), not a number",
                          "requiredText: is required"));
  Sample sample;
  EXPECT_OK(FromJson(R"({"steps": [{}]})", &sample));
}

TEST(FromJsonTest, TextThatIsNoJsonNamesLineAndColumn) {
  Sample sample;
  EXPECT_THAT(FromJson("{\"title\": \"a\",\n  x}", &sample),
              StatusIs(kInvalid, "INVALID_JSON", HasSubstr("line 2, column 3")));
  EXPECT_THAT(FromJson(R"({"title": "a", "title": "b"})", &sample),
              StatusIs(kInvalid, "INVALID_JSON", HasSubstr("\"title\" is given twice")));
  EXPECT_THAT(FromJson("{\"ratio\": 1e400}", &sample), StatusIs(kInvalid, "INVALID_JSON"));
  EXPECT_THAT(FromJson("", &sample), StatusIs(kInvalid, "INVALID_JSON"));
  EXPECT_THAT(FromJson("\"\xff\"", &sample), StatusIs(kInvalid, "INVALID_JSON"));
  EXPECT_THAT(FromJson(std::string(200, '['), &sample),
              StatusIs(kInvalid, "INVALID_JSON", HasSubstr("too deep")));
  EXPECT_THAT(FromJson("[]", &sample), StatusIs(kInvalid, "INVALID_FIELD"));
}

TEST(ToJsonTest, IsCanonical) {
  Sample sample;
  sample.set_large(5);
  sample.set_short_ratio(0.5);
  sample.mutable_timeout()->set_seconds(3);
  EXPECT_THAT(ToJson(sample), IsOkAndHolds(R"({"large":"5","shortRatio":0.5,"timeout":"3s"})"));
  EXPECT_THAT(ToJson(sample, {.keep_defaults = true}),
              IsOkAndHolds(AllOf(HasSubstr(R"("title":"")"), HasSubstr(R"("enabled":false)"))));
  sample.mutable_create_time()->set_seconds(INT64_MAX);
  EXPECT_THAT(ToJson(sample), StatusIs(absl::StatusCode::kInternal, "UNPRINTABLE_MESSAGE"));
}

TEST(ToYamlTest, WritesBlocksAndQuotesWhatWouldReadAsAnotherType) {
  Sample sample;
  sample.set_title("SELECT 1\nFROM t\n");
  sample.set_enabled(true);
  sample.set_large(12);
  sample.add_steps()->set_step_id("no");
  ASSERT_OK_AND_ASSIGN(std::string yaml, ToYaml(sample));
  EXPECT_EQ(yaml,
            "title: |\n  SELECT 1\n  FROM t\nlarge: \"12\"\nenabled: true\nsteps:\n"
            "  - stepId: \"no\"\n");
}

}  // namespace
}  // namespace tarn::proto_json
