#include "services/standalone/data_folder.h"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include "common/postgres/private_cluster.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::standalone {
namespace {

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

}  // namespace

DataFolder::DataFolder() : path_(DefaultPath()) {}
DataFolder::~DataFolder() = default;

void DataFolder::Adjust(server::ProcessOptions& options) {
  const server::ProcessOptions defaults;
  path_ = std::filesystem::absolute(path_).lexically_normal().string();
  if (options.lake_path == defaults.lake_path) options.lake_path = path_ + "/lake";
  if (options.state_path == defaults.state_path) options.state_path = path_;
  if (options.service_key_file.empty()) options.service_key_file = path_ + "/secrets/service.key";
  if (options.ready_file.empty()) options.ready_file = path_ + "/run/standalone.json";
}

absl::Status DataFolder::StartPostgres(server::ProcessOptions& options) {
  std::error_code error;
  for (const char* folder : {"/run", "/secrets"})
    std::filesystem::create_directories(path_ + folder, error);
  if (error) {
    return FailedPrecondition("PATH_NOT_WRITABLE",
                              "--data: " + path_ + " cannot be written: " + error.message() +
                                  "; give this user the right to, or choose another folder");
  }
  // A killed process leaves it behind; what it says is no longer so.
  std::filesystem::remove(options.ready_file, error);
  if (!options.postgres_dsn.empty()) return absl::OkStatus();
  TARN_ASSIGN_OR_RETURN(postgres_, PrivateCluster::Start(path_ + "/postgres"));
  options.postgres_dsn = postgres_->Dsn();
  return absl::OkStatus();
}

void DataFolder::StopPostgres() {
  if (postgres_ != nullptr) postgres_->Stop();
}

}  // namespace tarn::standalone
