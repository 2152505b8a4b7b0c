// Commits, tags, rollbacks and expiries in random orders, against a model in memory that keeps the
// files of every snapshot; and at the same time, where only the promises can be checked.
#include <map>
#include <random>
#include <set>
#include <thread>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/metrics/metrics.h"
#include "common/status/error.h"
#include "services/catalog/catalog_metrics.h"
#include "services/catalog/history/testing/history_test.h"

namespace tarn::catalog {
namespace {

using FileSet = std::set<std::string>;

constexpr int kMinCount = 2;

// What a table's history is, said as simply as possible. Ages are in hours.
struct Model {
  struct State {
    int64_t id = 0;
    FileSet files;
    int age = 0;
  };
  std::map<int64_t, State> snapshots;  // by sequence number
  std::map<std::string, int64_t> tags;
  FileSet garbage;
  FileSet ever;
  int64_t newest = 0;

  const FileSet& Current() const {
    static const FileSet kNone;
    return newest == 0 ? kNone : snapshots.at(newest).files;
  }
  void Add(const Snapshot& snapshot, FileSet files) {
    newest = snapshot.sequence_number;
    ever.insert(files.begin(), files.end());
    snapshots[newest] = {snapshot.id, std::move(files)};
  }
  bool IsTagged(int64_t sequence_number) const {
    for (const auto& [name, named] : tags) {
      if (named == sequence_number) return true;
    }
    return false;
  }
  // Whether the one that was current at some time is known: its successor is there.
  bool IsFollowed(int64_t sequence_number) const {
    return sequence_number == newest || snapshots.contains(sequence_number + 1);
  }
  int64_t Expire() {
    int64_t expired = 0;
    for (auto it = snapshots.begin(); it != snapshots.end();) {
      const bool old = it->first <= newest - kMinCount && it->second.age >= 2;
      if (!old || IsTagged(it->first)) {
        ++it;
        continue;
      }
      it = snapshots.erase(it);
      ++expired;
    }
    FileSet named;
    for (const auto& [seq, state] : snapshots) named.insert(state.files.begin(), state.files.end());
    for (const std::string& file : ever) {
      if (!named.contains(file)) garbage.insert(file);
    }
    return expired;
  }
};

class InterleavingTest : public HistoryTest {
 protected:
  InterleavingTest() {
    Exec(
        absl::StrCat("UPDATE catalog.tables SET properties = '{\"tarn.snapshots.max_age\": "
                     "\"90m\", \"tarn.snapshots.min_count\": \"",
                     kMinCount, "\"}'"));
  }

  int Pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  template <typename Map>
  const typename Map::value_type& AnyOf(const Map& map) {
    auto it = map.begin();
    std::advance(it, Pick(static_cast<int>(map.size())));
    return *it;
  }
  std::string NewName() { return absl::StrCat("f", ++names_); }

  void Commit() {
    FileSet files = model_.Current();
    CommitRequest request = catalog::Append("t", NewName(), {});
    // Half of them remove something.
    if (!files.empty() && Pick(2) == 0) {
      request.parameters.operation = SnapshotOperation::kOverwrite;
      request.parameters.base_snapshot_id = model_.snapshots.at(model_.newest).id;
      for (auto it = files.begin(); it != files.end();) {
        if (Pick(2) == 0) {
          request.parameters.removed_paths.push_back(TestFile(*it).path);
          it = files.erase(it);
        } else {
          ++it;
        }
      }
    }
    for (int i = Pick(3); i >= 0; --i) {
      const std::string name = NewName();
      request.parameters.added_files.push_back(TestFile(name));
      files.insert(name);
    }
    const auto made = catalog_.Commit(request);
    ASSERT_OK(made);
    model_.Add(made->snapshot, std::move(files));
  }
  void RollBackSomewhere() {
    const auto& [seq, state] = AnyOf(model_.snapshots);
    const int64_t before = model_.newest;
    const FileSet files = state.files;
    const auto made = RollBackTo({.snapshot_id = state.id});
    ASSERT_OK(made);
    EXPECT_EQ(made->sequence_number, seq == before ? before : before + 1);
    if (seq != before) model_.Add(*made, files);
  }
  void TagSomething() {
    const auto& [seq, state] = AnyOf(model_.snapshots);
    const std::string name = absl::StrCat("t", Pick(4));
    const absl::Status made = MakeTag({.name = name}, {.snapshot_id = state.id}).status();
    EXPECT_EQ(absl::IsAlreadyExists(made), model_.tags.contains(name)) << made;
    if (made.ok()) model_.tags[name] = seq;
  }
  void Untag() {
    const std::string name = AnyOf(model_.tags).first;
    EXPECT_OK(DeleteTag(name));
    model_.tags.erase(name);
  }
  void GrowOld() {
    Age("1 hour");
    for (auto& [seq, state] : model_.snapshots) ++state.age;
  }

