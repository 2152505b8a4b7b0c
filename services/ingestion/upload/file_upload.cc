#include "services/ingestion/upload/file_upload.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>
#include <nlohmann/json.hpp>

#include "common/events/event.h"
#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/lake/hive_partition.h"
#include "common/logging/logging.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {

namespace fs = std::filesystem;

namespace {

constexpr char kUploadsFolder[] = ".uploads";
constexpr size_t kMaxPartitions = 16;

// Why a name cannot be a segment of a path that a crawler reads; "" when it can.
std::string SegmentProblem(std::string_view name) {
  if (name.empty()) return "must not be empty";
  if (name.size() > 255) return "must have at most 255 bytes";
  if (name[0] == '.' || name[0] == '_') {
    return "must not begin with . or _ (such files are hidden from crawlers)";
  }
  if (name.find_first_of("/\\") != std::string_view::npos) return "must not hold / or \\";
  if (!lake::ValidateRelativePath(name).ok()) return "must be UTF-8 without control characters";
  return "";
}

absl::Status AppendUploadedEvent(Transaction& txn, const UploadTarget& target, int64_t byte_count,
                                 const std::string& outcome, const std::string& request_id) {
  const nlohmann::json data = {{"path", target.landing_path},
                               {"byte_count", byte_count},
                               {"sha256", target.sha256},
                               {"outcome", outcome}};
  return events::Append(txn, {.workspace = target.workspace,
                              .type = "tarn.ingestion.file.uploaded",
                              .source = "ingestion",
                              .subject = target.table,
                              .data = data.dump(),
                              .request_id = request_id});
}

}  // namespace

absl::StatusOr<UploadTarget> CheckUploadHeader(std::string_view workspace,
                                               const v1::UploadHeader& header) {
  std::vector<FieldViolation> violations;
  UploadTarget target;
  target.workspace = std::string(workspace);
  target.table = header.table();
  std::string folder;
  if (const auto table = names::ParseTable(header.table()); !table.ok()) {
    violations.push_back({"header.table", std::string(table.status().message())});
  } else if (names::IsReservedDatabase(table->database)) {
    violations.push_back({"header.table", "the database is reserved for Tarn itself"});
  } else {
    target.landing_path = absl::StrCat(table->database, "/", table->table);
    folder = lake::LakePaths::Landing(workspace, table->database, table->table);
  }
  std::string below;
  std::set<std::string> keys;
  if (header.partitions_size() > static_cast<int>(kMaxPartitions)) {
    violations.push_back({"header.partitions", "at most 16"});
  }
  for (int i = 0; i < header.partitions_size(); ++i) {
    const std::string& partition = header.partitions(i);
    const std::string field = absl::StrCat("header.partitions[", i, "]");
    const size_t equals = partition.find('=');
    std::string problem = SegmentProblem(partition);
    if (equals == std::string::npos || equals == 0) problem = "must be of the form key=value";
    if (problem.empty() &&
        !keys.insert(absl::AsciiStrToLower(partition.substr(0, equals))).second) {
      problem = "the same key is there twice";
    }
    if (!problem.empty()) violations.push_back({field, problem});
    absl::StrAppend(&below, partition, "/");
  }
  if (const std::string problem = SegmentProblem(header.file_name()); !problem.empty()) {
    violations.push_back({"header.file_name", problem});
  }
  if (header.file_name().find('=') != std::string::npos) {
    violations.push_back({"header.file_name", "must not hold =, as folders of partitions do"});
  }
  absl::StrAppend(&below, header.file_name());
  target.landing_path += "/" + below;
  target.lake_path = absl::StrCat(folder, "/", below);
  target.sha256 = absl::AsciiStrToLower(header.sha256());
  if (target.sha256.size() != 64 ||
      target.sha256.find_first_not_of("0123456789abcdef") != std::string::npos) {
    violations.push_back({"header.sha256", "must be the SHA-256 in 64 hexadecimal digits"});
  }
  if (header.has_byte_count()) target.byte_count = header.byte_count();
  if (target.byte_count < -1 || target.byte_count > kMaxFileBytes) {
    violations.push_back({"header.byte_count", "must be -1 (not known) or 0 to 64 GiB"});
  }
  if (!violations.empty()) return InvalidFields(std::move(violations));
  return target;
}

// ---- One upload ---------------------------------------------------------------------------------

FileUpload::FileUpload(FileUploads& uploads, UploadTarget target, fs::path temporary, int fd)
    : uploads_(uploads), target_(std::move(target)), temporary_(std::move(temporary)), fd_(fd) {}

