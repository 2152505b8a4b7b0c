#include "services/catalog/crawl/landing_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "common/lake/hive_partition.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSampleBytes = 64 * 1024;

bool IsHidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.empty() || name.front() == '.' || name.front() == '_';
}

PartitionTuple PartitionsOf(const std::string& below) {
  PartitionTuple partition;
  for (lake::PartitionValue& value : lake::ParsePartitionPath(below)) {
    partition.push_back({std::move(value.name), std::move(value.value)});
  }
  return partition;
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

absl::StatusOr<std::vector<LandingFile>> ListLandingFiles(const lake::LakePaths& lake,
                                                          const std::string& folder) {
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
    if (IsHidden(path)) {
      if (S_ISDIR(status.st_mode)) it.disable_recursion_pending();
    } else if (S_ISREG(status.st_mode) && status.st_size > 0) {
      LandingFile file;
      file.below = path.lexically_relative(root).generic_string();
      file.path = folder + "/" + file.below;
      file.byte_count = status.st_size;
      file.modify_time = absl::FromUnixMicros(int64_t{status.st_mtim.tv_sec} * 1'000'000 +
                                              status.st_mtim.tv_nsec / 1000);
      file.partition = PartitionsOf(file.below);
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

absl::StatusOr<FileFormat> DetectFormat(const std::string& absolute_path) {
  std::ifstream in(absolute_path, std::ios::binary);
  std::string sample(kSampleBytes, '\0');
  in.read(sample.data(), static_cast<std::streamsize>(sample.size()));
  sample.resize(static_cast<size_t>(in.gcount()));
  if (in.bad() || sample.empty()) return FailedPrecondition("FILE_IO", "the file cannot be read");
  if (absl::StartsWith(sample, "PAR1")) return FileFormat::kParquet;
  for (const char* magic : {"\x1F\x8B", "\x28\xB5\x2F\xFD", "PK\x03\x04", "BZh"}) {
    if (absl::StartsWith(sample, magic)) {
      return InvalidArgument("FORMAT_NOT_SUPPORTED",
                             "the file is compressed; unpack it before the upload");
    }
  }
  return DetectText(absolute_path, sample);
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
    default:
      return "unknown";
  }
}

}  // namespace tarn::catalog
