// Sends files to ingestion, several at once, each with its SHA-256. A large file goes on where it
// was when the connection broke, or an earlier command ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "services/cli/connection.h"
#include "services/cli/upload_plan.h"

namespace tarn::cli {

struct UploadReport {
  int created = 0;
  int replaced = 0;
  int unchanged = 0;
  struct Failure {
    std::string path;
    absl::Status status;
  };
  std::vector<Failure> failures;
};

// One use. Upload blocks the calling thread; the callback is called on others.
class FileUploader {
 public:
  // `table` is a full name. `on_bytes` hears of bytes as they are sent, once of each; of
  // those that an earlier command sent, too.
  FileUploader(Connection& connection, std::string table, std::function<void(int64_t)> on_bytes);

  // Sends every item; a file that fails does not stop the others, unless the server is gone or
  // knows no such caller.
  UploadReport Upload(const std::vector<UploadItem>& items);

 private:
  void Work(const std::vector<UploadItem>& items);
  absl::StatusOr<std::string> UploadOne(const UploadItem& item);
  std::string UploadId(const UploadItem& item, const std::string& sha256) const;
  // How much of the upload the server has from before.
  absl::StatusOr<int64_t> KeptBytes(const std::string& upload_id);
  // `shown` are the bytes that the callback heard of, and grows.
  absl::StatusOr<std::string> Send(const UploadItem& item, const std::string& sha256,
                                   const std::string& upload_id, int64_t offset, int64_t& shown);
  void Record(const UploadItem& item, const absl::StatusOr<std::string>& outcome);

  Connection& connection_;
  const std::string table_;
  const std::function<void(int64_t)> on_bytes_;
  const std::unique_ptr<ingestion::v1::IngestionService::Stub> stub_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  UploadReport report_;  // guarded by mutex_
};

}  // namespace tarn::cli
