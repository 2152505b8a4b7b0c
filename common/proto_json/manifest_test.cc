#include "common/proto_json/manifest.h"

#include <google/protobuf/util/message_differencer.h>

#include "common/testing/status_matchers.h"
#include "proto_json_sample.pb.h"

namespace tarn::proto_json {
namespace {

using ::tarn::testing::Sample;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

constexpr char kTwoManifests[] = R"(# Two resources.
apiVersion: tarn/v1
kind: Sample
metadata:
  name: first
  labels: {team: energy}
spec:
  title: "12"
  requiredText: yes
  timeout: 1h30m
  large: 9007199254740993
  steps:
    - stepId: one
      sql: |
        SELECT 1
    - {stepId: two, dependsOn: [one]}
  properties: {quoted: "1", plain: 1, no: off}
---
---
apiVersion: tarn/v1
kind: Empty
metadata: {name: second}
)";

TEST(ManifestTest, ReadsEveryDocumentOfAFile) {
  ASSERT_OK_AND_ASSIGN(std::vector<Manifest> manifests, ParseManifests(kTwoManifests, "two.yaml"));
  ASSERT_EQ(manifests.size(), 2u);
  EXPECT_EQ(manifests[0].kind, "Sample");
  EXPECT_EQ(manifests[0].name, "first");
  EXPECT_EQ(manifests[0].labels.at("team"), "energy");
  EXPECT_EQ(manifests[0].line, 2);
  EXPECT_EQ(manifests[1].name, "second");
  EXPECT_EQ(manifests[1].line, 20);

  Sample sample;
  ASSERT_OK(SpecToProto(manifests[0], &sample));
  EXPECT_EQ(sample.title(), "12");
  EXPECT_EQ(sample.required_text(), "yes");
  EXPECT_EQ(sample.timeout().seconds(), 5400);
  EXPECT_EQ(sample.large(), 9007199254740993);
  EXPECT_EQ(sample.steps(0).sql(), "SELECT 1\n");
  EXPECT_EQ(sample.properties().fields().at("quoted").string_value(), "1");
  EXPECT_EQ(sample.properties().fields().at("plain").number_value(), 1);
  EXPECT_EQ(sample.properties().fields().at("no").string_value(), "off");
}

TEST(ManifestTest, ASpecsErrorsNameFileLineAndField) {
  ASSERT_OK_AND_ASSIGN(std::vector<Manifest> manifests, ParseManifests(R"(apiVersion: tarn/v1
kind: Sample
metadata: {name: x}
spec:
  title: 12
  steps:
    - stepId: one
    - sqll: SELECT 1
  enabled: maybe
)",
                                                                       "dir/file.yaml"));
  Sample sample;
  const absl::Status status = SpecToProto(manifests[0], &sample);
  EXPECT_THAT(status, StatusIs(kInvalid, "INVALID_FIELD"));
  EXPECT_EQ(status.message(),
            "dir/file.yaml:5: spec.title: must be text (put it in quotes), not a number\n"
            "dir/file.yaml:8: spec.steps[1].sqll: unknown field; did you mean sql?\n"
            "dir/file.yaml:8: spec.steps[1].stepId: is required\n"
            "dir/file.yaml:9: spec.enabled: must be true or false, not text\n"
            "dir/file.yaml:5: spec.requiredText: is required");
  ASSERT_EQ(FieldViolationsOf(status).size(), 5u);
  EXPECT_EQ(FieldViolationsOf(status)[1].field, "spec.steps[1].sqll");
  EXPECT_EQ(sample.ByteSizeLong(), 0u);
}

TEST(ManifestTest, AMissingSpecLacksItsRequiredFields) {
  ASSERT_OK_AND_ASSIGN(
      std::vector<Manifest> manifests,
      ParseManifests("{apiVersion: tarn/v1, kind: Sample, metadata: {name: x}}", "f.yaml"));
  Sample sample;
  EXPECT_THAT(SpecToProto(manifests[0], &sample),
              StatusIs(kInvalid, "INVALID_FIELD", "f.yaml:1: spec.requiredText: is required"));
}