  void Compare() {
    for (const auto& [seq, state] : model_.snapshots) {
      const auto found = Files({.snapshot_id = state.id});
      ASSERT_OK(found);
      EXPECT_EQ(FileSet(found->begin(), found->end()), state.files) << "snapshot " << seq;
      EXPECT_EQ(found->size(), state.files.size()) << "snapshot " << seq;
    }
    const std::vector<Snapshot> listed = Snapshots();
    EXPECT_EQ(listed.size(), model_.snapshots.size());
    for (const Snapshot& snapshot : listed) {
      ASSERT_TRUE(model_.snapshots.contains(snapshot.sequence_number))
          << snapshot.sequence_number << " should have expired";
      const auto then = Files({.as_of_time = snapshot.commit_time + absl::Microseconds(1)});
      EXPECT_EQ(then.ok(), model_.IsFollowed(snapshot.sequence_number)) << then.status();
    }
    for (const auto& [name, seq] : model_.tags) {
      const auto found = Files({.tag = name});
      ASSERT_OK(found);
      EXPECT_EQ(FileSet(found->begin(), found->end()), model_.snapshots.at(seq).files) << name;
    }
    const std::vector<std::string> garbage = Garbage();
    EXPECT_EQ(FileSet(garbage.begin(), garbage.end()), model_.garbage);
    // What scans remember of the current snapshot is as it is.
    const auto remembered = Files({}, &cache_);
    ASSERT_OK(remembered);
    EXPECT_EQ(FileSet(remembered->begin(), remembered->end()), model_.Current());
    EXPECT_EQ(remembered->size(), model_.Current().size());
    const Table table = catalog_.GetTable("t");
    EXPECT_EQ(table.statistics.file_count, static_cast<int64_t>(model_.Current().size()));
    EXPECT_EQ(table.statistics.row_count, 10 * static_cast<int64_t>(model_.Current().size()));
  }

  Metrics metrics_registry_;
  CatalogMetrics metrics_{metrics_registry_};
  LiveFileCache cache_{1 << 20, metrics_};
  std::mt19937 random_;
  Model model_;
  int names_ = 0;
};

TEST_F(InterleavingTest, EveryOrderLeavesTheHistoryThatTheModelHas) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    random_.seed(seed);
    Commit();
    for (int step = 0; step < 60 && !HasFailure(); ++step) {
      const int what = Pick(10);
      if (what < 4) Commit();
      if (what == 4) RollBackSomewhere();
      if (what == 5) TagSomething();
      if (what == 6 && !model_.tags.empty()) Untag();
      if (what == 7 || what == 8) GrowOld();
      if (what == 9) {
        EXPECT_EQ(Expire().snapshots, model_.Expire());
        Compare();
      }
    }
    Compare();
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(model_.garbage.size(), 0u) << "nothing has expired: the orders try too little";
}

TEST_F(InterleavingTest, WhoTagsWhileOthersExpireAndCommitIsRefusedOrKeepsTheSnapshot) {
  constexpr int kRounds = 12;
  for (int i = 0; i < kRounds; ++i) Replace(NewName());
  Age("3 hours");
  const std::vector<Snapshot> snapshots = Snapshots();
  std::map<std::string, FileSet> tagged;
  std::thread tags([&] {
    for (size_t i = 0; i < snapshots.size(); ++i) {
      const std::string name = absl::StrCat("t", i);
      const auto made = MakeTag({.name = name}, {.snapshot_id = snapshots[i].id});
      if (made.ok()) {
        tagged[name] = {absl::StrCat("f", snapshots[i].sequence_number)};
      } else {
        EXPECT_THAT(made, StatusIs(absl::StatusCode::kNotFound, "SNAPSHOT_NOT_FOUND"));
      }
    }
  });
  std::thread expiries([&] {
    for (int i = 0; i < kRounds; ++i) Expire();
  });
  for (int i = 0; i < kRounds; ++i) {
    Append("later" + std::to_string(i));
    const absl::Status back = RollBackTo({.snapshot_id = snapshots.front().id}).status();
    EXPECT_TRUE(back.ok() || ErrorReason(back) == "SNAPSHOT_NOT_FOUND") << back;
  }
  tags.join();
  expiries.join();
  Expire();
  for (const auto& [name, files] : tagged) {
    const auto found = Files({.tag = name});
    ASSERT_OK(found);
    EXPECT_EQ(FileSet(found->begin(), found->end()), files) << name;
    for (const std::string& file : files) {
      EXPECT_THAT(Garbage(), ::testing::Not(::testing::Contains(file)));
    }
  }
}

}  // namespace
}  // namespace tarn::catalog