FileUpload::~FileUpload() {
  if (fd_ >= 0) ::close(fd_);
  ::unlink(temporary_.c_str());  // renamed already when all went well
}

absl::Status FileUpload::Append(std::string_view chunk) {
  if (static_cast<int64_t>(chunk.size()) > kMaxChunkBytes) {
    return InvalidArgument("CHUNK_TOO_LARGE",
                           absl::StrCat("a chunk has ", chunk.size(), " bytes; at most ",
                                        kMaxChunkBytes, " are taken"));
  }
  const int64_t limit = target_.byte_count >= 0 ? target_.byte_count : kMaxFileBytes;
  if (bytes_ + static_cast<int64_t>(chunk.size()) > limit) {
    return InvalidArgument(
        target_.byte_count >= 0 ? "SIZE_MISMATCH" : "FILE_TOO_LARGE",
        absl::StrCat("more bytes arrive than the ", limit,
                     target_.byte_count >= 0 ? " that the header announced" : " that are allowed",
                     "; the file was not kept"));
  }
  digest_.Update(chunk);
  bytes_ += static_cast<int64_t>(chunk.size());
  while (!chunk.empty()) {
    const ssize_t written = ::write(fd_, chunk.data(), chunk.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return lake::FileError(errno, "write the upload", target_.landing_path);
    }
    chunk.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::UploadFileResponse> FileUpload::Finish(const std::string& request_id) {
  if (target_.byte_count >= 0 && bytes_ != target_.byte_count) {
    return InvalidArgument("SIZE_MISMATCH",
                           absl::StrCat("the header announced ", target_.byte_count, " bytes, ",
                                        bytes_, " arrived; the file was not kept. Send it again"));
  }
  const std::string sha256 = digest_.Hex();
  if (sha256 != target_.sha256) {
    return InvalidArgument(
        "CHECKSUM_MISMATCH",
        absl::StrCat("the header says SHA-256 ", target_.sha256, ", what arrived has ", sha256,
                     "; the file was not kept. Send it again"),
        {{"expected", target_.sha256}, {"actual", sha256}});
  }
  TARN_ASSIGN_OR_RETURN(const fs::path path, uploads_.lake_.ToAbsolute(target_.lake_path));
  v1::UploadFileResponse response;
  response.set_path(target_.landing_path);
  response.set_byte_count(bytes_);
  response.set_sha256(sha256);
  std::error_code error;
  const fs::file_status existing = fs::symlink_status(path, error);
  if (fs::exists(existing) && !fs::is_regular_file(existing)) {
    return FailedPrecondition(
        "NOT_A_FILE", absl::StrCat(target_.landing_path, " is there and is no file; remove it"));
  }
  if (fs::exists(existing) && static_cast<int64_t>(fs::file_size(path, error)) == bytes_ &&
      Sha256OfFile(path) == sha256) {
    response.set_outcome("UNCHANGED");
    const auto written = fs::last_write_time(path, error);
    const auto time = std::chrono::file_clock::to_sys(written);
    *response.mutable_create_time() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
    return response;
  }
  response.set_outcome(fs::exists(existing) ? "REPLACED" : "CREATED");
  if (::fsync(fd_) != 0) return lake::FileError(errno, "flush the upload", target_.landing_path);
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(path.parent_path()));

  const std::string upload_id = NewUuid();
  {
    std::lock_guard lock(uploads_.mutex_);
    uploads_.active_.insert(upload_id);
  }
  struct Inactive {
    FileUploads& uploads;
    const std::string& id;
    ~Inactive() {
      std::lock_guard lock(uploads.mutex_);
      uploads.active_.erase(id);
    }
  } inactive{uploads_, upload_id};
  TARN_RETURN_IF_ERROR(uploads_.pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "INSERT INTO ingestion.uploads (upload_id, workspace, table_name, path, byte_count, "
        "sha256, "
        "outcome, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        upload_id, target_.workspace, target_.table, target_.landing_path, bytes_, sha256,
        response.outcome(), request_id);
    return absl::OkStatus();
  }));
  TARN_FAILPOINT("ingestion.upload.before_rename");
  TARN_RETURN_IF_ERROR(lake::PublishFile(temporary_, path));
  TARN_FAILPOINT("ingestion.upload.after_rename");
  *response.mutable_create_time() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
      absl::ToUnixMicros(uploads_.clock_.Now()));
  uploads_.metrics_.files_uploaded.Increment();
  uploads_.metrics_.upload_bytes.Increment(static_cast<double>(bytes_));
  // The file is there; should PostgreSQL be away now, FinishIntents tells of it later.
  const absl::Status told = uploads_.pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("DELETE FROM ingestion.uploads WHERE upload_id = $1", upload_id);
    return AppendUploadedEvent(txn, target_, bytes_, response.outcome(), request_id);
  });
  if (!told.ok()) {
    logging::Warn("ingestion", "the event of an uploaded file is told later", told,
                  {{"path", target_.landing_path}});
  }
  return response;
}

