#include "services/catalog/crawl/landing_folder.h"

#include <algorithm>
#include <filesystem>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_split.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "common/lake/hive_partition.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/text_file.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSampleBytes = 64 * 1024;
constexpr size_t kMagicBytes = 4;

bool IsHidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.empty() || name.front() == '.' || name.front() == '_';
}

bool HasExtension(const std::string& path, std::initializer_list<const char*> extensions) {
  std::string extension = fs::path(path).extension().string();
  absl::AsciiStrToLower(&extension);
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const char* known) { return extension == known; });
}

FileFormat DetectText(const std::string& path, std::string_view sample) {
  if (absl::StartsWith(absl::string_view(sample.data(), sample.size()), "\xEF\xBB\xBF")) {
    sample.remove_prefix(3);
  }
  const size_t start = sample.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return FileFormat::kCsv;
  sample.remove_prefix(start);
  const char second = sample.size() > 1 ? sample[1] : ' ';
  if (sample[0] == '<' && (absl::ascii_isalpha(second) || second == '?' || second == '!')) {
    return FileFormat::kXml;
  }
  if (sample[0] == '{') {
    const std::string_view line = sample.substr(0, sample.find('\n'));
    if (HasExtension(path, {".json", ".jsonl", ".ndjson"}) || nlohmann::json::accept(line)) {
      return FileFormat::kJsonLines;
    }
  }
  if (sample[0] == '[') {
    const size_t next = sample.find_first_not_of(" \t\r\n", 1);
    const char first = next == std::string_view::npos ? ' ' : sample[next];
    if (HasExtension(path, {".json"}) || first == '{' || first == ']') {
      return FileFormat::kJsonArray;
    }
  }
  return FileFormat::kCsv;
}

}  // namespace

PartitionTuple PartitionsOf(const std::string& below,
                            const std::vector<std::string>& partition_columns,
                            size_t& unnamed_folders) {
  PartitionTuple partition;
  unnamed_folders = 0;
  const auto add = [&partition](std::string name, std::optional<std::string> value) {
    // Of two folders with one name the inner counts.
    const auto same = std::find_if(partition.begin(), partition.end(),
                                   [&](const PartitionValue& other) { return other.name == name; });
    if (same != partition.end()) partition.erase(same);
    partition.push_back({std::move(name), std::move(value)});
  };
  std::vector<std::string> folders = absl::StrSplit(below, '/');
  folders.pop_back();
  for (const std::string& folder : folders) {
    if (auto named = lake::ParsePartitionSegment(folder)) {
      add(std::move(named->name), std::move(named->value));
      continue;
    }
    if (unnamed_folders < partition_columns.size()) add(partition_columns[unnamed_folders], folder);
    ++unnamed_folders;
  }
  return partition;
}

absl::StatusOr<std::vector<LandingFile>> ListLandingFiles(
    const lake::LakePaths& lake, const std::string& folder, const PathFilter& filter,
    const std::vector<std::string>& partition_columns) {
  TARN_ASSIGN_OR_RETURN(const fs::path root, lake.ToAbsolute(folder));
  std::vector<LandingFile> files;
  std::error_code error;
  if (!fs::exists(root, error)) return files;
  fs::recursive_directory_iterator it(root, error);
  const fs::recursive_directory_iterator end;
  while (!error && it != end) {
    const fs::path path = it->path();
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      it.increment(error);  // gone in between
      continue;
    }
    const std::string below = path.lexically_relative(root).generic_string();
    if (IsHidden(path) || filter.Excludes(below)) {
      if (S_ISDIR(status.st_mode)) it.disable_recursion_pending();
    } else if (S_ISREG(status.st_mode) && status.st_size > 0) {
      LandingFile file;
      file.below = below;
      file.path = folder + "/" + file.below;
      file.byte_count = status.st_size;
      file.modify_time = absl::FromUnixMicros(int64_t{status.st_mtim.tv_sec} * 1'000'000 +
                                              status.st_mtim.tv_nsec / 1000);
      file.partition = PartitionsOf(below, partition_columns, file.unnamed_folders);
      files.push_back(std::move(file));
    }
    it.increment(error);
  }
  if (error) {
    return FailedPrecondition("FILE_IO",
                              "cannot read the folder " + folder + ": " + error.message());
  }
  std::sort(files.begin(), files.end(),
            [](const LandingFile& a, const LandingFile& b) { return a.path < b.path; });
  return files;
}

absl::StatusOr<FileFormat> DetectFormat(const std::string& absolute_path, TextEncoding encoding) {
  TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> bytes, TextFile::OpenBytes(absolute_path));
  std::string start(kMagicBytes, '\0');
  bytes->stream().read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(bytes->stream().gcount()));
  TARN_RETURN_IF_ERROR(bytes->status());
  if (start == "PAR1") return FileFormat::kParquet;
  if (start == "PK\x03\x04" || absl::StartsWith(start, "BZh") ||
      start ==
          "\xFD"
          "7zX") {
    return InvalidArgument("FORMAT_NOT_SUPPORTED",
                           "the file is an archive, or compressed with neither gzip nor zstd; "
                           "unpack it before the upload");
  }
  // XML says its encoding itself: its first bytes are ASCII whatever else follows.
  TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> text,
                        TextFile::Open(absolute_path, encoding));
  std::string sample(kSampleBytes, '\0');
  text->stream().read(sample.data(), static_cast<std::streamsize>(sample.size()));
  sample.resize(static_cast<size_t>(text->stream().gcount()));
  const FileFormat format = DetectText(UnpackedName(absolute_path), sample);
  if (format != FileFormat::kXml) TARN_RETURN_IF_ERROR(text->status());
  return format;
}

std::string FormatName(FileFormat format) {
  switch (format) {
    case FileFormat::kParquet:
      return "Parquet";
    case FileFormat::kCsv:
      return "CSV";
    case FileFormat::kJsonLines:
      return "JSON lines";
    case FileFormat::kJsonArray:
      return "a JSON array";
    case FileFormat::kXml:
      return "XML";
    case FileFormat::kText:
      return "plain text";
    default:
      return "unknown";
  }
}

}  // namespace tarn::catalog
