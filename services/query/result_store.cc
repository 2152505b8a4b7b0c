#include "services/query/result_store.h"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

#include "common/lake/durable_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::query {
namespace {

constexpr char kFileName[] = "rows.jsonl";
constexpr size_t kBatchBytes = 256 << 10;

}  // namespace

ResultStore::Writer::Writer(std::filesystem::path temporary, std::filesystem::path final_path)
    : temporary_(std::move(temporary)), final_(std::move(final_path)) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
}

ResultStore::Writer::~Writer() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

absl::Status ResultStore::Writer::Append(std::string_view rows) {
  while (!rows.empty()) {
    const ssize_t written = ::write(fd_, rows.data(), rows.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return lake::FileError(errno, "writing a query's result", temporary_);
    rows.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status ResultStore::Writer::Commit() {
  ::close(fd_);
  fd_ = -1;
  return lake::PublishFile(temporary_, final_);
}

absl::StatusOr<std::filesystem::path> ResultStore::FolderOf(const std::string& workspace,
                                                            absl::Time day,
                                                            const std::string& query_id) const {
  return lake_.Join(lake::LakePaths::Results(workspace, day, query_id));
}

absl::StatusOr<std::unique_ptr<ResultStore::Writer>> ResultStore::Create(
    const std::string& workspace, absl::Time day, const std::string& query_id) const {
  TARN_ASSIGN_OR_RETURN(std::filesystem::path folder, FolderOf(workspace, day, query_id));
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(folder));
  const std::filesystem::path final_path = folder / kFileName;
  std::unique_ptr<Writer> writer(new Writer(folder / (std::string(".") + kFileName), final_path));
  if (writer->fd_ < 0) return lake::FileError(errno, "creating a query's result", final_path);
  return writer;
}

absl::Status ResultStore::Read(
    const std::string& workspace, absl::Time day, const std::string& query_id, int64_t skip,
    int64_t max_rows, const std::function<absl::Status(std::string, int64_t)>& on_rows) const {
  TARN_ASSIGN_OR_RETURN(std::filesystem::path folder, FolderOf(workspace, day, query_id));
  std::ifstream file(folder / kFileName, std::ios::binary);
  if (!file) {
    return NotFound("RESULT_EXPIRED",
                    "the result of query " + query_id + " is no longer kept; run it again");
  }
  std::string batch;
  std::string line;
  int64_t in_batch = 0;
  int64_t sent = 0;
  while ((max_rows == 0 || sent + in_batch < max_rows) && std::getline(file, line)) {
    if (skip > 0) {
      --skip;
      continue;
    }
    batch.append(line).push_back('\n');
    ++in_batch;
    if (batch.size() >= kBatchBytes) {
      sent += in_batch;
      TARN_RETURN_IF_ERROR(on_rows(std::move(batch), in_batch));
      batch.clear();
      in_batch = 0;
    }
  }
  return in_batch == 0 ? absl::OkStatus() : on_rows(std::move(batch), in_batch);
}

void ResultStore::RemoveBefore(absl::Time time, const std::atomic<bool>& stop) const {
  const std::string oldest = absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone());
  std::error_code ignored;
  for (const auto& workspace : std::filesystem::directory_iterator(lake_.root(), ignored)) {
    for (const auto& day :
         std::filesystem::directory_iterator(workspace.path() / "results", ignored)) {
      if (stop) return;
      if (day.path().filename().string() < oldest) std::filesystem::remove_all(day.path(), ignored);
    }
  }
}

}  // namespace tarn::query
