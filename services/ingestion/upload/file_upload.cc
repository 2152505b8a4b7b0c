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
#include <sys/file.h>
#include <sys/stat.h>

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
constexpr size_t kMaxUploadIdBytes = 128;
// How long other instances leave an intent alone: the rename that it is for takes milliseconds, as
// the file is flushed before.
constexpr absl::Duration kIntentLease = absl::Minutes(10);
// Parts of resumable uploads begin so.
constexpr char kResumable[] = "resumable-";

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

bool IsUploadId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxUploadIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                  c == '-';
         });
}

// Each user has ids of its own.
std::string PartName(std::string_view user, std::string_view upload_id) {
  Sha256 digest;
  digest.Update(absl::StrCat(user.size(), ":"));
  digest.Update(user);
  digest.Update(upload_id);
  return absl::StrCat(kResumable, digest.Hex().substr(0, 32), ".part");
}

// Opens a part and locks it. The file that is locked may have been removed or published just
// before: then another one is opened.
absl::StatusOr<int> OpenPart(const fs::path& path, int flags) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) return lake::FileError(errno, "open", path);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      ::close(fd);
      if (error == EINTR) continue;
      if (error != EWOULDBLOCK) return lake::FileError(error, "lock", path);
      return Unavailable("UPLOAD_IN_PROGRESS",
                         "an earlier call for this upload has not ended yet; try again soon");
    }
    struct stat opened {};
    struct stat there {};
    if (::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &there) == 0 &&
        opened.st_ino == there.st_ino && opened.st_dev == there.st_dev) {
      return fd;
    }
    ::close(fd);
  }
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

absl::StatusOr<UploadTarget> CheckUploadHeader(std::string_view workspace, std::string_view user,
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
  if (!header.upload_id().empty()) {
    target.part = PartName(user, header.upload_id());
    target.offset = header.offset();
    if (!IsUploadId(header.upload_id())) {
      violations.push_back({"header.upload_id", "must be 1 to 128 letters, digits and . _ -"});
    }
  } else if (header.offset() != 0) {
    violations.push_back({"header.offset", "needs an upload_id"});
  }
  if (header.offset() < 0 || header.offset() > kMaxFileBytes) {
    violations.push_back({"header.offset", "must be 0 to 64 GiB"});
  }
  if (!violations.empty()) return InvalidFields(std::move(violations));
  return target;
}

// ---- One upload ---------------------------------------------------------------------------------

FileUpload::FileUpload(FileUploads& uploads, UploadTarget target, fs::path temporary, int fd)
    : uploads_(uploads),
      target_(std::move(target)),
      temporary_(std::move(temporary)),
      fd_(fd),
      keep_(!target_.part.empty()) {}

FileUpload::~FileUpload() {
  // Before the lock is given up: afterwards the part may be somebody else's.
  if (!keep_) ::unlink(temporary_.c_str());
  ::close(fd_);
}

absl::Status FileUpload::ReadKept() {
  std::vector<char> buffer(1 << 20);
  while (bytes_ < target_.offset) {
    const size_t want = std::min(buffer.size(), static_cast<size_t>(target_.offset - bytes_));
    const ssize_t got = ::pread(fd_, buffer.data(), want, bytes_);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return lake::FileError(got < 0 ? errno : EIO, "read the kept part of", temporary_);
    digest_.Update({buffer.data(), static_cast<size_t>(got)});
    bytes_ += got;
  }
  return absl::OkStatus();
}

