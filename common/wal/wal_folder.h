// What lies in the folder of a write-ahead log, and how it is called. Blocking; any thread. Errors
// as in common/lake/durable_file.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::wal {

inline constexpr char kLockFile[] = "LOCK";
inline constexpr char kUuidFile[] = "LOG";
inline constexpr char kPositionsFile[] = "POSITIONS";
inline constexpr char kReserveFile[] = "RESERVE";
inline constexpr char kQuarantineFolder[] = "quarantine";
inline constexpr char kSegmentSuffix[] = ".wal";
inline constexpr char kRequestsSuffix[] = ".requests";

struct NumberedFile {
  uint64_t number = 0;
  std::filesystem::path path;
  friend auto operator<=>(const NumberedFile&, const NumberedFile&) = default;
};

// <folder>/<16 hexadecimal digits><suffix>
std::filesystem::path NumberedPath(const std::filesystem::path& folder, uint64_t number,
                                   const char* suffix);
// The files of such names, ascending.
absl::StatusOr<std::vector<NumberedFile>> NumberedFiles(const std::filesystem::path& folder,
                                                        const char* suffix);

// The UUID in the file LOG; "" when there is none, or it is no UUID.
std::string ReadUuidFile(const std::filesystem::path& folder);

}  // namespace tarn::wal
