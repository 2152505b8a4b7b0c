#include "services/ingestion/raw/raw_folder.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "common/lake/durable_file.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;

// Below the stream's folder: yyyy, mm, dd, hh.
constexpr int kLevels = 4;

absl::StatusOr<std::vector<fs::path>> EntriesOf(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    entries.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return lake::FileError(error.value(), "list", folder);
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::optional<int> NumberOf(const fs::path& path) {
  const std::string name = path.filename().string();
  int number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

absl::StatusOr<bool> Visit(const fs::path& folder, std::vector<int>& numbers,
                           const std::function<bool(absl::Time)>& visit) {
  if (numbers.size() == kLevels) {
    return visit(absl::FromCivil(absl::CivilHour(numbers[0], numbers[1], numbers[2], numbers[3]),
                                 absl::UTCTimeZone()));
  }
  TARN_ASSIGN_OR_RETURN(const std::vector<fs::path> entries, EntriesOf(folder));
  for (const fs::path& entry : entries) {
    const std::optional<int> number = NumberOf(entry);
    if (!number) continue;  // nothing of ours
    numbers.push_back(*number);
    TARN_ASSIGN_OR_RETURN(const bool more, Visit(entry, numbers, visit));
    numbers.pop_back();
    if (!more) return false;
  }
  return true;
}

}  // namespace

absl::Time HourOf(absl::Time time) {
  return absl::FromCivil(absl::ToCivilHour(time, absl::UTCTimeZone()), absl::UTCTimeZone());
}

RawFolder::RawFolder(const lake::LakePaths& lake, std::string_view workspace,
                     std::string_view stream)
    : root_(lake.root() / lake::LakePaths::RawStream(workspace, stream)) {}

fs::path RawFolder::HourFolder(absl::Time arrival) const {
  return root_ / absl::FormatTime("%Y/%m/%d/%H", arrival, absl::UTCTimeZone());
}

absl::StatusOr<std::vector<RawFile>> RawFolder::FilesOfHour(absl::Time arrival,
                                                            std::string_view stream_uid) const {
  TARN_ASSIGN_OR_RETURN(const std::vector<fs::path> entries, EntriesOf(HourFolder(arrival)));
  std::vector<RawFile> files;
  for (const fs::path& path : entries) {
    std::optional<RawFileName> name = RawFileName::Parse(path.filename().string());
    if (name && name->stream_uid == stream_uid) files.push_back({*std::move(name), path});
  }
  return files;
}

absl::StatusOr<std::vector<fs::path>> RawFolder::EverythingOfHour(
    absl::Time arrival, std::string_view stream_uid) const {
  TARN_ASSIGN_OR_RETURN(std::vector<fs::path> entries, EntriesOf(HourFolder(arrival)));
  std::erase_if(entries, [&](const fs::path& path) {
    const std::string name = path.filename().string();
    // Unfinished ones have a dot before (common/lake/durable_file.h).
    return std::string_view(name).substr(name.starts_with('.') ? 1 : 0, stream_uid.size()) !=
           stream_uid;
  });
  return entries;
}

absl::Status RawFolder::VisitHours(const std::function<bool(absl::Time)>& visit) const {
  std::vector<int> numbers;
  return Visit(root_, numbers, visit).status();
}

void RawFolder::RemoveEmptyFolders(absl::Time hour) const {
  std::error_code error;
  fs::path folder = HourFolder(hour);
  // One that is not empty stays, and ends it.
  for (int level = 0; level <= kLevels && fs::remove(folder, error); ++level) {
    folder = folder.parent_path();
  }
}

}  // namespace tarn::ingestion
