#include "services/standalone/data_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "common/postgres/private_cluster.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::standalone {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOwnerOnly = 0700;
// Others pass through, and see nothing.
constexpr mode_t kPassable = 0711;
// Folders above, which are not Tarn's: as mkdir makes them.
constexpr mode_t kParent = 0755;

// Root's is where user postgres can enter; another user's below the home.
std::string DefaultPath() {
  if (::geteuid() == 0) return "/var/lib/tarn";
  if (const char* data_home = std::getenv("XDG_DATA_HOME");
      data_home != nullptr && *data_home != '\0') {
    return std::string(data_home) + "/tarn";
  }
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.local/share/tarn";
}

absl::Status Unusable(const std::string& path, const std::string& problem) {
  return InvalidArgument("INVALID_OPTION",
                         "data: " + path + " " + problem + "; choose another folder with --data");
}

// Makes what is missing on the way to `path`, and it. The process's umask would shut the parents
// to user postgres, so their mode is set.
absl::Status MakeFolders(const fs::path& path) {
  fs::path made;
  for (const fs::path& part : path) {
    made /= part;
    struct stat info;
    if (stat(made.c_str(), &info) == 0) {
      if (S_ISDIR(info.st_mode)) continue;
      return Unusable(path, "cannot be a folder, because " + made.string() + " is a file");
    }
    if (mkdir(made.c_str(), kOwnerOnly) == 0) {
      if (made != path) chmod(made.c_str(), kParent);
    } else if (errno != EEXIST) {
      return Unusable(path, "cannot be made: " + made.string() + ": " + strerror(errno));
    }
  }
  return absl::OkStatus();
}

// Gives a folder of this user's the mode; one of somebody else's is left as it is.
void Shut(const fs::path& folder, mode_t mode) {
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return;
  if (info.st_uid == ::geteuid() && (info.st_mode & 0777) != mode) chmod(folder.c_str(), mode);
}

}  // namespace

DataFolder::DataFolder() : path_(DefaultPath()) {}

DataFolder::~DataFolder() {
  Close();
  if (lock_fd_ >= 0) close(lock_fd_);
}

absl::Status DataFolder::Prepare(server::ProcessOptions& options) {
  if (path_.empty()) return InvalidArgument("INVALID_OPTION", "data: must name a folder");
  fs::path path = fs::absolute(path_).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  path_ = path.string();
  const server::ProcessOptions defaults;
  if (options.lake_path == defaults.lake_path) options.lake_path = path_ + "/lake";
  if (options.state_path == defaults.state_path) options.state_path = path_;
  if (options.service_key_file.empty()) options.service_key_file = path_ + "/secrets/service.key";
  if (options.ready_file.empty()) options.ready_file = path_ + "/run/standalone.json";

  TARN_RETURN_IF_ERROR(MakeFolders(path));
  if (access(path_.c_str(), W_OK | X_OK) != 0) {
    return Unusable(path_, std::string("cannot be written: ") + strerror(errno) +
                               "; give this user the right to");
  }
  const bool passed_by_postgres = ::geteuid() == 0 && options.postgres_dsn.empty();
  std::error_code ignored;
  // The folder may be a link to where there is room.
  Shut(fs::canonical(path, ignored), passed_by_postgres ? kPassable : kOwnerOnly);
  for (const char* folder : {"run", "secrets"}) TARN_RETURN_IF_ERROR(MakeFolders(path / folder));
  for (fs::directory_iterator it(path, ignored), end; it != end; it.increment(ignored)) {
    if (it->path().filename() != "postgres") Shut(it->path(), kOwnerOnly);
  }
  return absl::OkStatus();
}

absl::Status DataFolder::TakeLock() {
  const std::string file = path_ + "/run/lock";
  lock_fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) return Unusable(path_, "cannot be written: " + file + ": " + strerror(errno));
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return FailedPrecondition(
      "DATA_FOLDER_IN_USE",
      "data: another tarn-standalone runs in " + path_ + " (" + path_ +
          "/run/standalone.json has its process id and addresses); stop that one, or choose "
          "another folder with --data");
}

absl::Status DataFolder::Open(server::ProcessOptions& options) {
  TARN_RETURN_IF_ERROR(TakeLock());
  // A killed process leaves it behind; what it says is no longer so.
  std::error_code ignored;
  fs::remove(options.ready_file, ignored);
  if (!options.postgres_dsn.empty()) return absl::OkStatus();
  TARN_ASSIGN_OR_RETURN(postgres_, PrivateCluster::Start(path_ + "/postgres"));
  options.postgres_dsn = postgres_->Dsn();
  return absl::OkStatus();
}

void DataFolder::Close() {
  if (postgres_ != nullptr) postgres_->Stop();
}

}  // namespace tarn::standalone
