#include "services/transform/pipeline_validation.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tarn/transform/v1/pipeline.pb.h"

#include "common/proto_json/manifest.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/test_data.h"
#include "services/transform/step_graph.h"

namespace tarn::transform {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Pipeline PipelineOf(const std::string& text) {
  v1::Pipeline pipeline;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &pipeline)) << text;
  if (pipeline.name().empty()) pipeline.set_name("pipelines/p");
  NormalizePipeline(pipeline);
  return pipeline;
}

// The description of the violation of `field`, or "".
std::string ViolationOf(const v1::Pipeline& pipeline, const std::string& field) {
  for (const FieldViolation& violation : FieldViolationsOf(ValidatePipeline(pipeline))) {
    if (violation.field == field) return violation.description;
  }
  return "";
}

constexpr char kStep[] = R"(steps { id: "a" sql { sql: "SELECT 1" } } )";

TEST(PipelineValidationTest, TheExampleIsValidAndOrdered) {
  ASSERT_OK_AND_ASSIGN(
      std::vector<proto_json::Manifest> manifests,
      proto_json::ParseManifests(ReadTestData("docs/examples/smart-hub/03-pipeline.yaml"),
                                 "03-pipeline.yaml"));
  ASSERT_EQ(manifests.size(), 1u);
  v1::Pipeline pipeline;
  ASSERT_OK(proto_json::SpecToProto(manifests[0], &pipeline));
  pipeline.set_name("pipelines/" + manifests[0].name);
  NormalizePipeline(pipeline);
  EXPECT_OK(ValidatePipeline(pipeline));
  EXPECT_EQ(pipeline.max_concurrent_runs(), 1);
  ASSERT_OK_AND_ASSIGN(std::vector<int> order, OrderSteps(pipeline));
  EXPECT_EQ(order.size(), static_cast<size_t>(pipeline.steps_size()));
}

TEST(PipelineValidationTest, ACycleIsNamed) {
  v1::Pipeline pipeline = PipelineOf(R"(
      steps { id: "start" sql { sql: "SELECT 1" } }
      steps { id: "a" depends_on: ["start", "c"] sql { sql: "SELECT 1" } }
      steps { id: "b" depends_on: "a" sql { sql: "SELECT 1" } }
      steps { id: "c" depends_on: "b" sql { sql: "SELECT 1" } })");
  EXPECT_THAT(ValidatePipeline(pipeline), StatusIs(absl::StatusCode::kInvalidArgument, "STEP_CYCLE",
                                                   HasSubstr("a -> c -> b -> a")));
  v1::Pipeline self = PipelineOf(R"(steps { id: "a" depends_on: "a" sql { sql: "SELECT 1" } })");
  EXPECT_THAT(ValidatePipeline(self),
              StatusIs(absl::StatusCode::kInvalidArgument, "STEP_CYCLE", HasSubstr("a -> a")));
}

TEST(PipelineValidationTest, StepsComeAfterThoseTheyDependOn) {
  v1::Pipeline pipeline = PipelineOf(R"(
      steps { id: "c" depends_on: ["a", "b"] sql { sql: "SELECT 1" } }
      steps { id: "b" sql { sql: "SELECT 1" } }
      steps { id: "a" depends_on: "b" sql { sql: "SELECT 1" } })");
  EXPECT_THAT(OrderSteps(pipeline), IsOkAndHolds(ElementsAre(1, 2, 0)));
}

