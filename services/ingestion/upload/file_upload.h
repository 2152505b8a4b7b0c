// Puts files into the landing area: <lake>/<workspace>/landing/<database>/<table>/<k=v>/…/<file>.
//
// A file is received into the hidden folder <lake>/<workspace>/.uploads/, which no crawler sees,
// checked, flushed, and renamed into place: it appears whole or not at all. An upload that breaks
// off removes what it received; one whose process was killed is removed by CleanUp at the next
// start. The event tarn.ingestion.file.uploaded follows every file that appeared, also across a
// kill: an intent row is written before the rename and removed with the event.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "common/clock/clock.h"
#include "common/lake/lake_paths.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/upload/sha256.h"

namespace tarn::ingestion {

inline constexpr int64_t kMaxFileBytes = 64LL << 30;
inline constexpr int64_t kMaxChunkBytes = 4LL << 20;

// Checked and in the form in which it is used.
struct UploadTarget {
  std::string workspace;
  std::string table;         // its resource name
  std::string landing_path;  // below the landing area: "smart_hub/usage_json/dt=2020-01-01/a.json"
  std::string lake_path;     // below the lake
  std::string sha256;        // lower case
  int64_t byte_count = -1;   // as announced
};

// INVALID_ARGUMENT (INVALID_FIELD) lists what is wrong with the header.
absl::StatusOr<UploadTarget> CheckUploadHeader(std::string_view workspace,
                                               const v1::UploadHeader& header);

class FileUploads;

// One file on its way; one thread. Without Finish nothing is left behind.
class FileUpload {
 public:
  ~FileUpload();
  FileUpload(const FileUpload&) = delete;
  FileUpload& operator=(const FileUpload&) = delete;

  // RESOURCE_EXHAUSTED DISK_FULL; INVALID_ARGUMENT FILE_TOO_LARGE, CHUNK_TOO_LARGE.
  absl::Status Append(std::string_view chunk);
  // INVALID_ARGUMENT CHECKSUM_MISMATCH, SIZE_MISMATCH: the file is gone then.
  absl::StatusOr<v1::UploadFileResponse> Finish(const std::string& request_id);

 private:
  friend class FileUploads;
  FileUpload(FileUploads& uploads, UploadTarget target, std::filesystem::path temporary, int fd);

  FileUploads& uploads_;
  const UploadTarget target_;
  const std::filesystem::path temporary_;
  int fd_;
  int64_t bytes_ = 0;
  Sha256 digest_;
};

// Thread safe; outlives its uploads.
class FileUploads {
 public:
  FileUploads(const lake::LakePaths& lake, PostgresPool& pool, Clock& clock,
              IngestionMetrics& metrics)
      : lake_(lake), pool_(pool), clock_(clock), metrics_(metrics) {}

  absl::StatusOr<std::unique_ptr<FileUpload>> Begin(UploadTarget target);

  // Removes what uploads that were killed left behind. At start, before the first Begin.
  void RemoveLeftovers();
  // Tells of files that appeared just before a kill or a loss of PostgreSQL. Now and then.
  absl::Status FinishIntents();

 private:
  friend class FileUpload;

  const lake::LakePaths& lake_;
  PostgresPool& pool_;
  Clock& clock_;
  IngestionMetrics& metrics_;
  // Intents of uploads that are still at work, which FinishIntents leaves alone.
  std::mutex mutex_;
  std::set<std::string> active_;
};

}  // namespace tarn::ingestion
