// The write-ahead log: batches of 500 device messages of 275 bytes, appended by producers that keep
// 32 batches in flight, beside a floor that only writes and flushes the same bytes in groups of the
// same size. $TMPDIR says which disk (/tmp where it is not set).
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <unistd.h>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "common/clock/clock.h"
#include "common/metrics/metrics.h"
#include "common/testing/temp_dir.h"
#include "common/wal/crc32c.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace {

using tarn::ingestion::AppendOutcome;
using tarn::ingestion::RecordBuffer;
using tarn::ingestion::WriteAheadLog;

constexpr size_t kRecordBytes = 275;
constexpr size_t kRecords = 500;
constexpr size_t kBatchBytes = kRecords * (kRecordBytes + 1);
constexpr int kInFlight = 32;
constexpr int kBatches = 800;  // about 105 MiB an iteration

RecordBuffer MakeBatch() {
  RecordBuffer batch;
  batch.payload.reserve(kBatchBytes);
  for (size_t i = 0; i < kRecords; ++i) {
    batch.spans.push_back({static_cast<uint32_t>(batch.payload.size()), kRecordBytes});
    batch.payload.append(kRecordBytes, static_cast<char>('a' + i % 26)).append(1, '\n');
  }
  return batch;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Core seconds of the whole process for 100 MiB of records.
void Report(benchmark::State& state, double cpu_seconds) {
  const double bytes =
      static_cast<double>(state.iterations()) * kBatches * static_cast<double>(kBatchBytes);
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.counters["cpu_s_per_100MiB"] = cpu_seconds / (bytes / (100 << 20));
}

// Counts what is on its way.
class InFlight {
 public:
  void Begin() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ < kInFlight; });
    ++count_;
  }
  void End() {
    std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_one();
  }
  void WaitForAll() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

void BM_WriteAndFlush(benchmark::State& state) {
  const tarn::TempDir dir;
  const RecordBuffer batch = MakeBatch();
  std::string group;
  for (int i = 0; i < kInFlight / 2; ++i) group += batch.payload;
  const double begin = CpuSeconds();
  for (auto _ : state) {
    const int fd = ::open((dir / "floor").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    for (int written = 0; written < kBatches; written += kInFlight / 2) {
      size_t done = 0;
      while (done < group.size()) {
        const ssize_t n = ::write(fd, group.data() + done, group.size() - done);
        if (n <= 0) {
          state.SkipWithError("the disk cannot be written");
          break;
        }
        done += static_cast<size_t>(n);
      }
      if (::fdatasync(fd) != 0) state.SkipWithError("the disk cannot be flushed");
    }
    ::close(fd);
  }
  Report(state, CpuSeconds() - begin);
}
BENCHMARK(BM_WriteAndFlush)->UseRealTime()->Unit(benchmark::kMillisecond);

// `copies`: each batch is copied from the records of a request, as the overload for views does.
void Append(benchmark::State& state, bool copies) {
  const tarn::TempDir dir;
  tarn::Metrics registry;
  tarn::ingestion::IngestionMetrics metrics(registry);
  tarn::ingestion::WriteAheadLogOptions options;
  options.folder = dir / "wal";
  auto log = *WriteAheadLog::Open(std::move(options), tarn::SystemClock(), metrics);
  const RecordBuffer batch = MakeBatch();
  std::vector<std::string_view> views;
  for (const auto& span : batch.spans) {
    views.push_back(std::string_view(batch.payload).substr(span.offset, span.bytes));
  }
  uint64_t sequence = 0;
  uint64_t records = 0;
  InFlight in_flight;
  const double begin = CpuSeconds();
  for (auto _ : state) {
    for (int i = 0; i < kBatches; ++i) {
      in_flight.Begin();
      const auto done = [&](const absl::StatusOr<AppendOutcome>& outcome) {
        if (!outcome.ok()) state.SkipWithError(outcome.status().ToString().c_str());
        in_flight.End();
      };
      tarn::wal::BatchKey key{.workspace = "default",
                              .stream_uid = "0190c7c2-0000-7000-8000-000000000001",
                              .producer_id = "bench",
                              .sequence = ++sequence};
      if (copies) {
        log->Append(std::move(key), views, done);
      } else {
        log->Append(std::move(key), RecordBuffer(batch), done);  // as a server receives it
      }
      records += kRecords;
    }
    in_flight.WaitForAll();
    log->SetDelivered("default", "0190c7c2-0000-7000-8000-000000000001", records);
    if (!log->RemoveDeliveredSegments().ok()) state.SkipWithError("segments stay");
  }
  Report(state, CpuSeconds() - begin);
}
void BM_AppendBuffers(benchmark::State& state) { Append(state, false); }
void BM_AppendViews(benchmark::State& state) { Append(state, true); }
BENCHMARK(BM_AppendBuffers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_AppendViews)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_Crc32c(benchmark::State& state) {
  const RecordBuffer batch = MakeBatch();
  for (auto _ : state) benchmark::DoNotOptimize(tarn::wal::Crc32c(batch.payload));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.payload.size()));
}
BENCHMARK(BM_Crc32c);

}  // namespace
