// Ingestion's options and their defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "common/config/option_value.h"

namespace tarn::config {
class OptionSet;
}

namespace tarn::ingestion {

struct IngestionOptions {
  // Of the write-ahead log, <state>/wal.
  config::ByteSize wal_segment_size{64LL << 20};
  config::ByteSize wal_max_size{16LL << 30};
  config::ByteSize wal_cache_size{128LL << 20};
  config::ByteSize wal_queue_size{64LL << 20};
  absl::Duration wal_full_wait = absl::Seconds(5);
  absl::Duration producer_retention = absl::Hours(24);
  std::int64_t max_producers = 100'000;
  // Of the ways in.
  std::string http_listen = "127.0.0.1:7203";
  std::int64_t http_threads = 2;
  std::int64_t max_ingest_calls = 1000;
  config::ByteSize ingest_in_flight_size{16LL << 20};
  // Of delivery.
  std::int64_t delivery_workers = 2;
  std::int64_t engine_threads = 2;
  config::ByteSize engine_memory{512LL << 20};
  std::int64_t postgres_connections = 8;
  // Of activities: where functions may be called, "host:port" or "host:*", and how long the
  // expressions of one batch may take.
  std::vector<std::string> function_addresses;
  absl::Duration activity_timeout = absl::Seconds(60);
  // Of raw copies: how often those whose time is over are looked for.
  absl::Duration raw_retention_interval = absl::Minutes(1);
  // Of reprocesses: how long after the end of an instance another goes on with its own, and when
  // the log of an instance that was not seen counts as one that nobody writes.
  absl::Duration reprocess_lease = absl::Seconds(30);
  absl::Duration log_away_time = absl::Seconds(60);
  // Of parts of uploads that broke off.
  absl::Duration upload_expiry = absl::Hours(24);
  // Of files in drop folders.
  absl::Duration drop_settle_time = absl::Seconds(10);
  // Of the device registry, in each workspace.
  std::int64_t max_devices = 100'000;
  // Of connectors. Empty: <state>/connector-secrets.
  std::string connector_secrets_path;
  std::int64_t max_connectors = 64;
  absl::Duration connector_lease = absl::Seconds(30);
};

// Adds them to `set` under "ingestion."; `options` outlives it.
void RegisterOptions(config::OptionSet& set, IngestionOptions* options);

}  // namespace tarn::ingestion
