// A write-ahead log in a folder of its own, on a disk that the test can break.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/metrics/metrics.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/ingestion/wal/testing/fake_disk.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

class WriteAheadLogTest : public ::testing::Test {
 protected:
  void Open(int64_t segment_bytes = 64 << 20, int64_t cache_bytes = 1 << 20) {
    log_.reset();
    WriteAheadLogOptions options;
    options.folder = dir_ / "wal";
    options.segment_bytes = segment_bytes;
    options.cache_bytes = cache_bytes;
    options.max_bytes = max_bytes_;
    options.max_producers = max_producers_;
    options.max_queued_bytes = max_queued_bytes_;
    options.max_full_wait = max_full_wait_;
    options.reserve_bytes = 64 << 10;
    options.open_file = disk_.Opener();
    ASSERT_OK_AND_ASSIGN(log_, WriteAheadLog::Open(options, clock_, metrics_));
  }
  absl::StatusOr<AppendOutcome> Put(const std::string& stream,
                                    const std::vector<std::string_view>& records,
                                    const std::string& request_id = "", uint64_t hash = 0) {
    return log_->AppendAndWait({"default", stream, request_id, hash}, records);
  }
  // One batch of a producer.
  absl::StatusOr<AppendOutcome> Send(const std::string& producer, uint64_t sequence,
                                     const std::vector<std::string_view>& records,
                                     const std::string& stream = "a") {
    return log_->AppendAndWait({.workspace = "default",
                                .stream_uid = stream,
                                .producer_id = producer,
                                .sequence = sequence},
                               records);
  }
  // The same, without waiting for the answer.
  std::future<absl::StatusOr<AppendOutcome>> SendLater(
      const std::string& producer, uint64_t sequence,
      const std::vector<std::string_view>& records) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<AppendOutcome>>>();
    auto future = promise->get_future();
    log_->Append(
        {.workspace = "default", .stream_uid = "a", .producer_id = producer, .sequence = sequence},
        records, [promise](absl::StatusOr<AppendOutcome> outcome) {
          promise->set_value(std::move(outcome));
        });
    return future;
  }
  // 0 of a producer that is not known.
  uint64_t Last(const std::string& producer, const std::string& stream = "a") const {
    const auto last =
        log_->LastSequence({.workspace = "default", .stream_uid = stream, .producer_id = producer});
    return last ? last->sequence : 0;
  }
  // "position:payload" of everything undelivered.
  std::vector<std::string> Read(const std::string& stream, uint64_t from = 0) {
    auto read = log_->Read(stream, from, 1 << 30);
    EXPECT_OK(read);
    std::vector<std::string> out;
    for (const WalRecord& record : read->records) {
      out.push_back(std::to_string(record.position) + ":" +
                    (record.lost ? "LOST" : std::string(record.payload)));
    }
    return out;
  }
  std::vector<std::filesystem::path> Segments() const {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ / "wal")) {
      if (entry.path().extension() == ".wal") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  // As a killed process leaves it in the middle of a write: up to the first byte of `needle`.
  static void CutInto(const std::filesystem::path& path, const std::string& needle) {
    std::ifstream file(path, std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    const size_t at = content.find(needle);
    ASSERT_NE(at, std::string::npos);
    std::filesystem::resize_file(path, at + 1);
  }
  static void Damage(const std::filesystem::path& path, const std::string& needle) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(file)), {});
    const size_t at = content.find(needle);
    ASSERT_NE(at, std::string::npos);
    file.seekp(static_cast<std::streamoff>(at));
    file.put('#');
  }

  TempDir dir_;
  FakeClock clock_;
  Metrics registry_;
  IngestionMetrics metrics_{registry_};
  FakeDisk disk_;
  int64_t max_bytes_ = 1LL << 30;
  int64_t max_producers_ = 1000;
  int64_t max_queued_bytes_ = 64 << 20;
  absl::Duration max_full_wait_ = absl::ZeroDuration();
  std::unique_ptr<WriteAheadLog> log_;
};

}  // namespace tarn::ingestion