absl::Status FileUpload::Append(std::string_view chunk) {
  if (static_cast<int64_t>(chunk.size()) > kMaxChunkBytes) {
    return InvalidArgument("CHUNK_TOO_LARGE",
                           absl::StrCat("a chunk has ", chunk.size(), " bytes; at most ",
                                        kMaxChunkBytes, " are taken"));
  }
  const int64_t limit = target_.byte_count >= 0 ? target_.byte_count : kMaxFileBytes;
  if (bytes_ + static_cast<int64_t>(chunk.size()) > limit) {
    keep_ = false;
    return InvalidArgument(
        target_.byte_count >= 0 ? "SIZE_MISMATCH" : "FILE_TOO_LARGE",
        absl::StrCat("more bytes arrive than the ", limit,
                     target_.byte_count >= 0 ? " that the header announced" : " that are allowed",
                     "; the file was not kept"));
  }
  while (!chunk.empty()) {
    const ssize_t written = ::pwrite(fd_, chunk.data(), chunk.size(), bytes_);
    if (written < 0) {
      if (errno == EINTR) continue;
      return lake::FileError(errno, "write the upload", target_.landing_path);
    }
    digest_.Update(chunk.substr(0, static_cast<size_t>(written)));
    bytes_ += written;
    chunk.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::UploadFileResponse> FileUpload::Finish(const std::string& request_id) {
  if (target_.byte_count >= 0 && bytes_ != target_.byte_count) {
    return InvalidArgument(
        "SIZE_MISMATCH",
        absl::StrCat("the header announced ", target_.byte_count, " bytes, ", bytes_, " arrived; ",
                     keep_ ? "send the rest" : "the file was not kept. Send it again"));
  }
  const std::string sha256 = digest_.Hex();
  if (sha256 != target_.sha256) {
    keep_ = false;
    return InvalidArgument(
        "CHECKSUM_MISMATCH",
        absl::StrCat("the header says SHA-256 ", target_.sha256, ", what arrived has ", sha256,
                     "; the file was not kept. Send it again"),
        {{"expected", target_.sha256}, {"actual", sha256}});
  }
  absl::StatusOr<v1::UploadFileResponse> response =
      uploads_.Publish(target_, temporary_, bytes_, request_id);
  // Renamed by now: the part's name is free for somebody else. Only what was there already stays.
  if (response.ok()) keep_ = response->outcome() != "UNCHANGED";
  return response;
}

// ---- All uploads --------------------------------------------------------------------------------

fs::path FileUploads::PartsFolder(std::string_view workspace) const {
  const fs::path landing = lake::LakePaths::Landing(workspace, "d", "t");
  return lake_.root() / landing.parent_path().parent_path().parent_path() / kUploadsFolder;
}

absl::StatusOr<std::unique_ptr<FileUpload>> FileUploads::Begin(UploadTarget target) {
  // Refuses a landing folder that leads out of the lake before a byte is taken.
  TARN_RETURN_IF_ERROR(lake_.ToAbsolute(target.lake_path).status());
  const fs::path folder = PartsFolder(target.workspace);
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(folder));
  const bool resumable = !target.part.empty();
  const fs::path temporary = folder / (resumable ? target.part : NewUuid() + ".part");
  TARN_ASSIGN_OR_RETURN(const int fd, OpenPart(temporary, O_CREAT | (resumable ? 0 : O_EXCL)));
  const int64_t offset = target.offset;
  const int64_t byte_count = target.byte_count;
  const std::string landing_path = target.landing_path;
  std::unique_ptr<FileUpload> upload(new FileUpload(*this, std::move(target), temporary, fd));
  struct stat part {};
  if (::fstat(fd, &part) != 0) return lake::FileError(errno, "look at", temporary);
  if (offset > part.st_size) {
    return MakeError(absl::StatusCode::kOutOfRange, "OFFSET_MISMATCH",
                     absl::StrCat("the upload cannot go on after ", offset,
                                  " bytes: ", part.st_size, " are kept; go on there (GetUpload)"),
                     {{"committed_bytes", absl::StrCat(part.st_size)}});
  }
  if (offset < part.st_size && ::ftruncate(fd, offset) != 0) {
    return lake::FileError(errno, "shorten", temporary);
  }
  TARN_RETURN_IF_ERROR(upload->ReadKept());
  if (byte_count > 0) {
    // Says at once that the disk is too small, where the file system can tell.
    const bool failed =
        ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(byte_count)) != 0;
    if (failed && (errno == ENOSPC || errno == EDQUOT)) {
      return lake::FileError(errno, "make room for the upload", landing_path);
    }
  }
  return upload;
}

absl::StatusOr<v1::Upload> FileUploads::Get(std::string_view workspace, std::string_view user,
                                            const std::string& upload_id) const {
  if (!IsUploadId(upload_id)) {
    return InvalidFields({{"upload_id", "must be 1 to 128 letters, digits and . _ -"}});
  }
  const fs::path path = PartsFolder(workspace) / PartName(user, upload_id);
  struct stat part {};
  if (::stat(path.c_str(), &part) != 0) {
    return NotFound("UPLOAD_NOT_FOUND",
                    absl::StrCat("nothing is kept of an upload \"", upload_id, "\"; begin anew"));
  }
  v1::Upload upload;
  upload.set_upload_id(upload_id);
  upload.set_committed_bytes(part.st_size);
  *upload.mutable_expire_time() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
      absl::ToUnixMicros(absl::TimeFromTimespec(part.st_mtim) + expiry_));
  return upload;
}

