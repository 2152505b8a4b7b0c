// Compiles and runs activities over a few records, for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <gtest/gtest.h>

#include "common/duckdb/lazy_database.h"
#include "services/ingestion/activity/activity_pipeline.h"
#include "services/ingestion/activity/seen_keys.h"

namespace tarn::ingestion {

// "a: long, d: struct<x: double>".
table_schema::Fields ParseFields(std::string_view text);
// Activities in protobuf's text form, divided by " --- ".
google::protobuf::RepeatedPtrField<v1::Activity> ParseActivities(const std::string& text);

class ActivityFixture : public ::testing::Test {
 protected:
  ActivityFixture();
  ~ActivityFixture() override;

  absl::Status Compile(const std::string& columns, const std::string& activities);
  // Compiles, and runs over `rows`, which stand at positions from `from` on. All arrived at
  // ingest_micros_.
  absl::Status Run(const std::string& columns, const std::vector<std::string>& rows,
                   const std::string& activities, uint64_t from = 0);
  absl::Status RunUnfolded(const std::string& columns, const std::vector<std::string>& rows,
                           const std::string& activities);
  // Expects that the first mistake of activities over messages of devices is at that path below
  // "activities".
  void ExpectMistake(const std::string& activities, const std::string& path,
                     const std::string& description);

  // "a long, b string".
  std::string OutputTypes() const;
  // The rows of the output by position, as JSON arrays; "*" for all columns but the hidden ones.
  std::string RowsOf(const std::string& columns);
  // "0/1 4/2": position and activity of what was refused.
  std::string Refusals() const;
  std::vector<std::string> Messages() const;

  duckdb::LazyDatabase engine_;
  duckdb::Connection connection_;
  ActivityEnvironment environment_;
  ActivityScope scope_{"default", "streams/s", "owner", "activities"};
  std::unique_ptr<SeenKeys> seen_ = std::make_unique<SeenKeys>();
  int64_t ingest_micros_ = 1'767'225'600'000'000;  // 2026-01-01
  std::shared_ptr<const ActivityPipeline> pipeline_;
  ActivityOutcome outcome_;

 private:
  absl::Status Prepare(const std::string& columns, const std::vector<std::string>& rows,
                       const std::string& activities, uint64_t from);
};

}  // namespace tarn::ingestion
