// What is written for people: widths, tables, numbers.
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tarn/transform/v1/run.pb.h"

#include "services/cli/display_text.h"
#include "services/cli/progress_line.h"
#include "services/cli/run_view.h"
#include "services/cli/text_table.h"

namespace tarn::cli {
namespace {

using ::testing::HasSubstr;

struct TestTerminal {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal{.in = in, .out = out, .err = err};
};

TEST(DisplayTextTest, WidthCountsWideCharactersTwiceAndCombiningOnesNotAtAll) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("Äö"), 2);
  EXPECT_EQ(DisplayWidth("日本"), 4);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1);
  EXPECT_EQ(DisplayWidth("\xff"), 1);
}

TEST(DisplayTextTest, TextIsCutWithinItsWidthAndNeverInsideACharacter) {
  EXPECT_EQ(CutToWidth("short", 5), "short");
  EXPECT_EQ(CutToWidth("longer", 5), "long…");
  EXPECT_EQ(CutToWidth("日本語", 4), "日…");
}

TEST(DisplayTextTest, ControlCharactersCannotSteerTheTerminal) {
  EXPECT_EQ(OneLine("a\nb\tc\x1b[31m\x7f"), "a\\nb\\tc\\x1b[31m\\x7f");
}

TEST(DisplayTextTest, NumbersAreReadable) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(9995), "9,995");
  EXPECT_EQ(WithThousands(-1234567), "-1,234,567");
  EXPECT_EQ(WithThousands(-123), "-123");
  EXPECT_EQ(Counted(1, "row"), "1 row");
  EXPECT_EQ(Counted(1000, "row"), "1,000 rows");
  EXPECT_EQ(BytesText(1023), "1023 B");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(DurationText(absl::Milliseconds(120)), "0.12 s");
  EXPECT_EQ(DurationText(absl::Seconds(125)), "2 min 5 s");
}

TEST(TextTableTest, AlignsNumbersToTheRightAndLeavesNoSpaceAtTheEnd) {
  TestTerminal test;
  WriteTable(test.terminal, {{"NAME"}, {"ROWS", true}, {"NOTE"}},
             {{{"a"}, {"10"}, {""}}, {{"longer"}, {"2"}, {"x"}}});
  EXPECT_EQ(test.out.str(),
            "NAME    ROWS  NOTE\n"
            "a         10\n"
            "longer     2  x\n");
}

TEST(TextTableTest, FitsATerminalByCuttingTheWidestColumn) {
  TestTerminal test;
  test.terminal.out_is_tty = true;
  test.terminal.width = 20;
  WriteTable(test.terminal, {{"ID"}, {"TEXT"}}, {{{"1"}, {std::string(50, 'x')}}});
  EXPECT_EQ(test.out.str(), "ID  TEXT\n1   " + std::string(15, 'x') + "…\n");
}

TEST(ProgressLineTest, WritesNothingWhereNobodyWatches) {
  TestTerminal test;
  ProgressLine progress(test.terminal);
  progress.Show("10 %");
  progress.Clear();
  EXPECT_EQ(test.err.str(), "");
}

TEST(ProgressLineTest, IsTakenAwayBeforeSomethingElseIsWritten) {
  TestTerminal test;
  test.terminal.err_is_tty = true;
  ProgressLine progress(test.terminal);
  progress.Show(ProgressBar(0.5));
  progress.Clear();
  EXPECT_THAT(test.err.str(), HasSubstr("]  50 %"));
  EXPECT_TRUE(test.err.str().ends_with("\r\033[K"));
}

TEST(RunViewTest, OnATerminalTheListIsWrittenOverAndNeverWraps) {
  TestTerminal test;
  test.terminal.out_is_tty = true;
  test.terminal.width = 30;
  transform::v1::Run run;
  auto* step = run.add_steps();
  step->set_step_id("enrich");
  step->set_state(common::v1::EXECUTION_STATE_RUNNING);
  RunView view(test.terminal);
  view.Show(run);
  EXPECT_EQ(test.out.str(), "\r\033[Kenrich: running\n");
  step->set_state(common::v1::EXECUTION_STATE_FAILED);
  step->mutable_error()->set_message("a message\nthat is longer than the line");
  view.Show(run);
  EXPECT_EQ(test.out.str(),
            "\r\033[Kenrich: running\n\033[1A\r\033[Kenrich: failed (a message\\nt…\n");
}

TEST(TerminalTest, ColourNeedsATerminal) {
  TestTerminal test;
  test.terminal.colour = true;
  EXPECT_EQ(test.terminal.OnOut(Style::kBad, "x"), "x");
  test.terminal.out_is_tty = true;
  EXPECT_EQ(test.terminal.OnOut(Style::kBad, "x"), "\033[31mx\033[0m");
}

}  // namespace
}  // namespace tarn::cli
