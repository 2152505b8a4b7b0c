// Device messages to Parquet: what a delivery does with a batch, beside the engine's own JSON
// functions over the same bytes; the same into many partitions, and published. 32 MiB of messages
// of 275 bytes (into partitions 4 MiB), two threads of the engine.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <benchmark/benchmark.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/duckdb/database.h"
#include "common/duckdb/sql_text.h"
#include "common/lake/parquet_writer.h"
#include "common/table_schema/engine_types.h"
#include "common/testing/temp_dir.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/record/schema_learner.h"

namespace tarn::ingestion {
namespace {

constexpr size_t kBytes = 32u << 20;
constexpr size_t kPartitionedBytes = 4u << 20;

struct Messages {
  std::vector<std::string> texts;
  std::vector<ArrivedRecord> records;
  catalog::v1::Table table;
  size_t bytes = 0;
};

// As the sample devices send them: seventeen digits, few devices, two truth values.
std::unique_ptr<const Messages> MakeMessages(size_t bytes, size_t devices) {
  auto messages = std::make_unique<Messages>();
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> unit(0.001, 0.02);
  SchemaLearner learner;
  double ts = 1594598735.0;
  for (size_t i = 0; messages->bytes < bytes; ++i) {
    ts += unit(random) * 100;
    messages->texts.push_back(absl::StrFormat(
        R"({"data":{"co":%.17g,"humidity":%.16g,"light":%s,"lpg":%.17g,"motion":%s,"smoke":%.17g,)"
        R"("temp":%.3g},"device_id":"5e:44:3b:f3:%02x:%02x","ts":%.17g,"device":"iot-device-%d"})",
        unit(random), 50 + 1000 * unit(random), i % 3 == 0 ? "true" : "false", unit(random),
        i % 100 == 0 ? "true" : "false", unit(random), 20.5 + 100 * unit(random), i % devices / 256,
        i % devices % 256, ts, i % devices));
    messages->bytes += messages->texts.back().size();
    learner.Observe(messages->texts.back());
  }
  for (const std::string& text : messages->texts) {
    messages->records.push_back({messages->records.size(), absl::UnixEpoch(), text});
  }
  auto& fields = *messages->table.mutable_schema()->mutable_fields();
  fields = learner.Columns();
  table_schema::AssignFieldIds(fields, 0);
  return messages;
}

const Messages& DeviceMessages() {
  static const auto* const kMessages = MakeMessages(kBytes, 3).release();
  return *kMessages;
}

void Report(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}

void BM_ParseMessages(benchmark::State& state) {
  const Messages& messages = DeviceMessages();
  const RecordMatcher matcher(messages.table.schema().fields(), UnknownFields{});
  for (auto _ : state) {
    for (const std::string& text : messages.texts) {
      if (matcher.Match(text)) state.SkipWithError("a message does not fit");
    }
  }
  Report(state, messages.bytes);
}
BENCHMARK(BM_ParseMessages)->Unit(benchmark::kMillisecond);

void BM_ConvertMessages(benchmark::State& state) {
  const Messages& messages = DeviceMessages();
  const TempDir dir;
  auto converter = ParquetConverter::Open({.work_folder = dir / "work"});
  int number = 0;
  for (auto _ : state) {
    const std::filesystem::path folder = dir / absl::StrCat("out", number++);
    auto conversion = converter->Convert(messages.table, UnknownFields{}, messages.records, folder);
    if (!conversion.ok() || !conversion->misfits.empty()) state.SkipWithError("not converted");
    lake::RemoveStaging(folder);
  }
  Report(state, messages.bytes);
}
BENCHMARK(BM_ConvertMessages)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// What a delivery does with a batch that fills so many partitions, until all is durable. 0: no
// partitions.
void BM_DeliverPartitions(benchmark::State& state) {
  const auto partitions = static_cast<size_t>(state.range(0));
  const auto messages = MakeMessages(kPartitionedBytes, std::max<size_t>(partitions, 1));
  catalog::v1::Table table = messages->table;
  if (partitions > 0) table.add_partition_fields()->set_source("device");
  const TempDir dir;
  auto converter = ParquetConverter::Open({.work_folder = dir / "work"});
  int number = 0;
  for (auto _ : state) {
    const std::filesystem::path folder = dir / absl::StrCat("out", number);
    const std::filesystem::path data = dir / absl::StrCat("data", number++);
    auto conversion = converter->Convert(table, UnknownFields(), messages->records, folder);
    if (!conversion.ok() || conversion->files.size() < partitions ||
        !lake::PublishWrittenFiles(conversion->files, data).ok()) {
      state.SkipWithError("not delivered");
    }
    lake::RemoveStaging(folder);
  }
  Report(state, messages->bytes);
}
BENCHMARK(BM_DeliverPartitions)
    ->Arg(0)
    ->Arg(1)
    ->Arg(30)
    ->Arg(256)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// The floor: lenient, and without a look at what does not fit.
void BM_EngineJsonTransform(benchmark::State& state) {
  const Messages& messages = DeviceMessages();
  const TempDir dir;
  auto db =
      duckdb::Database::Open({.threads = 2, .settings = {{"preserve_insertion_order", "false"}}});
  auto connection = db->Connect();
  (void)connection->Execute("CREATE TABLE raw (j VARCHAR)");
  for (size_t i = 0; i < messages.texts.size(); i += 1000) {
    std::string values;
    for (size_t k = i; k < std::min(i + 1000, messages.texts.size()); ++k) {
      absl::StrAppend(&values, values.empty() ? "" : ",", "(",
                      duckdb::QuoteLiteral(messages.texts[k]), ")");
    }
    (void)connection->Execute("INSERT INTO raw VALUES " + values);
  }
  const std::string select =
      R"(SELECT unnest(json_transform(j, '{"data":{"co":"DOUBLE","humidity":"DOUBLE",)"
      R"("light":"BOOLEAN","lpg":"DOUBLE","motion":"BOOLEAN","smoke":"DOUBLE","temp":"DOUBLE"},)"
      R"("device_id":"VARCHAR","ts":"DOUBLE","device":"VARCHAR"}')) FROM raw)";
  int number = 0;
  for (auto _ : state) {
    const std::filesystem::path folder = dir / absl::StrCat("out", number++);
    if (!lake::WriteParquet(*connection, select, folder, {}).ok()) state.SkipWithError("failed");
    lake::RemoveStaging(folder);
  }
  Report(state, messages.bytes);
}
BENCHMARK(BM_EngineJsonTransform)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace tarn::ingestion
