// A folder of a test's own, removed with everything in it when the object goes. Made below $TMPDIR
// (/tmp where that is not set). Failures end the test program: nothing can be tested without it.
#pragma once

#include <filesystem>
#include <string_view>

namespace tarn {

class TempDir {
 public:
  enum class Access {
    kOwner,     // mode 0700
    kEveryone,  // mode 0755 and its parents passable, so that another user (postgres) can enter
  };

  explicit TempDir(Access access = Access::kOwner);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view child) const { return path_ / child; }

  // Writes a file below the folder, making its parents; returns its path. For this user
  // alone, as files of secrets must be.
  std::filesystem::path WriteFile(std::string_view relative, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

}  // namespace tarn
