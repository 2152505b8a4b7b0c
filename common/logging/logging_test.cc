#include "common/logging/logging.h"

#include <sstream>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/testing/status_matchers.h"

namespace tarn::logging {
namespace {

class LoggingTest : public ::testing::Test {
 protected:
  std::vector<nlohmann::json> Lines() {
    std::vector<nlohmann::json> lines;
    std::istringstream in(out_.str());
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  std::ostringstream out_;
  ScopedCapture capture_{out_};
};

TEST_F(LoggingTest, WritesOneJsonObjectALine) {
  Info("catalog", "table created",
       {{"table", "a.b"}, {"columns", 12}, {"seconds", 0.5}, {"managed", true}, {"size", 7u}});
  ASSERT_EQ(Lines().size(), 1u);
  const nlohmann::json line = Lines()[0];
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["module"], "catalog");
  EXPECT_EQ(line["message"], "table created");
  EXPECT_EQ(line["table"], "a.b");
  EXPECT_EQ(line["columns"], 12);
  EXPECT_EQ(line["seconds"], 0.5);
  EXPECT_EQ(line["managed"], true);
  EXPECT_FALSE(line.contains("request_id"));
  const std::string time = line["time"];
  EXPECT_EQ(time.size(), std::string("2024-01-01T00:00:00.000Z").size());
  EXPECT_EQ(time.back(), 'Z');
}

TEST_F(LoggingTest, EscapesWhateverAMessageHolds) {
  Info("catalog", "quote \" newline \n slash \\ \x01 and broken \xff", {{"k\"", "{%v}\t"}});
  ASSERT_EQ(Lines().size(), 1u);
  EXPECT_EQ(Lines()[0]["message"], "quote \" newline \n slash \\ \x01 and broken \xEF\xBF\xBD");
  EXPECT_EQ(Lines()[0]["k\""], "{%v}\t");
}

TEST_F(LoggingTest, CarriesTheRequestIdOfItsThread) {
  {
    ScopedRequestId outer("r1");
    Info("rpc", "outer");
    {
      ScopedRequestId inner("r2");
      Info("rpc", "inner");
    }
    Info("rpc", "outer again");
    std::thread([] { Info("rpc", "another thread"); }).join();
  }
  Info("rpc", "none");
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0]["request_id"], "r1");
  EXPECT_EQ(lines[1]["request_id"], "r2");
  EXPECT_EQ(lines[2]["request_id"], "r1");
  EXPECT_FALSE(lines[3].contains("request_id"));
  EXPECT_FALSE(lines[4].contains("request_id"));
}

TEST_F(LoggingTest, DropsLinesBelowItsLevel) {
  Debug("x", "dropped");
  SetLevel(Level::kDebug);
  Debug("x", "kept");
  ASSERT_OK(SetLevel("error"));
  Warn("x", "dropped");
  Error("x", "kept");
  EXPECT_EQ(Lines().size(), 2u);
  EXPECT_TRUE(IsEnabled(Level::kError));
  EXPECT_FALSE(IsEnabled(Level::kWarn));
}

TEST_F(LoggingTest, AnErrorBringsItsCodeAndReason) {
  Error("catalog", "cannot compact", Aborted("COMMIT_CONFLICT", "a file is gone"),
        {{"table", "t"}});
  EXPECT_EQ(Lines()[0]["code"], "ABORTED");
  EXPECT_EQ(Lines()[0]["reason"], "COMMIT_CONFLICT");
  EXPECT_EQ(Lines()[0]["error"], "a file is gone");
  EXPECT_EQ(Lines()[0]["table"], "t");
}

TEST_F(LoggingTest, LinesOfManyThreadsDoNotMix) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i) Info("x", std::string(100, 'm'));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Lines().size(), 800u);
}

TEST(LogLevelTest, AnUnknownNameIsRefused) {
  EXPECT_THAT(SetLevel("loud"), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_LOG_LEVEL"));
}

}  // namespace
}  // namespace tarn::logging
