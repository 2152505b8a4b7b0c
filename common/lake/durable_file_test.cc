#include "common/lake/durable_file.h"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::lake {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

std::string Read(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

size_t EntriesIn(const fs::path& path) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(path), {}));
}

TEST(DurableFileTest, AFileIsThereAsAWholeOrNotAtAll) {
  TempDir dir;
  const fs::path path = dir / "f";
  {
    ASSERT_OK_AND_ASSIGN(DurableWriter writer, DurableWriter::Create(path));
    ASSERT_OK(writer.Append("half"));
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_EQ(EntriesIn(dir.path()), 0);

  ASSERT_OK(WriteFileDurably(path, "one", 0600));
  ASSERT_OK(WriteFileDurably(path, "two", 0640));
  EXPECT_EQ(Read(path), "two");
  EXPECT_EQ(EntriesIn(dir.path()), 1);
  struct stat info = {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640);
}

TEST(DurableFileTest, AKilledWriterLeavesTheOldFile) {
  TempDir dir;
  const fs::path path = dir / "f";
  ASSERT_OK(WriteFileDurably(path, "old"));
  const pid_t child = ::fork();
  if (child == 0) {
    auto writer = DurableWriter::Create(path);
    if (!writer.ok() || !writer->Append("new and unfinished").ok()) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(Read(path), "old");
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    if (entry.path() != path) {
      EXPECT_EQ(entry.path().filename().string()[0], '.');
    }
  }
}

TEST(DurableFileTest, AWriterThatWasMovedFromDoesNothing) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(DurableWriter first, DurableWriter::Create(dir / "a"));
  DurableWriter second = std::move(first);
  EXPECT_FALSE(first.Append("x").ok());
  ASSERT_OK(second.Append("x"));
  ASSERT_OK(second.Commit());
  EXPECT_FALSE(second.Commit().ok());
  EXPECT_EQ(Read(dir / "a"), "x");
}

TEST(DurableFileTest, PublishingMovesAFileToItsName) {
  TempDir dir;
  const fs::path staged = dir.WriteFile("staging/x", "content");
  ASSERT_OK(CreateDirectoriesDurably(dir / "data/p=1/q=2"));
  ASSERT_OK(CreateDirectoriesDurably(dir / "data/p=1/q=2"));
  ASSERT_OK(PublishFile(staged, dir / "data/p=1/q=2/x"));
  EXPECT_EQ(Read(dir / "data/p=1/q=2/x"), "content");
  EXPECT_FALSE(fs::exists(staged));
  EXPECT_THAT(PublishFile(staged, dir / "data/y"),
              StatusIs(absl::StatusCode::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_THAT(CreateDirectoriesDurably(dir / "data/p=1/q=2/x"),
              StatusIs(absl::StatusCode::kAlreadyExists, "FILE_EXISTS"));
}

TEST(DurableFileTest, ManyFoldersAreMadeAtOnce) {
  const TempDir dir;
  std::set<fs::path> folders;
  for (int i = 0; i < 50; ++i) folders.insert(dir / std::to_string(i % 7) / std::to_string(i));
  ASSERT_OK(CreateDirectoriesDurably(folders));
  for (const fs::path& folder : folders) EXPECT_TRUE(fs::is_directory(folder)) << folder;
  EXPECT_OK(CreateDirectoriesDurably(folders));
  ASSERT_OK(WriteFileDurably(dir / "file", "x"));
  EXPECT_THAT(CreateDirectoriesDurably(std::set<fs::path>{dir / "8/1", dir / "file"}),
              StatusIs(absl::StatusCode::kAlreadyExists, "FILE_EXISTS"));
}

TEST(DurableFileTest, OneFileOfManyThatCannotBeFlushedIsAnError) {
  const TempDir dir;
  std::vector<fs::path> files;
  for (int i = 0; i < 40; ++i) {
    files.push_back(dir / std::to_string(i));
    if (i != 31) {
      ASSERT_OK(WriteFileDurably(files.back(), "x"));
    }
  }
  EXPECT_THAT(FsyncAll(files), StatusIs(absl::StatusCode::kNotFound, "FILE_NOT_FOUND"));
  files.erase(files.begin() + 31);
  EXPECT_OK(FsyncAll(files));
  EXPECT_OK(FsyncAll({}));
}

TEST(DurableFileTest, ErrorsSayWhatToDo) {
  EXPECT_THAT(FileError(ENOSPC, "write", "/lake/x"),
              StatusIs(absl::StatusCode::kResourceExhausted, "DISK_FULL", HasSubstr("free space")));
  EXPECT_THAT(FileError(EDQUOT, "write", "/lake/x"),
              StatusIs(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
  for (int error : {EACCES, EROFS, EPERM}) {
    EXPECT_THAT(
        FileError(error, "write", "/lake/x"),
        StatusIs(absl::StatusCode::kFailedPrecondition, "PATH_NOT_WRITABLE", HasSubstr("uid")));
  }
  EXPECT_THAT(FileError(EIO, "flush", "/lake/x"),
              StatusIs(absl::StatusCode::kInternal, "FILE_IO", HasSubstr("/lake/x")));
  EXPECT_EQ(ErrorMetadataOf(FileError(EIO, "flush", "/lake/x")).at("path"), "/lake/x");
}

TEST(DurableFileTest, AFolderThatCannotBeWrittenIsSaidSo) {
  TempDir dir;
  EXPECT_OK(CheckWritableDirectory(dir.path()));
  EXPECT_EQ(EntriesIn(dir.path()), 0);
  EXPECT_THAT(CheckWritableDirectory(dir / "nope"),
              StatusIs(absl::StatusCode::kNotFound, "FILE_NOT_FOUND"));
  if (::geteuid() != 0) {
    fs::permissions(dir.path(), fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_THAT(CheckWritableDirectory(dir.path()),
                StatusIs(absl::StatusCode::kFailedPrecondition, "PATH_NOT_WRITABLE"));
    fs::permissions(dir.path(), fs::perms::owner_all);
  }
}

// A limit on the size of files makes write() fail in the middle, as a full disk does.
TEST(DurableFileTest, AFailedWriteLeavesNothing) {
  TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(WriteFileDurably(dir / "f", std::string(5000, 'x')).ok() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(EntriesIn(dir.path()), 0);
}

}  // namespace
}  // namespace tarn::lake
