#include "common/testing/temp_dir.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>
#include <unistd.h>

#include <sys/stat.h>

namespace tarn {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& what, const fs::path& path) {
  std::fprintf(stderr, "TempDir: %s %s: ", what.c_str(), path.c_str());
  std::perror(nullptr);
  std::abort();
}

bool OthersCanPass(const fs::path& folder) {
  struct stat info;
  return stat(folder.c_str(), &info) == 0 && (info.st_mode & S_IXOTH) != 0;
}

// $TMPDIR, or /tmp when another user must enter and cannot pass one of $TMPDIR's parents.
fs::path Parent(TempDir::Access access) {
  const char* configured = std::getenv("TMPDIR");
  const fs::path parent = configured != nullptr && *configured != '\0' ? configured : "/tmp";
  if (access == TempDir::Access::kOwner) return parent;
  for (fs::path folder = fs::absolute(parent); folder != folder.root_path();
       folder = folder.parent_path()) {
    if (!OthersCanPass(folder)) return "/tmp";
  }
  return parent;
}

}  // namespace

TempDir::TempDir(Access access) {
  std::string name = (Parent(access) / "tarn-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) Fail("cannot make", name);
  path_ = name;
  if (access == Access::kEveryone && chmod(name.c_str(), 0755) != 0) Fail("cannot chmod", path_);
}

TempDir::~TempDir() {
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) {
    std::fprintf(stderr, "TempDir: cannot remove %s: %s\n", path_.c_str(), error.message().c_str());
  }
}

fs::path TempDir::WriteFile(std::string_view relative, std::string_view content) const {
  const fs::path file = path_ / relative;
  fs::create_directories(file.parent_path());
  // Before there is anything in it: somebody may be waiting for the file.
  std::ofstream out(file, std::ios::binary | std::ios::app);
  if (chmod(file.c_str(), 0600) != 0) Fail("cannot chmod", file);
  out.close();
  out.open(file, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!out.flush()) Fail("cannot write", file);
  return file;
}

}  // namespace tarn
