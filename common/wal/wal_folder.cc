#include "common/wal/wal_folder.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>

#include "common/ids/ids.h"
#include "common/lake/durable_file.h"

namespace tarn::wal {
namespace {

constexpr size_t kDigits = 16;

}  // namespace

std::filesystem::path NumberedPath(const std::filesystem::path& folder, uint64_t number,
                                   const char* suffix) {
  return folder / absl::StrFormat("%016x%s", number, suffix);
}

absl::StatusOr<std::vector<NumberedFile>> NumberedFiles(const std::filesystem::path& folder,
                                                        const char* suffix) {
  std::vector<NumberedFile> files;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::filesystem::path& path = entries->path();
    const std::string stem = path.stem().string();
    uint64_t number = 0;
    if (stem.size() == kDigits && path.extension() == suffix &&
        absl::SimpleHexAtoi(stem, &number)) {
      files.push_back({number, path});
    }
  }
  if (error) return lake::FileError(error.value(), "list", folder);
  std::sort(files.begin(), files.end());
  return files;
}

std::string ReadUuidFile(const std::filesystem::path& folder) {
  std::ifstream in(folder / kUuidFile);
  std::string uuid;
  if (in >> uuid && IsUuid(uuid)) return uuid;
  return "";
}

}  // namespace tarn::wal
