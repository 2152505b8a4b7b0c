// tarn-bench-ingest: how fast records come in, and how soon they are seen. Everything runs on this
// machine, the load's own programs included; every acknowledgement is flushed.
#include <algorithm>
#include <iostream>
#include <map>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>
#include <nlohmann/json.hpp>

#include "bench/load/device_messages.h"
#include "bench/load/floors.h"
#include "bench/load/http_producer.h"
#include "bench/load/ingest_producer.h"
#include "bench/load/load_target.h"
#include "bench/load/mqtt_load.h"
#include "bench/load/percentile.h"
#include "bench/load/small_batches.h"
#include "common/testing/temp_dir.h"

namespace tarn::bench {
namespace {

constexpr double kMiB = 1 << 20;
constexpr int64_t kMqttMessages = 50'000;

double Seconds(absl::Time since) { return absl::ToDoubleSeconds(absl::Now() - since); }

struct Throughput {
  double mib_s = 0;
  double records_s = 0;
  double compaction_s = 0;  // of the time, that of compactions after the last delivery
};

// How long compactions ran after `since`; one runs at a time.
double CompactionSeconds(const std::vector<Compaction>& compactions, absl::Time since) {
  absl::Duration ran;
  for (const Compaction& compaction : compactions) {
    ran += std::max(absl::ZeroDuration(), compaction.end - std::max(compaction.begin, since));
  }
  return absl::ToDoubleSeconds(ran);
}

// As fast as it goes for `duration`, on until the table has it all, and on until its files are
// compacted: all of this time counts, but for the pauses in which a compaction waits for its turn.
Throughput RunSustained(LoadTarget& target, const std::vector<MessageBatch>& batches,
                        absl::Duration duration) {
  target.CreateStream("sustained");
  int64_t bytes = 0, records = 0;
  const absl::Time begin = absl::Now();
  {
    IngestProducer producer(target, "sustained", "bench");
    for (size_t i = 0; absl::Now() - begin < duration; ++i) {
      const MessageBatch& batch = batches[i % batches.size()];
      producer.Send(batch);
      bytes += static_cast<int64_t>(batch.lines.size());
      records += batch.count;
    }
    producer.Finish();
    if (producer.acknowledged_records() != records) {
      std::cerr << "acknowledged " << producer.acknowledged_records() << " of " << records << "\n";
      std::exit(1);
    }
  }
  target.Flush("sustained");
  const absl::Time delivered = absl::Now();
  const double compaction = CompactionSeconds(target.AwaitCompactions("sustained"), delivered);
  const double seconds = absl::ToDoubleSeconds(delivered - begin) + compaction;
  const int64_t stored = target.QueryNumber("SELECT count(*) FROM bench.sustained");
  if (stored != records) {
    std::cerr << "the table has " << stored << " of " << records << " records\n";
    std::exit(1);
  }
  return {.mib_s = static_cast<double>(bytes) / kMiB / seconds,
          .records_s = static_cast<double>(records) / seconds,
          .compaction_s = compaction};
}

// Four connections, batches of 500.
double RunHttp(LoadTarget& target, absl::Duration duration) {
  target.CreateStream("http");
  const std::vector<MessageBatch> batches = MakeBatches(64, 500, 3);
  std::atomic<int64_t> records = 0;
  const absl::Time begin = absl::Now();
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      HttpProducer producer(target.ingestion_http_address(), "http", target.credentials().token);
      for (size_t i = t; absl::Now() - begin < duration; ++i) {
        producer.Send(batches[i % batches.size()]);
        records += batches[i % batches.size()].count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  target.Flush("http");
  return static_cast<double>(records) / Seconds(begin);
}

struct Freshness {
  double max_delay_s = 0;  // of the stream
  double p50_s = 0;
  double p99_s = 0;
  int64_t most_live_files = 0;
  int64_t compactions = 0;  // meanwhile
};

// 20 MiB/s, while a query asks again and again for the newest event, and compactions run as they
// come.
Freshness RunFreshness(LoadTarget& target, absl::Duration duration) {
  constexpr int64_t kBytesASecond = 20 << 20;
  Freshness result;
  result.max_delay_s = absl::ToDoubleSeconds(target.CreateStream("fresh"));
  std::vector<MessageBatch> batches = MakeBatches(16, 1000, 5);
  const absl::Time begin = absl::Now();
  std::thread load([&] {
    IngestProducer producer(target, "fresh", "bench");
    int64_t bytes = 0;
    for (size_t i = 0; absl::Now() - begin < duration; ++i) {
      MessageBatch& batch = batches[i % batches.size()];
      SetSentTime(batch, absl::ToUnixMillis(absl::Now()));
      producer.Send(batch);
      bytes += static_cast<int64_t>(batch.lines.size());
      absl::SleepFor(begin + absl::Seconds(static_cast<double>(bytes) / kBytesASecond) -
                     absl::Now());
    }
    producer.Finish();
  });
  std::vector<double> ages;
  int64_t newest = 0;
  absl::Time files_at = begin;
  // The first two seconds make the table.
  while (absl::Now() - begin < duration) {
    const int64_t seen = target.QueryNumber(
        absl::StrFormat("SELECT max(sent_ms) FROM bench.fresh WHERE sent_ms >= %d", newest));
    newest = std::max(newest, seen);
    const absl::Time now = absl::Now();
    if (now - begin > absl::Seconds(2)) {
      ages.push_back(absl::ToDoubleSeconds(now - absl::FromUnixMillis(newest)));
    }
    if (newest > 0 && now - files_at > absl::Seconds(1)) {
      files_at = now;
      result.most_live_files = std::max(result.most_live_files, target.LiveFiles("fresh"));
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
  const absl::Time end = absl::Now();
  load.join();
  for (const Compaction& compaction : target.AwaitCompactions("fresh")) {
    if (compaction.begin < end) ++result.compactions;
  }
  result.p50_s = Percentile(ages, 0.5);
  result.p99_s = Percentile(ages, 0.99);
  return result;
}

int Run(double seconds, bool json) {
  const absl::Duration duration = absl::Seconds(seconds);
  const absl::Duration floor_duration = std::min(duration, absl::Seconds(5));
  const auto say = [](const char* what) { std::cerr << "… " << what << std::endl; };
  const std::vector<MessageBatch> batches = MakeBatches(96, 2000, 1);

  say("floors");
  double write_floor = 0, parquet_floor = 0;
  {
    const TempDir folder;
    write_floor = WriteFloor(folder.path(), batches, floor_duration);
    parquet_floor = ParquetFloor(folder.path(), batches, floor_duration);
  }
  say("starting Tarn");
  const TempDir broker_folder;
  ingestion::mqtt::Mosquitto broker(broker_folder / "broker", "log_type error");
  LoadTarget target(
      {{"ingestion.connector_secrets_path", broker.secrets().parent_path().string()}});
  const std::map<std::string, double> idle = target.Memory();
  say("sustained");
  const Throughput sustained = RunSustained(target, batches, duration);
  say("HTTP");
  const double http = RunHttp(target, std::min(duration, absl::Seconds(20)));
  say("small batches");
  target.CreateStream("small");
  const SmallBatchesResult small =
      RunSmallBatches(target, "small", 64, 10, std::min(duration, absl::Seconds(20)));
  target.Flush("small");
  say("MQTT");
  const double mqtt = RunMqtt(target, broker, kMqttMessages);
  target.Flush("mqtt");
  say("freshness");
  const Freshness freshness = RunFreshness(target, duration);
  const double peak = target.PeakMemory("ingestion");

  nlohmann::ordered_json figures = {
      {"sustained_mib_s", sustained.mib_s},
      {"sustained_records_s", sustained.records_s},
      {"write_floor_ratio", sustained.mib_s / write_floor},
      {"parquet_floor_ratio", sustained.mib_s / parquet_floor},
      {"http_records_s", http},
      {"small_batch_records_s", small.records_a_second},
      {"small_batch_ack_p99_ms", small.ack_p99_ms},
      {"freshness_p50_s", freshness.p50_s},
      {"freshness_p99_s", freshness.p99_s},
      {"live_files", freshness.most_live_files},
      {"rss_mib", peak},
      {"idle_rss_mib", idle.at("ingestion")},
      // Beside what the keys above say: the settings, and what else was seen.
      {"seconds", seconds},
      {"write_floor_mib_s", write_floor},
      {"parquet_floor_mib_s", parquet_floor},
      {"sustained_compaction_s", sustained.compaction_s},
      {"small_batch_ack_p50_ms", small.ack_p50_ms},
      {"mqtt_messages_s", mqtt},
      {"freshness_max_delay_s", freshness.max_delay_s},
      {"freshness_compactions", freshness.compactions},
  };
  for (const auto& [program, mib] : idle) figures["idle_rss_mib_" + program] = mib;
  if (json) {
    std::cout << figures.dump() << "\n";
    return 0;
  }
  const auto row = [](const std::string& what, const std::string& figure) {
    std::cout << absl::StrFormat("%-44s %s\n", what, figure);
  };
  row("written and flushed alone", absl::StrFormat("%8.1f MiB/s", write_floor));
  row("engine alone, JSON to Parquet", absl::StrFormat("%8.1f MiB/s", parquet_floor));
  row("Ingest into a table, sustained",
      absl::StrFormat(
          "%8.1f MiB/s  %.0f records/s  (%.2f of writing, %.2f of the engine; compacted "
          "%.1f s after the last delivery)",
          sustained.mib_s, sustained.records_s, sustained.mib_s / write_floor,
          sustained.mib_s / parquet_floor, sustained.compaction_s));
  row("HTTP, batches of 500", absl::StrFormat("%8.0f records/s", http));
  row("PutRecords, 64 clients, batches of 10",
      absl::StrFormat("%8.0f records/s, acknowledged after %.1f ms (p50), %.1f ms (p99)",
                      small.records_a_second, small.ack_p50_ms, small.ack_p99_ms));
  row("MQTT, one connector, QoS 1", absl::StrFormat("%8.0f messages/s", mqtt));
  row("freshness at 20 MiB/s",
      absl::StrFormat("%8.2f s (p50), %.2f s (p99) with a max_delay of %.2f s; at most %d live "
                      "files, %d compactions",
                      freshness.p50_s, freshness.p99_s, freshness.max_delay_s,
                      freshness.most_live_files, freshness.compactions));
  row("memory of ingestion",
      absl::StrFormat("%8.0f MiB at most, %.0f MiB idle", peak, idle.at("ingestion")));
  for (const auto& [program, mib] : idle) {
    if (program != "ingestion") {
      row("memory of " + program, absl::StrFormat("%8.0f MiB idle", mib));
    }
  }
  return 0;
}

}  // namespace
}  // namespace tarn::bench

int main(int argc, char** argv) {
  CLI::App app("Measures how fast ingestion takes records in and how soon they are seen.",
               "tarn-bench-ingest");
  app.footer("Example:\n  tarn-bench-ingest --seconds 60 --json");
  double seconds = 60;
  bool json = false;
  app.add_option("--seconds", seconds, "How long the load is sustained")
      ->check(CLI::Range(3.0, 3600.0))
      ->capture_default_str();
  app.add_flag("--json", json, "One JSON object instead of a table");
  CLI11_PARSE(app, argc, argv);
  return tarn::bench::Run(seconds, json);
}
