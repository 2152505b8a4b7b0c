// Sends files to ingestion, several at once, each with its SHA-256.
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
  // `table` is a full name. `on_bytes` hears of bytes as they are sent (of a file that is sent
  // again, again).
  FileUploader(Connection& connection, std::string table, std::function<void(int64_t)> on_bytes);

  // Sends every item; a file that fails does not stop the others, unless the server is gone or
  // knows no such caller.
  UploadReport Upload(const std::vector<UploadItem>& items);

 private:
  void Work(const std::vector<UploadItem>& items);
  absl::StatusOr<std::string> UploadOne(const UploadItem& item);
  absl::StatusOr<std::string> Send(const UploadItem& item, const std::string& sha256);
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