absl::StatusOr<v1::UploadFileResponse> FileUploads::Publish(const UploadTarget& target,
                                                            const fs::path& file,
                                                            int64_t byte_count,
                                                            const std::string& request_id) {
  TARN_ASSIGN_OR_RETURN(const fs::path path, lake_.ToAbsolute(target.lake_path));
  v1::UploadFileResponse response;
  response.set_path(target.landing_path);
  response.set_byte_count(byte_count);
  response.set_sha256(target.sha256);
  std::error_code error;
  const fs::file_status existing = fs::symlink_status(path, error);
  if (fs::exists(existing) && !fs::is_regular_file(existing)) {
    return FailedPrecondition(
        "NOT_A_FILE", absl::StrCat(target.landing_path, " is there and is no file; remove it"));
  }
  if (fs::exists(existing) && static_cast<int64_t>(fs::file_size(path, error)) == byte_count &&
      Sha256OfFile(path) == target.sha256) {
    response.set_outcome("UNCHANGED");
    const auto written = fs::last_write_time(path, error);
    const auto time = std::chrono::file_clock::to_sys(written);
    *response.mutable_create_time() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
    return response;
  }
  response.set_outcome(fs::exists(existing) ? "REPLACED" : "CREATED");
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(path.parent_path()));
  // The long part, which the intent need not last for.
  TARN_RETURN_IF_ERROR(lake::FsyncFile(file));

  const std::string upload_id = NewUuid();
  {
    std::lock_guard lock(mutex_);
    active_.insert(upload_id);
  }
  struct Inactive {
    FileUploads& uploads;
    const std::string& id;
    ~Inactive() {
      std::lock_guard lock(uploads.mutex_);
      uploads.active_.erase(id);
    }
  } inactive{*this, upload_id};
  TARN_RETURN_IF_ERROR(pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "INSERT INTO ingestion.uploads (upload_id, workspace, table_name, path, byte_count, "
        "sha256, outcome, request_id, instance, lease_expires_at) VALUES ($1, $2, $3, $4, $5, $6, "
        "$7, $8, $9, now() + make_interval(secs => $10))",
        upload_id, target.workspace, target.table, target.landing_path, byte_count, target.sha256,
        response.outcome(), request_id, instance_, absl::ToDoubleSeconds(kIntentLease));
    return absl::OkStatus();
  }));
  TARN_FAILPOINT("ingestion.upload.before_rename");
  TARN_RETURN_IF_ERROR(lake::PublishFile(file, path));
  TARN_FAILPOINT("ingestion.upload.after_rename");
  *response.mutable_create_time() =
      google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(clock_.Now()));
  metrics_.files_uploaded.Increment();
  metrics_.upload_bytes.Increment(static_cast<double>(byte_count));
  // The file is there; should PostgreSQL be away now, FinishIntents tells of it later.
  const absl::Status told = pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("DELETE FROM ingestion.uploads WHERE upload_id = $1", upload_id);
    return AppendUploadedEvent(txn, target, byte_count, response.outcome(), request_id);
  });
  if (!told.ok()) {
    logging::Warn("ingestion", "the event of an uploaded file is told later", told,
                  {{"path", target.landing_path}});
  }
  return response;
}

void FileUploads::RemoveLeftovers() {
  std::error_code error;
  int removed = 0;
  for (const fs::directory_entry& workspace : fs::directory_iterator(lake_.root(), error)) {
    std::error_code none;
    for (const fs::directory_entry& file :
         fs::directory_iterator(workspace.path() / kUploadsFolder, none)) {
      if (file.path().extension() != ".part") continue;
      // One that somebody writes to is locked.
      const absl::StatusOr<int> fd = OpenPart(file.path(), 0);
      if (!fd.ok()) continue;
      struct stat part {};
      const bool resumable = file.path().filename().string().starts_with(kResumable);
      const bool expired =
          ::fstat(*fd, &part) == 0 && absl::TimeFromTimespec(part.st_mtim) + expiry_ < clock_.Now();
      if ((!resumable || expired) && ::unlink(file.path().c_str()) == 0) ++removed;
      ::close(*fd);
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
                                  "sha256, outcome, request_id FROM ingestion.uploads WHERE "
                                  "instance = $1 OR lease_expires_at < now() ORDER BY create_time "
                                  "LIMIT 1000",
                                  instance_)) {
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
