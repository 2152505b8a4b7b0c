#include "services/transform/trigger_rules.h"

#include <gtest/gtest.h>

#include "tarn/transform/v1/pipeline.pb.h"

#include "common/events/event.h"
#include "common/testing/status_matchers.h"

namespace tarn::transform {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kSnapshot[] = "tarn.catalog.table.snapshot_created";

v1::Pipeline PipelineOn(const std::string& type, const std::string& subject) {
  v1::Pipeline pipeline;
  pipeline.set_name("pipelines/p");
  pipeline.add_triggers()->set_event_type(type);
  pipeline.mutable_triggers(0)->set_subject(subject);
  return pipeline;
}

TEST(TriggerRulesTest, SubjectsAreExactOrPrefixes) {
  EXPECT_TRUE(SubjectMatches("", "databases/d/tables/t"));
  EXPECT_TRUE(SubjectMatches("databases/d/tables/t", "databases/d/tables/t"));
  EXPECT_FALSE(SubjectMatches("databases/d/tables/t", "databases/d/tables/t2"));
  EXPECT_TRUE(SubjectMatches("databases/d/*", "databases/d/tables/t"));
  EXPECT_FALSE(SubjectMatches("databases/d/*", "databases/d2/tables/t"));
}

TEST(TriggerRulesTest, TypeAndSubjectMustFit) {
  v1::Pipeline pipeline = PipelineOn(kSnapshot, "databases/d/*");
  EXPECT_NE(FindTrigger(pipeline, {.type = kSnapshot, .subject = "databases/d/tables/t"}), nullptr);
  EXPECT_EQ(FindTrigger(pipeline, {.type = "other", .subject = "databases/d/tables/t"}), nullptr);
}

TEST(TriggerRulesTest, TheEndOfItsOwnRunsStartsNothing) {
  v1::Pipeline pipeline = PipelineOn("tarn.transform.run.succeeded", "pipelines/*");
  EXPECT_EQ(
      FindTrigger(pipeline, {.type = "tarn.transform.run.succeeded", .subject = "pipelines/p"}),
      nullptr);
  EXPECT_NE(
      FindTrigger(pipeline, {.type = "tarn.transform.run.succeeded", .subject = "pipelines/q"}),
      nullptr);
}

TEST(TriggerRulesTest, ACompactionIsNoNews) {
  v1::Pipeline pipeline = PipelineOn(kSnapshot, "");
  for (const char* operation : {"replace", "REPLACE", "SNAPSHOT_OPERATION_REPLACE"}) {
    EXPECT_EQ(
        FindTrigger(pipeline, {.type = kSnapshot,
                               .subject = "databases/d/tables/t",
                               .data = std::string(R"({"operation": ")") + operation + "\"}"}),
        nullptr);
  }
  EXPECT_NE(FindTrigger(pipeline, {.type = kSnapshot, .data = R"({"operation": "append"})"}),
            nullptr);
}

TEST(TriggerRulesTest, CausesAreTheNamesInTheSummary) {
  EXPECT_THAT(
      CausesOf({.data = R"({"summary": {"crawl": "crawlers/c/crawls/1", "query": "queries/2",
                                   "added-files": "3"}, "other": "a/b"})"}),
      UnorderedElementsAre("crawlers/c/crawls/1", "queries/2"));
  for (const char* data : {"{}", "", "[]", R"({"summary": 1})", R"({"summary": {"a": 1}})"}) {
    EXPECT_THAT(CausesOf({.data = data}), IsEmpty()) << data;
  }
}

}  // namespace
}  // namespace tarn::transform
