// Runs one connector while its lease is held: connects, stores messages in the write-ahead log,
// connects again after a failure (0.5 s to 30 s later), and reports how it is doing.
//
// Owns a thread for the connection. Everything referred to outlives it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/auth/token_provider.h"
#include "common/auth/token_verifier.h"
#include "common/lease/lease_keeper.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/mqtt/connector.h"
#include "services/ingestion/mqtt/connector_store.h"
#include "services/ingestion/mqtt/mqtt_connection.h"
#include "services/ingestion/mqtt/mqtt_metrics.h"
#include "services/ingestion/mqtt/topic_pattern.h"
#include "services/ingestion/stream/stream_registry.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion::mqtt {

struct ConnectorDependencies {
  PostgresPool& pool;
  ConnectorStore& store;
  StreamRegistry& streams;
  WriteAheadLog& wal;
  auth::TokenProvider& tokens;
  auth::TokenVerifier& verifier;
  MqttMetrics& metrics;
  // Certificates, keys and passwords of connectors, in a folder for each workspace.
  std::filesystem::path secrets;
  // How long after its end another instance takes over.
  absl::Duration lease_time;
};

class ConnectorRunner {
 public:
  // Begins at once.
  ConnectorRunner(const ConnectorDependencies& dependencies, Connector connector, Lease lease);
  // Stops, reports, and gives the lease up.
  ~ConnectorRunner();
  ConnectorRunner(const ConnectorRunner&) = delete;
  ConnectorRunner& operator=(const ConnectorRunner&) = delete;

  // Any thread; returns at once.
  void RequestStop();
  // Another instance has taken over, or may have.
  bool lost() const { return keeper_.lost(); }
  const Connector& connector() const { return connector_; }

  // Reports what was stored since the last time, and now and then asks whether the owner may still
  // write. Called every few seconds by one thread.
  void Tick();

 private:
  // Shared with the callbacks of the log.
  struct Counts {
    std::atomic<int64_t> messages = 0;
    std::atomic<int64_t> duplicates = 0;
  };

  void Work();
  // Connects, and receives until that ends.
  absl::Status RunConnection();
  absl::StatusOr<ConnectionOptions> MakeOptions() const;
  std::filesystem::path SecretPath(const std::string& file) const;
  absl::StatusOr<std::string> ReadCertificate(const char* field, const std::string& file) const;
  absl::StatusOr<std::string> ReadSecret(const char* field, const std::string& file) const;
  // OK also while that cannot be asked.
  absl::Status CheckOwner() const;
  void Store(const StreamPtr& stream, std::string_view topic, std::string_view payload,
             Connection::Done done);
  void OnSubscribed();
  void Report(const std::string& error, bool changed);
  // False when the runner is to stop.
  bool WaitFor(absl::Duration duration);
  bool IsStopping();

  const ConnectorDependencies deps_;
  const Connector connector_;
  const TopicPattern pattern_;
  const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();

  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  bool connected_ = false;
  bool refused_ = false;  // by CheckOwner, while connected
  std::string subscribed_filter_;
  Connection* connection_ = nullptr;  // while it runs
  absl::Time owner_checked_ = absl::InfinitePast();

  LeaseKeeper keeper_;
  std::thread thread_;  // last: it uses what is above
};

}  // namespace tarn::ingestion::mqtt
