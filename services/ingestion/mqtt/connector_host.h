// Runs connectors in this process: takes the leases of those that nobody holds, runs them, and lets
// go of those that were changed, paused or deleted.
//
// Thread safe. Everything referred to outlives it.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "services/ingestion/mqtt/connector_runner.h"

namespace tarn::ingestion::mqtt {

class ConnectorHost {
 public:
  ConnectorHost(const ConnectorDependencies& dependencies, std::string holder,
                int64_t max_connectors)
      : deps_(dependencies), holder_(std::move(holder)), max_connectors_(max_connectors) {}
  ~ConnectorHost() { Stop(); }
  ConnectorHost(const ConnectorHost&) = delete;
  ConnectorHost& operator=(const ConnectorHost&) = delete;

  void Start();
  // Ends all connections. What was not acknowledged, brokers keep. Idempotent.
  void Stop();
  // A connector was made or changed: looks at once.
  void Notify();

 private:
  using Key = std::pair<std::string, std::string>;  // workspace, id

  void Work();
  // Ends the runners whose connector is another by now.
  void EndChanged();
  void TakeFree();

  const ConnectorDependencies deps_;
  const std::string holder_;
  const int64_t max_connectors_;
  // Of the host's thread alone, and of Stop after it.
  std::map<Key, std::unique_ptr<ConnectorRunner>> runners_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  bool notified_ = false;
  std::thread thread_;
};

}  // namespace tarn::ingestion::mqtt
