// Whole files in and out, with errors that name the path. No durability: the data can be made
// again. Any thread; different paths.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::datagen {

// A file that is written in pieces of any size; Close() tells of a write that failed.
class FileWriter {
 public:
  // UNAVAILABLE (FILE_NOT_WRITABLE) from Close() when the file cannot be created or the disk is
  // full.
  explicit FileWriter(std::filesystem::path path);

  void Append(std::string_view text);
  absl::Status Close();

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
  std::string buffer_;
};

absl::Status WriteFile(const std::filesystem::path& path, std::string_view text);

// FAILED_PRECONDITION (FILE_NOT_READABLE).
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path);

// Every regular file below `dir` whose name ends in `extension` (".json"), sorted by path.
// NOT_FOUND (FOLDER_NOT_FOUND) when there is no such folder.
absl::StatusOr<std::vector<std::filesystem::path>> FilesBelow(const std::filesystem::path& dir,
                                                              std::string_view extension);

// Makes `dir`. ALREADY_EXISTS (FOLDER_NOT_EMPTY) when something is in it.
absl::Status MakeEmptyFolder(const std::filesystem::path& dir);

// Makes `dir` and its parents.
absl::Status MakeFolder(const std::filesystem::path& dir);

}  // namespace tarn::datagen
