// reprocess against a server.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tarn/ingestion/v1/reprocess_service.pb.h"

#include "services/cli/testing/command_test.h"

namespace tarn::cli {
namespace {

using ::testing::HasSubstr;

TEST_F(CommandTest, AReprocessIsWaitedForAndReported) {
  using ingestion::v1::Reprocess;
  std::vector<ingestion::v1::StartReprocessRequest> started;
  tarn_.On<ingestion::v1::StartReprocessRequest, Reprocess>(
      "/tarn.ingestion.v1.ReprocessService/StartReprocess",
      [&](const auto& requests, auto* responses) {
        started.push_back(requests[0]);
        auto& reprocess = responses->emplace_back();
        reprocess.set_name(requests[0].stream() + "/reprocesses/1");
        reprocess.set_state(common::v1::EXECUTION_STATE_QUEUED);
        return absl::OkStatus();
      });
  bool fails = false;
  tarn_.On<ingestion::v1::GetReprocessRequest, Reprocess>(
      "/tarn.ingestion.v1.ReprocessService/GetReprocess",
      [&fails](const auto& requests, auto* responses) {
        auto& reprocess = responses->emplace_back();
        reprocess.set_name(requests[0].name());
        reprocess.set_state(fails ? common::v1::EXECUTION_STATE_FAILED
                                  : common::v1::EXECUTION_STATE_SUCCEEDED);
        reprocess.mutable_statistics()->set_records_read(9995);
        reprocess.mutable_statistics()->set_rows_written(9994);
        reprocess.mutable_statistics()->set_rows_replaced(9990);
        reprocess.mutable_statistics()->set_dead_letters(1);
        if (fails) reprocess.mutable_error()->set_message("a file is damaged");
        if (fails) reprocess.mutable_error()->set_code(15);
        return absl::OkStatus();
      });
  const std::vector<std::string> command = {"reprocess",  "s",    "--from",
                                            "2026-11-01", "--to", "2026-11-01T12:00:00.5+01:00"};
  EXPECT_EQ(Run(command).out, "s/1 started\n");
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(started[0].start_time().seconds(), 1'793'491'200);
  EXPECT_EQ(started[0].end_time().seconds(), 1'793'530'800);
  EXPECT_EQ(started[0].end_time().nanos(), 500'000'000);
  std::vector<std::string> waited = command;
  waited.insert(waited.end(), {"--wait", "--destination", "iot.readings"});
  EXPECT_EQ(Run(waited).out,
            "s/1: 9,995 records read, 9,994 rows in the place of 9,990, 1 dead letter\n");
  EXPECT_EQ(started[1].destination(), "databases/iot/tables/readings");
  fails = true;
  EXPECT_THAT(Run(waited).err, HasSubstr("tarn: the reprocess failed: a file is damaged"));
  EXPECT_THAT(Run({"reprocess", "s", "--from", "yesterday", "--to", "2026-11-02"}).err,
              HasSubstr("--from \"yesterday\" is no time"));
}

}  // namespace
}  // namespace tarn::cli
