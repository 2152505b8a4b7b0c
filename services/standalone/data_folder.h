// The one folder of a standalone Tarn: the lake, the state and a PostgreSQL of its own.
//
//   <data>/lake        the lake
//   <data>/secrets     administrator's, services' and signing keys
//   <data>/wal, query  ingestion's log, spilled data
//   <data>/postgres    the private PostgreSQL (common/postgres/private_cluster.h); absent when a
//   DSN is given <data>/run         standalone.json: process id and addresses, while it serves
#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>

#include "common/server/process_options.h"

namespace tarn {
class PrivateCluster;
}

namespace tarn::standalone {

// One object a process, used from the main thread.
class DataFolder {
 public:
  DataFolder();
  ~DataFolder();

  // The option --data, to be filled before Adjust.
  std::string* path() { return &path_; }

  // Puts lake, state, keys and ready file below the folder, where the options do not say otherwise.
  void Adjust(server::ProcessOptions& options);
  // Starts the private PostgreSQL unless a DSN is given, and says where it is. Errors: those of
  // PrivateCluster.
  absl::Status StartPostgres(server::ProcessOptions& options);
  void StopPostgres();

 private:
  std::string path_;
  std::unique_ptr<PrivateCluster> postgres_;
};

}  // namespace tarn::standalone
