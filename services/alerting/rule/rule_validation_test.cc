#include "services/alerting/rule/rule_validation.h"

#include <functional>

#include "tarn/alerting/v1/rule.pb.h"

#include "common/testing/status_matchers.h"

namespace tarn::alerting {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

v1::Rule Good() {
  v1::Rule rule;
  rule.set_sql("-- all devices\n(SELECT 1 AS v)");
  rule.mutable_condition()->set_column("v");
  rule.mutable_condition()->set_operator_(v1::COMPARISON_OPERATOR_GREATER);
  rule.mutable_condition()->set_threshold(0);
  rule.mutable_schedule()->set_cron("@every 10s");
  return rule;
}

std::vector<std::string> BadFields(const v1::Rule& rule) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(ValidateRule(rule))) {
    fields.push_back(violation.field);
  }
  return fields;
}

std::vector<std::string> BadFieldsAfter(const std::function<void(v1::Rule&)>& change) {
  v1::Rule rule = Good();
  change(rule);
  return BadFields(rule);
}

TEST(RuleValidationTest, AGoodRulePasses) { EXPECT_OK(ValidateRule(Good())); }

TEST(RuleValidationTest, EverythingThatIsMissingIsToldAtOnce) {
  EXPECT_THAT(BadFields(v1::Rule()),
              UnorderedElementsAre("rule.sql", "rule.condition.column", "rule.condition.operator",
                                   "rule.condition.threshold", "rule.schedule.cron"));
}

TEST(RuleValidationTest, ARuleOnlyReads) {
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) { rule.set_sql("/* x */ DROP TABLE t"); }),
              ElementsAre("rule.sql"));
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) { rule.set_sql(" -- nothing"); }),
              ElementsAre("rule.sql"));
}

TEST(RuleValidationTest, TheScheduleIsRead) {
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) { rule.mutable_schedule()->set_cron("often"); }),
              ElementsAre("rule.schedule.cron"));
  EXPECT_THAT(
      BadFieldsAfter([](v1::Rule& rule) { rule.mutable_schedule()->set_time_zone("Mars/One"); }),
      ElementsAre("rule.schedule.time_zone"));
}

TEST(RuleValidationTest, LabelsDifferFromTheValueAndEachOther) {
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) {
                for (const char* name : {"a", "a", "v"}) rule.add_label_columns(name);
              }),
              ElementsAre("rule.label_columns[1]", "rule.label_columns[2]"));
}

TEST(RuleValidationTest, ChannelsAreNames) {
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) { rule.add_channels("operations"); }),
              ElementsAre("rule.channels[0]"));
}

TEST(RuleValidationTest, AMessageNamesOnlyWhatThereIs) {
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) {
                rule.add_label_columns("room");
                rule.set_message("${house}");
              }),
              ElementsAre("rule.message"));
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) { rule.set_message("${value"); }),
              ElementsAre("rule.message"));
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) { rule.set_message("${house}"); }), ElementsAre());
}

TEST(RuleValidationTest, ThePauseBeforeFiringIsNotNegative) {
  EXPECT_THAT(BadFieldsAfter([](v1::Rule& rule) { rule.mutable_for_()->set_seconds(-1); }),
              ElementsAre("rule.for"));
}

}  // namespace
}  // namespace tarn::alerting