// ---- All uploads --------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<FileUpload>> FileUploads::Begin(UploadTarget target) {
  // Refuses a landing folder that leads out of the lake before a byte is taken.
  TARN_RETURN_IF_ERROR(lake_.ToAbsolute(target.lake_path).status());
  const std::string landing = lake::LakePaths::Landing(target.workspace, "d", "t");
  const fs::path folder =
      lake_.root() / fs::path(landing).parent_path().parent_path().parent_path() / kUploadsFolder;
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(folder));
  const fs::path temporary = folder / (NewUuid() + ".part");
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return lake::FileError(errno, "make", temporary);
  if (target.byte_count > 0) {
    // Says at once that the disk is too small, where the file system can tell.
    const bool failed =
        ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(target.byte_count)) != 0;
    const int error = errno;
    if (failed && (error == ENOSPC || error == EDQUOT)) {
      ::close(fd);
      ::unlink(temporary.c_str());
      return lake::FileError(error, "make room for the upload", target.landing_path);
    }
  }
  return std::unique_ptr<FileUpload>(new FileUpload(*this, std::move(target), temporary, fd));
}

void FileUploads::RemoveLeftovers() {
  std::error_code error;
  int removed = 0;
  for (const fs::directory_entry& workspace : fs::directory_iterator(lake_.root(), error)) {
    std::error_code none;
    for (const fs::directory_entry& file :
         fs::directory_iterator(workspace.path() / kUploadsFolder, none)) {
      if (file.path().extension() == ".part" && fs::remove(file.path(), none)) ++removed;
    }
  }
  if (removed > 0) {
    logging::Info("ingestion", "removed files of interrupted uploads", {{"files", removed}});
  }
}

absl::Status FileUploads::FinishIntents() {
  struct Intent {
    std::string id, outcome, request_id;
    int64_t byte_count = 0;
    UploadTarget target;
  };
  std::vector<Intent> intents;
  TARN_RETURN_IF_ERROR(pool_.RunReadOnly([&](Transaction& txn) -> absl::Status {
    intents.clear();
    for (const Row row : txn.Exec("SELECT upload_id, workspace, table_name, path, byte_count, "
                                  "sha256, outcome, request_id FROM ingestion.uploads LIMIT "
                                  "1000")) {
      Intent& intent = intents.emplace_back();
      intent.id = row.Get<std::string>("upload_id");
      intent.outcome = row.Get<std::string>("outcome");
      intent.request_id = row.Get<std::string>("request_id");
      intent.byte_count = row.Get<int64_t>("byte_count");
      intent.target.workspace = row.Get<std::string>("workspace");
      intent.target.table = row.Get<std::string>("table_name");
      intent.target.landing_path = row.Get<std::string>("path");
      intent.target.sha256 = row.Get<std::string>("sha256");
    }
    return absl::OkStatus();
  }));
  for (const Intent& intent : intents) {
    {
      std::lock_guard lock(mutex_);
      if (active_.contains(intent.id)) continue;
    }
    TARN_ASSIGN_OR_RETURN(const auto table, names::ParseTable(intent.target.table));
    const fs::path landing = lake_.root() / lake::LakePaths::Landing(intent.target.workspace,
                                                                     table.database, table.table);
    const fs::path path = landing.parent_path().parent_path() / intent.target.landing_path;
    const bool appeared = Sha256OfFile(path) == intent.target.sha256;
    TARN_RETURN_IF_ERROR(pool_.Run([&](Transaction& txn) -> absl::Status {
      const Result removed =
          txn.Exec("DELETE FROM ingestion.uploads WHERE upload_id = $1", intent.id);
      if (removed.affected_rows() == 0 || !appeared) return absl::OkStatus();
      return AppendUploadedEvent(txn, intent.target, intent.byte_count, intent.outcome,
                                 intent.request_id);
    }));
  }
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