TEST(PipelineValidationTest, EveryBadFieldIsToldByItsPath) {
  v1::Pipeline pipeline = PipelineOf(R"pb(
    name: "pipelines/P"
    parameters { name: "n" type: "integer" default_value: "x" }
    parameters { name: "n" type: "number" }
    steps {
      id: "a"
      depends_on: [ "b", "nope" ]
    }
    steps {
      id: "a"
      crawl { crawler: "usage" }
      timeout { seconds: 0 }
    }
    steps {
      id: "b"
      sql { sql: "SELECT ${m}" table: "t" partition_by: "week(x)" }
    }
    steps {
      id: "c"
      sql { sql: "SELECT '${n}'" mode: WRITE_MODE_INSERT }
      retry { max_attempts: 21 }
    }
    steps {
      id: "d"
      export { sql: "" format: "xml" file_name: "../x" }
    }
    steps {
      id: "e"
      notify { channel: "ops" message: "${nope}" }
    }
    steps {
      id: "f"
      compact { table: "d.t" target_file_bytes: 5 }
    }
    schedule { cron: "61 * * * *" }
    triggers {
      event_type: "x"
      subject: "a*b"
      parameters { key: "n" value: "y" }
    }
    max_concurrent_runs: 17)pb");
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(ValidatePipeline(pipeline))) {
    fields.push_back(violation.field);
  }
  for (const char* field : {"pipeline.name",
                            "pipeline.parameters[0].default_value",
                            "pipeline.parameters[1].name",
                            "pipeline.parameters[1].type",
                            "pipeline.steps[0]",
                            "pipeline.steps[0].depends_on[1]",
                            "pipeline.steps[1].id",
                            "pipeline.steps[1].crawl.crawler",
                            "pipeline.steps[1].timeout",
                            "pipeline.steps[2].sql.sql",
                            "pipeline.steps[2].sql.table",
                            "pipeline.steps[2].sql.partition_by[0]",
                            "pipeline.steps[3].sql.sql",
                            "pipeline.steps[3].sql.mode",
                            "pipeline.steps[3].retry.max_attempts",
                            "pipeline.steps[4].export.sql",
                            "pipeline.steps[4].export.format",
                            "pipeline.steps[4].export.file_name",
                            "pipeline.steps[5].notify.channel",
                            "pipeline.steps[5].notify.message",
                            "pipeline.steps[6].compact.target_file_bytes",
                            "pipeline.schedule.cron",
                            "pipeline.triggers[0].subject",
                            "pipeline.triggers[0].parameters[\"n\"]",
                            "pipeline.max_concurrent_runs"}) {
    EXPECT_THAT(fields, Contains(field));
  }
}

TEST(PipelineValidationTest, APipelineNeedsSteps) {
  EXPECT_THAT(ViolationOf(PipelineOf(""), "pipeline.steps"), HasSubstr("1 to 200"));
}

TEST(PipelineValidationTest, ATimeZoneMustExist) {
  v1::Pipeline pipeline = PipelineOf(
      std::string(kStep) + R"(schedule { cron: "0 6 * * *" time_zone: "Europe/Nowhere" })");
  EXPECT_NE(ViolationOf(pipeline, "pipeline.schedule.time_zone"), "");
  pipeline.mutable_schedule()->set_time_zone("Europe/Berlin");
  EXPECT_OK(ValidatePipeline(pipeline));
}

TEST(PipelineValidationTest, WhatStartsByItselfNeedsAValueForEveryParameter) {
  v1::Pipeline pipeline = PipelineOf(std::string(kStep) + R"(
      parameters { name: "home" }
      schedule { cron: "@daily" }
      triggers { event_type: "x" }
      triggers { event_type: "y" parameters { key: "home" value: "h" } })");
  EXPECT_THAT(ViolationOf(pipeline, "pipeline.schedule"), HasSubstr("home"));
  EXPECT_THAT(ViolationOf(pipeline, "pipeline.triggers[0]"), HasSubstr("home"));
  EXPECT_EQ(ViolationOf(pipeline, "pipeline.triggers[1]"), "");
}

TEST(PipelineValidationTest, APipelineCannotWaitForItself) {
  v1::Pipeline pipeline = PipelineOf(
      std::string(kStep) +
      R"(triggers { event_type: "tarn.transform.run.succeeded" subject: "pipelines/p" })");
  EXPECT_THAT(ViolationOf(pipeline, "pipeline.triggers[0].subject"), HasSubstr("itself"));
}

}  // namespace
}  // namespace tarn::transform
