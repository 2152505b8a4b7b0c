#include "services/ingestion/ingestion_options.h"

#include "common/config/option_set.h"
#include "common/status/error.h"

namespace tarn::ingestion {
namespace {

absl::Status AtLeastOneMiB(const config::ByteSize& size) {
  if (size.bytes >= 1 << 20) return absl::OkStatus();
  return InvalidArgument("INVALID_OPTION", "must be at least 1MiB");
}

absl::Status NotNegative(const absl::Duration& duration) {
  if (duration >= absl::ZeroDuration()) return absl::OkStatus();
  return InvalidArgument("INVALID_OPTION", "must not be negative");
}

absl::Status AtLeastOneMinute(const absl::Duration& duration) {
  if (duration >= absl::Minutes(1)) return absl::OkStatus();
  return InvalidArgument("INVALID_OPTION", "must be at least 1m");
}

}  // namespace

void RegisterOptions(config::OptionSet& set, IngestionOptions* options) {
  set.Add("ingestion.wal_segment_size", &options->wal_segment_size,
          "size at which a new segment of the write-ahead log begins", AtLeastOneMiB);
  set.Add("ingestion.wal_max_size", &options->wal_max_size,
          "undelivered bytes on disk above which records are refused", AtLeastOneMiB);
  set.Add("ingestion.wal_cache_size", &options->wal_cache_size,
          "undelivered records kept in memory; the rest is read back from the log", AtLeastOneMiB);
  set.Add("ingestion.wal_queue_size", &options->wal_queue_size,
          "records that may wait in memory for the write-ahead log; more are refused",
          AtLeastOneMiB);
  set.Add("ingestion.wal_full_wait", &options->wal_full_wait,
          "time that records wait for room in a full write-ahead log before they are refused",
          NotNegative);
  set.Add("ingestion.producer_retention", &options->producer_retention,
          "time after its last batch for which a producer's sequence is remembered",
          AtLeastOneMinute);
  set.Add("ingestion.max_producers", &options->max_producers,
          "producers whose sequences are remembered at the same time", config::MustBePositive);
  set.Add("ingestion.http_listen", &options->http_listen,
          "address at which records are taken over HTTP, host:port; empty serves none");
  set.Add("ingestion.http_threads", &options->http_threads, "threads that serve HTTP",
          config::MustBePositive);
  set.Add("ingestion.max_ingest_calls", &options->max_ingest_calls,
          "Ingest calls that may be open at the same time", config::MustBePositive);
  set.Add("ingestion.ingest_in_flight_size", &options->ingest_in_flight_size,
          "bytes that one Ingest call reads before they are acknowledged; more waits",
          AtLeastOneMiB);
  set.Add("ingestion.delivery_workers", &options->delivery_workers,
          "destinations that are delivered to at the same time", config::MustBePositive);
  set.Add("ingestion.engine_threads", &options->engine_threads,
          "threads that turn records into Parquet", config::MustBePositive);
  set.Add("ingestion.engine_memory", &options->engine_memory,
          "memory that turning records into Parquet may take", AtLeastOneMiB);
  set.Add("ingestion.postgres_connections", &options->postgres_connections,
          "connections to PostgreSQL at most", config::MustBePositive);
  set.Add(
      "ingestion.function_addresses", &options->function_addresses,
      "host:port (or host:*) of functions that streams may call, divided by commas; empty: none");
  set.Add("ingestion.activity_timeout", &options->activity_timeout,
          "how long the activities' expressions of one batch may take",
          config::MustBePositiveDuration);
  set.Add("ingestion.raw_retention_interval", &options->raw_retention_interval,
          "how often raw copies whose retention is over are looked for and removed",
          config::MustBePositiveDuration);
  set.Add("ingestion.reprocess_lease", &options->reprocess_lease,
          "how long after the end of an instance another one goes on with its reprocess",
          config::MustBePositiveDuration);
  set.Add("ingestion.log_away_time", &options->log_away_time,
          "how long an instance must not have been seen for its write-ahead log to count as one "
          "that nobody writes",
          config::MustBePositiveDuration);
  set.Add("ingestion.upload_expiry", &options->upload_expiry,
          "how long what arrived of an upload that broke off is kept",
          config::MustBePositiveDuration);
  set.Add("ingestion.drop_settle_time", &options->drop_settle_time,
          "how long a file in a drop folder must not have changed to be whole",
          config::MustBePositiveDuration);
  set.Add("ingestion.max_devices", &options->max_devices,
          "devices that the registry keeps for each workspace at most", config::MustBePositive);
  set.Add("ingestion.connector_secrets_path", &options->connector_secrets_path,
          "folder, with one for each workspace, of the files that connectors name; "
          "<state>/connector-secrets when empty");
  set.Add("ingestion.max_connectors", &options->max_connectors,
          "connectors that this instance runs at most", config::MustBePositive);
  set.Add("ingestion.connector_lease", &options->connector_lease,
          "how long after the end of an instance another one takes over its connectors",
          config::MustBePositiveDuration);
}

}  // namespace tarn::ingestion
