// Files that somebody puts down: when they are whole, and that each is picked up once.
#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "common/clock/fake_clock.h"
#include "common/events/event.h"
#include "common/failpoint/failpoint.h"
#include "common/postgres/migrations.h"
#include "common/postgres/testing/test_database.h"
#include "common/status/status_macros.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"
#include "services/ingestion/landing/drop_folder.h"
#include "services/ingestion/migrations.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kSettle = absl::Seconds(10);

class DropFolderPgTest : public ::testing::Test {
 protected:
  DropFolderPgTest() {
    fs::create_directories(dir_ / "lake/default/drop/d/t/dt=1");
    lake_ = *lake::LakePaths::Open(dir_ / "lake");
    Restart();
  }
  void TearDown() override { failpoint::DisarmAll(); }
  void Restart() {
    drop_.reset();
    uploads_ = std::make_unique<FileUploads>(*lake_, database_.pool(), clock_, metrics_, "here",
                                             absl::Hours(24));
    drop_ = std::make_unique<DropFolder>(*lake_, *uploads_, clock_, all_metrics_,
                                         DropFolderOptions{.settle_time = kSettle});
  }
  fs::path Dropped(const std::string& name = "d/t/dt=1/a.json") const {
    return dir_ / "lake/default/drop" / name;
  }
  fs::path Landed(const std::string& name = "d/t/dt=1/a.json") const {
    return dir_ / "lake/default/landing" / name;
  }
  void Put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  int ScanLater() {
    clock_.Advance(kSettle);
    return drop_->Scan();
  }
  // "outcome path" of each event.
  std::vector<std::string> Events() {
    const auto events = database_.pool().RunReadOnly(
        [](Transaction& txn) -> absl::StatusOr<std::vector<std::string>> {
          std::vector<std::string> out;
          for (const Row row : txn.Exec("SELECT (data::jsonb->>'outcome') || ' ' || "
                                        "(data::jsonb->>'path') AS e FROM events.outbox WHERE "
                                        "type = 'tarn.ingestion.file.uploaded' ORDER BY xid, "
                                        "seq")) {
            out.push_back(row.Get<std::string>("e"));
          }
          return out;
        });
    EXPECT_OK(events);
    return events.ok() ? *events : std::vector<std::string>();
  }

  TempDir dir_;
  TestDatabase database_{[](PostgresPool& pool) -> absl::Status {
    TARN_RETURN_IF_ERROR(events::Migrate(pool));
    return ApplyMigrations(pool, "ingestion", Migrations());
  }};
  // Files are younger than this clock's time only when a test makes them so.
  FakeClock clock_{absl::Now()};
  Metrics all_metrics_;
  IngestionMetrics metrics_{all_metrics_};
  std::optional<lake::LakePaths> lake_;
  std::unique_ptr<FileUploads> uploads_;
  std::unique_ptr<DropFolder> drop_;
};

TEST_F(DropFolderPgTest, AFileIsPickedUpOnceWhenItHasNotChangedForAWhile) {
  Put(Dropped(), "one");
  EXPECT_EQ(drop_->Scan(), 0);
  clock_.Advance(kSettle / 2);
  EXPECT_EQ(drop_->Scan(), 0);
  // Somebody goes on writing: the time begins anew.
  std::ofstream(Dropped(), std::ios::app) << " two";
  EXPECT_EQ(ScanLater(), 0);
  EXPECT_EQ(ScanLater(), 1);
  EXPECT_EQ(ReadFile(Landed()), "one two");
  EXPECT_FALSE(fs::exists(Dropped()));
  EXPECT_EQ(ScanLater(), 0);
  EXPECT_THAT(Events(), ElementsAre("CREATED d/t/dt=1/a.json"));
}

TEST_F(DropFolderPgTest, AFileThatLayThereForLongIsPickedUpAtOnce) {
  Put(Dropped(), "one");
  clock_.Advance(absl::Hours(1));
  Restart();
  EXPECT_EQ(drop_->Scan(), 1);
}

TEST_F(DropFolderPgTest, TheSameFileAgainChangesNothingAndAnotherReplacesIt) {
  for (const char* text : {"one", "one", "other"}) {
    Put(Dropped(), text);
    EXPECT_EQ(drop_->Scan() + ScanLater(), 1);
    EXPECT_FALSE(fs::exists(Dropped()));
    EXPECT_EQ(ReadFile(Landed()), text);
  }
  EXPECT_THAT(Events(), ElementsAre("CREATED d/t/dt=1/a.json", "REPLACED d/t/dt=1/a.json"));
}

TEST_F(DropFolderPgTest, WhatIsNoWholeFileOfATableIsLeftAlone) {
  for (const char* name : {"d/t/.hidden", "d/t/_x", "d/t/a.part", "d/t/a.tmp", "d/a.json", "a.json",
                           "d/t/folder/a.json", "Bad/t/a.json", "system/t/a.json"}) {
    Put(Dropped(name), "x");
  }
  Put(dir_ / "elsewhere/secret", "x");
  fs::create_symlink(dir_ / "elsewhere/secret", Dropped("d/t/link.json"));
  fs::create_directory_symlink(dir_ / "elsewhere", Dropped("d/t/k=v"));
  drop_->Scan();
  EXPECT_EQ(ScanLater(), 0);
  EXPECT_FALSE(fs::exists(dir_ / "lake/default/landing"));
  EXPECT_TRUE(fs::exists(dir_ / "elsewhere/secret"));
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(DropFolderPgTest, OneInstanceLooksAtATime) {
  DropFolder other(*lake_, *uploads_, clock_, all_metrics_, {.settle_time = kSettle});
  Put(Dropped(), "one");
  drop_->Scan();
  other.Scan();
  clock_.Advance(kSettle);
  EXPECT_EQ(other.Scan(), 0);
  drop_.reset();
  other.Scan();
  clock_.Advance(kSettle);
  EXPECT_EQ(other.Scan(), 1);
}

TEST_F(DropFolderPgTest, AFileIsToldOfOnceWhereverTheProcessIsKilled) {
  for (const char* point : {"ingestion.upload.before_rename", "ingestion.upload.after_rename"}) {
    SCOPED_TRACE(point);
    Put(Dropped(), point);
    clock_.Advance(absl::Hours(1));
    const size_t before = Events().size();
    drop_.reset();
    // The child is this process over again, with connections of its own.
    const pid_t child = fork();
    if (child == 0) {
      if (!failpoint::Arm(point, "abort").ok()) _exit(1);
      PostgresPool pool({.dsn = database_.dsn()});
      FileUploads uploads(*lake_, pool, clock_, metrics_, "here", absl::Hours(24));
      DropFolder drop(*lake_, uploads, clock_, all_metrics_, {.settle_time = kSettle});
      drop.Scan();
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(Events().size(), before);
    Restart();
    ASSERT_OK(uploads_->FinishIntents());
    drop_->Scan();
    ScanLater();
    EXPECT_EQ(ReadFile(Landed()), point);
    EXPECT_EQ(Events().size(), before + 1);
    ASSERT_OK(uploads_->FinishIntents());
    EXPECT_EQ(Events().size(), before + 1);
  }
}

}  // namespace
}  // namespace tarn::ingestion
