// The one folder of a standalone Tarn: the lake, the state and a PostgreSQL of its own.
//
//   <data>/lake        the lake
//   <data>/secrets     administrator's, services' and signing keys
//   <data>/wal, …      the modules' state: ingestion's log, spilled data
//   <data>/postgres    the private PostgreSQL (common/postgres/private_cluster.h); absent when a
//                      DSN is given
//   <data>/run         standalone.json: process id and addresses, while it serves; lock: held
//                      (flock) by the process that the folder belongs to
//
// The folders are for their owner alone (mode 0700). Where root starts a private PostgreSQL, its
// user postgres has to pass through <data>, which is 0711 then: it cannot be listed, and what is
// in it stays shut. Folders that an earlier start or somebody's mkdir left open are shut.
#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>

#include "common/server/process_options.h"

namespace tarn {
class PrivateCluster;
}

namespace tarn::standalone {

// One object a process, used from the main thread, in the order of its methods.
class DataFolder {
 public:
  DataFolder();
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  // The option --data, to be filled before Prepare.
  std::string* path() { return &path_; }

  // Makes the folder, and puts lake, state, keys and ready file below it where the options do not
  // say otherwise. INVALID_ARGUMENT with reason INVALID_OPTION when the folder cannot be made,
  // written, or is none.
  absl::Status Prepare(server::ProcessOptions& options);
  // Takes the folder for this process; starts the private PostgreSQL unless a DSN is given, and
  // says where it is. FAILED_PRECONDITION with reason DATA_FOLDER_IN_USE, or an error of
  // PrivateCluster.
  absl::Status Open(server::ProcessOptions& options);
  // Stops the private PostgreSQL. The folder stays taken until the object goes.
  void Close();

 private:
  absl::Status TakeLock();

  std::string path_;
  int lock_fd_ = -1;
  std::unique_ptr<PrivateCluster> postgres_;
};

}  // namespace tarn::standalone
