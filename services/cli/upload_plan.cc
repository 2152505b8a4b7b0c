#include "services/cli/upload_plan.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;

bool IsHidden(const fs::path& path) { return path.filename().string().front() == '.'; }

bool IsPartition(const std::string& text) {
  const size_t equals = text.find('=');
  return equals != std::string::npos && equals > 0 && equals + 1 < text.size();
}

class UploadPlanner {
 public:
  explicit UploadPlanner(std::vector<std::string> partitions)
      : partitions_(std::move(partitions)) {}

  absl::Status Add(const fs::path& path) {
    std::error_code error;
    if (!fs::exists(path, error)) {
      return InvalidArgument("FILE_UNREADABLE", "there is no file or folder " + path.string(),
                             {{"path", path.string()}});
    }
    if (fs::is_directory(path, error)) return AddFolder(path, partitions_);
    return AddFile(path, partitions_);
  }

  absl::StatusOr<UploadPlan> Finish() && {
    if (plan_.items.empty()) {
      return InvalidArgument("NO_FILES", "there is no file to upload in what was named");
    }
    return std::move(plan_);
  }

 private:
  absl::Status AddFolder(const fs::path& folder, const std::vector<std::string>& partitions) {
    std::error_code error;
    std::vector<fs::path> children;
    for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
      children.push_back(entry->path());
    }
    if (error) {
      return InvalidArgument(
          "FILE_UNREADABLE",
          "the folder " + folder.string() + " cannot be read: " + error.message(),
          {{"path", folder.string()}});
    }
    std::sort(children.begin(), children.end());
    for (const fs::path& child : children) {
      TARN_RETURN_IF_ERROR(AddChild(child, partitions));
    }
    return absl::OkStatus();
  }

  absl::Status AddChild(const fs::path& child, const std::vector<std::string>& partitions) {
    if (IsHidden(child)) {
      ++plan_.hidden_files;
      return absl::OkStatus();
    }
    std::error_code error;
    if (!fs::is_directory(child, error)) return AddFile(child, partitions);
    const std::string name = child.filename().string();
    if (!IsPartition(name)) {
      return InvalidArgument("NOT_A_PARTITION",
                             "the subfolder " + child.string() +
                                 " is no partition: a folder's subfolders must be called "
                                 "KEY=VALUE, such as dt=2019-12-21; upload its files by naming "
                                 "them, or the folder itself",
                             {{"path", child.string()}});
    }
    std::vector<std::string> deeper = partitions;
    deeper.push_back(name);
    return AddFolder(child, deeper);
  }

  absl::Status AddFile(const fs::path& path, const std::vector<std::string>& partitions) {
    std::error_code error;
    const auto size = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
    if (error || !fs::is_regular_file(path, error)) {
      return InvalidArgument("FILE_UNREADABLE", path.string() + " is no file that can be read",
                             {{"path", path.string()}});
    }
    UploadItem item{.path = path.string(),
                    .file_name = path.filename().string(),
                    .partitions = partitions,
                    .byte_count = static_cast<int64_t>(size)};
    std::string target;
    for (const std::string& partition : partitions) target += partition + "/";
    target += item.file_name;
    const auto [first, is_first] = sources_.emplace(target, item.path);
    if (!is_first) {
      return InvalidArgument("DUPLICATE_FILE", item.path + " and " + first->second +
                                                   " would both become " + target +
                                                   "; give one of them another name or partition");
    }
    plan_.byte_count += item.byte_count;
    plan_.items.push_back(std::move(item));
    return absl::OkStatus();
  }

  const std::vector<std::string> partitions_;
  UploadPlan plan_;
  std::map<std::string, std::string> sources_;  // file in the table's folder to local path
};

}  // namespace

absl::StatusOr<UploadPlan> PlanUpload(const std::vector<std::string>& paths,
                                      const std::vector<std::string>& partitions) {
  for (const std::string& partition : partitions) {
    if (!IsPartition(partition)) {
      return InvalidArgument("NOT_A_PARTITION",
                             "'" + partition + "' is no partition; write KEY=VALUE");
    }
  }
  UploadPlanner planner(partitions);
  for (const std::string& path : paths) {
    TARN_RETURN_IF_ERROR(planner.Add(fs::path(path)));
  }
  return std::move(planner).Finish();
}

}  // namespace tarn::cli
