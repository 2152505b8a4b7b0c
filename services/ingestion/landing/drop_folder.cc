#include "services/ingestion/landing/drop_folder.h"

#include <algorithm>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/lake/durable_file.h"
#include "common/logging/logging.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;

// In one look; the others are seen when these are gone.
constexpr size_t kMaxFiles = 100'000;
constexpr int kMaxDepth = 19;  // database, table, 16 partitions, name

bool IsLeftAlone(const std::string& name) {
  if (name.starts_with(".") || name.starts_with("_") || name.ends_with("~")) return true;
  for (const char* ending : {".part", ".tmp", ".filepart", ".crdownload"}) {
    if (name.ends_with(ending)) return true;
  }
  return false;
}

}  // namespace

DropFolder::DropFolder(const lake::LakePaths& lake, FileUploads& uploads, Clock& clock,
                       Metrics& metrics, DropFolderOptions options)
    : lake_(lake),
      uploads_(uploads),
      clock_(clock),
      options_(options),
      picked_up_(metrics.AddCounter("tarn_ingestion_dropped_files_total",
                                    "Files picked up from drop folders.")),
      failures_(metrics.AddCounter("tarn_ingestion_dropped_file_failures_total",
                                   "Tries to pick up a file from a drop folder that failed.")) {}

DropFolder::~DropFolder() {
  Stop();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

void DropFolder::Start() {
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      lock.unlock();
      Scan();
      lock.lock();
      stop_changed_.wait_for(lock, absl::ToChronoMilliseconds(options_.scan_pause),
                             [&] { return stop_; });
    }
  });
}

void DropFolder::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool DropFolder::HaveLock() {
  if (lock_fd_ >= 0) return true;
  const int fd = ::open((lake_.root() / ".drop.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
    lock_fd_ = fd;
    return true;
  }
  ::close(fd);
  return false;
}

bool DropFolder::LookAt(const fs::path& path, Look& look) {
  struct stat state {};
  if (::lstat(path.c_str(), &state) != 0 || !S_ISREG(state.st_mode)) return false;
  look = {.inode = state.st_ino,
          .bytes = state.st_size,
          .changed = std::max(absl::TimeFromTimespec(state.st_mtim),
                              absl::TimeFromTimespec(state.st_ctim))};
  return true;
}

std::vector<DropFolder::Found> DropFolder::FindFiles() const {
  std::vector<Found> found;
  std::error_code error;
  for (const fs::directory_entry& workspace : fs::directory_iterator(lake_.root(), error)) {
    const fs::path drop = workspace.path() / "drop";
    std::error_code none;
    if (!fs::is_directory(fs::symlink_status(drop, none))) continue;
    // Links to folders are not followed.
    fs::recursive_directory_iterator it(drop, fs::directory_options::skip_permission_denied, none);
    for (; !none && it != fs::recursive_directory_iterator(); it.increment(none)) {
      const std::string name = it->path().filename();
      if (IsLeftAlone(name) || it.depth() >= kMaxDepth) {
        it.disable_recursion_pending();
        continue;
      }
      std::error_code gone;
      if (!fs::is_regular_file(it->symlink_status(gone))) continue;
      if (found.size() == kMaxFiles) return found;
      Found& file = found.emplace_back();
      file.workspace = workspace.path().filename();
      file.path = it->path();
      for (const fs::path& part : file.path.lexically_relative(drop)) file.parts.push_back(part);
    }
  }
  return found;
}

bool DropFolder::IsWhole(const Found& file, const Look& look) {
  const absl::Time now = clock_.Now();
  const auto [seen, first] = seen_.try_emplace(file.path, Seen{look, now});
  if (seen->second.look != look) seen->second = {look, now};
  return now - seen->second.since >= options_.settle_time ||
         (first && now - look.changed >= options_.settle_time);
}

int DropFolder::Scan() {
  if (!HaveLock()) return 0;
  int count = 0;
  std::set<std::string> present;
  for (const Found& file : FindFiles()) {
    {
      std::lock_guard lock(mutex_);
      if (stop_) return count;
    }
    Look look;
    if (!LookAt(file.path, look)) continue;
    present.insert(file.path);
    if (!IsWhole(file, look)) continue;
    bool picked_up = false;
    if (const absl::Status status = PickUp(file, look, picked_up); !status.ok()) {
      failures_.Increment();
      if (told_.insert(file.path).second) {
        logging::Warn("ingestion", "a file in a drop folder is not picked up", status,
                      {{"file", file.path.string()}});
      }
    }
    if (picked_up) ++count;
  }
  std::erase_if(seen_, [&](const auto& entry) { return !present.contains(entry.first); });
  std::erase_if(told_, [&](const std::string& path) { return !present.contains(path); });
  return count;
}

absl::Status DropFolder::PickUp(const Found& file, const Look& look, bool& picked_up) {
  if (file.parts.size() < 3) {
    return InvalidArgument("NOT_IN_A_TABLE",
                           "files belong into drop/<database>/<table>/, where the table's landing "
                           "folder is named");
  }
  v1::UploadHeader header;
  header.set_table(names::Table(file.parts[0], file.parts[1]));
  header.set_file_name(file.parts.back());
  for (size_t i = 2; i + 1 < file.parts.size(); ++i) header.add_partitions(file.parts[i]);
  header.set_sha256(Sha256OfFile(file.path));
  Look after;
  if (!LookAt(file.path, after) || after != look) return absl::OkStatus();
  if (header.sha256().empty()) {
    return FailedPrecondition("FILE_UNREADABLE",
                              "ingestion cannot read the file; give it the "
                              "right to");
  }
  TARN_ASSIGN_OR_RETURN(const UploadTarget target, CheckUploadHeader(file.workspace, "", header));
  TARN_ASSIGN_OR_RETURN(const v1::UploadFileResponse response,
                        uploads_.Publish(target, file.path, look.bytes, ""));
  if (response.outcome() == "UNCHANGED" && ::unlink(file.path.c_str()) != 0) {
    return lake::FileError(errno, "remove", file.path);
  }
  seen_.erase(file.path);
  picked_up_.Increment();
  picked_up = true;
  logging::Info("ingestion", "picked up a file",
                {{"workspace", file.workspace},
                 {"path", target.landing_path},
                 {"bytes", look.bytes},
                 {"outcome", response.outcome()}});
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