TEST(ManifestTest, MalformedManifestsAreRefusedAllAtOnce) {
  EXPECT_THAT(ParseManifests(R"(apiVersion: tarn/v2
kind: 7
metadata: {nam: x, labels: {a: 1}}
specs: {}
spec: []
---
kind: X
---
just text
)",
                             "f.yaml"),
              StatusIs(kInvalid, "INVALID_FIELD",
                       AllOf(HasSubstr("f.yaml:1: apiVersion: 'tarn/v2' is not known; use tarn/v1"),
                             HasSubstr("f.yaml:2: kind: must be text"),
                             HasSubstr("f.yaml:3: metadata.nam: unknown field; did you mean name?"),
                             HasSubstr("f.yaml:3: metadata.name: is required"),
                             HasSubstr("f.yaml:3: metadata.labels.a: must be text"),
                             HasSubstr("f.yaml:4: specs: unknown field; did you mean spec?"),
                             HasSubstr("f.yaml:5: spec: must be a map"),
                             HasSubstr("f.yaml:7: apiVersion: is required"),
                             HasSubstr("f.yaml:7: metadata: is required"),
                             HasSubstr("f.yaml:9: a manifest is a map"))));
}

TEST(ManifestTest, TextThatIsNoYamlNamesItsLine) {
  EXPECT_THAT(ParseManifests("a: 1\nb: [1,\n", "f.yaml"),
              StatusIs(kInvalid, "INVALID_FIELD", HasSubstr("f.yaml:3: not valid YAML: ")));
  EXPECT_THAT(ParseManifests("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml"),
              StatusIs(kInvalid, "INVALID_FIELD", HasSubstr("f.yaml:4: b.c: is given twice")));
  EXPECT_THAT(ParseManifests("a: \xff\n", "f.yaml"),
              StatusIs(kInvalid, "INVALID_FIELD", HasSubstr("f.yaml: is not UTF-8")));
  EXPECT_THAT(ParseManifests("\n# nothing\n", "f.yaml"), IsOkAndHolds(IsEmpty()));
}

TEST(ManifestTest, AliasesThatMultiplyAreStopped) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 1; k < 10; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_THAT(ParseManifests(bomb, "f.yaml"),
              StatusIs(kInvalid, "INVALID_FIELD", HasSubstr("too deep or too large")));
}

TEST(ManifestTest, WhatIsWrittenReadsBack) {
  ASSERT_OK_AND_ASSIGN(std::vector<Manifest> manifests, ParseManifests(kTwoManifests, "two.yaml"));
  Sample sample, again;
  ASSERT_OK(SpecToProto(manifests[0], &sample));
  sample.mutable_steps(1)->set_sql("a: 'b' # c\n\n  \"d\"\t\n end");
  sample.mutable_steps(0)->set_sql("first\n\n  indented: x\nlast\n");
  sample.add_steps()->set_step_id("one line\n");
  ASSERT_OK_AND_ASSIGN(std::string yaml,
                       WriteManifest("Sample", "12", {{"team", "true"}, {"null", "-x"}}, sample));
  ASSERT_OK_AND_ASSIGN(manifests, ParseManifests(yaml, "written.yaml"));
  EXPECT_EQ(manifests[0].name, "12");
  EXPECT_EQ(manifests[0].labels.at("team"), "true");
  EXPECT_EQ(manifests[0].labels.at("null"), "-x");
  ASSERT_OK(SpecToProto(manifests[0], &again));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(sample, again)) << yaml;
}

TEST(ManifestTest, AFaultFoundByTheCallerHasTheSameForm) {
  ASSERT_OK_AND_ASSIGN(std::vector<Manifest> manifests, ParseManifests(kTwoManifests, "two.yaml"));
  EXPECT_THAT(
      ManifestError(manifests[1], "kind", "'Empty' is not a kind of Tarn"),
      StatusIs(kInvalid, "INVALID_FIELD", "two.yaml:20: kind: 'Empty' is not a kind of Tarn"));
}

}  // namespace
}  // namespace tarn::proto_json
