#include "services/alerting/rule/message_template.h"

#include "common/testing/status_matchers.h"

namespace tarn::alerting {
namespace {

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

MessageFacts Facts() {
  return {.rule = "co",
          .severity = "critical",
          .labels = {{"device", "d1"}, {"room", "kitchen"}},
          .value = 0.0112,
          .threshold = {Comparison::kGreater, 0.01}};
}

std::string Render(std::string_view text, const MessageFacts& facts) {
  auto parsed = MessageTemplate::Parse(text);
  EXPECT_OK(parsed);
  return parsed.ok() ? parsed->Render(facts) : "";
}

TEST(MessageTemplateTest, FillsInNames) {
  EXPECT_EQ(Render("${device} at ${value} of ${threshold}: ${severity} ${rule} ${state}", Facts()),
            "d1 at 0.0112 of 0.01: critical co firing");
  EXPECT_EQ(Render("${labels}", Facts()), "device=d1, room=kitchen");
  EXPECT_EQ(Render("costs $$5, $x", Facts()), "costs $5, $x");
  EXPECT_EQ(Render("$${value}", Facts()), "${value}");
}

TEST(MessageTemplateTest, SaysThatAnAlertIsResolvedUnlessTheTemplateDoes) {
  MessageFacts facts = Facts();
  facts.firing = false;
  EXPECT_EQ(Render("${device}", facts), "Resolved: d1");
  EXPECT_EQ(Render("${device} ${state}", facts), "d1 resolved");
}

TEST(MessageTemplateTest, HasADefaultText) {
  EXPECT_EQ(Render("", Facts()),
            "co (device=d1, room=kitchen) is firing, critical: value 0.0112, condition > 0.01");
}

TEST(MessageTemplateTest, RefusesWhatCannotBeFilledIn) {
  EXPECT_THAT(MessageTemplate::Parse("${value"), StatusIs(kInvalid, "INVALID_TEMPLATE"));
  EXPECT_THAT(MessageTemplate::Parse("${}"), StatusIs(kInvalid, "INVALID_TEMPLATE"));
  ASSERT_OK_AND_ASSIGN(MessageTemplate parsed, MessageTemplate::Parse("${device} ${value}"));
  EXPECT_OK(parsed.CheckNames({"device"}));
  EXPECT_THAT(parsed.CheckNames({"room"}), StatusIs(kInvalid, "INVALID_TEMPLATE"));
}

TEST(FormatValueTest, IsAsShortAsItReadsBack) {
  EXPECT_EQ(FormatValue(0.1), "0.1");
  EXPECT_EQ(FormatValue(12), "12");
  EXPECT_EQ(FormatValue(-1e300), "-1e+300");
}

}  // namespace
}  // namespace tarn::alerting
