// Puts files into the landing area: <lake>/<workspace>/landing/<database>/<table>/<k=v>/…/<file>.
//
// A file is received into the hidden folder <lake>/<workspace>/.uploads/, which no crawler sees,
// checked, flushed, and renamed into place: it appears whole or not at all. An upload that breaks
// off removes what it received, unless it is resumable: then its part stays until the upload is
// taken up again or `expiry` is over. A part is locked (flock) while somebody writes to it, so that
// instances that share the lake leave each other's alone; one whose process was killed is removed
// at the next start. What a resumed part holds is checked with the rest, against the SHA-256 of the
// whole. The event tarn.ingestion.file.uploaded follows every file that appeared, also across a
// kill: an intent row is written before the rename and removed with the event. It names its
// instance, which looks after it at the next start; others do when its lease is over.
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
#include "common/digest/sha256.h"
#include "common/lake/lake_paths.h"
#include "common/postgres/postgres_pool.h"
#include "services/ingestion/ingestion_metrics.h"

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
  // Of a resumable upload: the name of its part, and where its next bytes belong.
  std::string part;
  int64_t offset = 0;
};

// INVALID_ARGUMENT (INVALID_FIELD) lists what is wrong with the header. `user` is who uploads.
absl::StatusOr<UploadTarget> CheckUploadHeader(std::string_view workspace, std::string_view user,
                                               const v1::UploadHeader& header);

class FileUploads;

// One file on its way; one thread. Without Finish nothing is left behind but the part of a
// resumable upload.
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
  // Reads what the part holds already into the digest.
  absl::Status ReadKept();

  FileUploads& uploads_;
  const UploadTarget target_;
  const std::filesystem::path temporary_;
  int fd_;
  int64_t bytes_ = 0;
  bool keep_ = false;  // the part, when the upload ends without success
  Sha256 digest_;
};

// Thread safe; outlives its uploads.
class FileUploads {
 public:
  // `instance` is the same after a restart, and no other's. `expiry` of the parts of resumable
  // uploads, from their last byte on.
  FileUploads(const lake::LakePaths& lake, PostgresPool& pool, Clock& clock,
              IngestionMetrics& metrics, std::string instance, absl::Duration expiry)
      : lake_(lake),
        pool_(pool),
        clock_(clock),
        metrics_(metrics),
        instance_(std::move(instance)),
        expiry_(expiry) {}

  // OUT_OF_RANGE OFFSET_MISMATCH; UNAVAILABLE UPLOAD_IN_PROGRESS while an earlier call for the same
  // part has not ended.
  absl::StatusOr<std::unique_ptr<FileUpload>> Begin(UploadTarget target);
  // What is kept of a resumable upload. NOT_FOUND UPLOAD_NOT_FOUND.
  absl::StatusOr<v1::Upload> Get(std::string_view workspace, std::string_view user,
                                 const std::string& upload_id) const;

  // Makes a file that lies in the lake appear under `target`, with its event: flushed, renamed,
  // told of also across a kill. UNCHANGED when the same bytes are there already: the file stays
  // where it was then. `sha256` and `byte_count` are the file's.
  absl::StatusOr<v1::UploadFileResponse> Publish(const UploadTarget& target,
                                                 const std::filesystem::path& file,
                                                 int64_t byte_count, const std::string& request_id);

  // Removes what uploads that were killed left behind, and resumable ones that nobody took up
  // again. At start, and now and then.
  void RemoveLeftovers();
  // Tells of files that appeared just before a kill or a loss of PostgreSQL, of this instance or of
  // one that has been gone for a while. Now and then.
  absl::Status FinishIntents();

 private:
  friend class FileUpload;

  std::filesystem::path PartsFolder(std::string_view workspace) const;

  const lake::LakePaths& lake_;
  PostgresPool& pool_;
  Clock& clock_;
  IngestionMetrics& metrics_;
  const std::string instance_;
  const absl::Duration expiry_;
  // Intents of uploads that are still at work, which FinishIntents leaves alone.
  std::mutex mutex_;
  std::set<std::string> active_;
};

}  // namespace tarn::ingestion
