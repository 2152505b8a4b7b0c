// snapshots, tags, diff and rollback against a server.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tarn/catalog/v1/catalog_service.pb.h"
#include "tarn/catalog/v1/history_service.pb.h"

#include "services/cli/testing/command_test.h"

namespace tarn::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kHistory[] = "/tarn.catalog.v1.HistoryService/";

class HistoryCommandTest : public CommandTest {
 protected:
  // Answers `method` with `response`; the last request is kept.
  template <typename Request, typename Response>
  void Answer(const std::string& method, const Response& response, Request* last) {
    tarn_.On<Request, Response>(method, [response, last](const auto& requests, auto* responses) {
      *last = requests[0];
      responses->push_back(response);
      return absl::OkStatus();
    });
  }
};

catalog::v1::Snapshot SnapshotOf(int64_t id, int64_t rows) {
  catalog::v1::Snapshot snapshot;
  snapshot.set_snapshot_id(id);
  snapshot.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  snapshot.set_committed_by("ada");
  (*snapshot.mutable_summary())["added-rows"] = "1234";
  (*snapshot.mutable_summary())["removed-rows"] = "0";
  (*snapshot.mutable_summary())["total-rows"] = std::to_string(rows);
  return snapshot;
}

TEST_F(HistoryCommandTest, SnapshotsAreShownWithTheirTags) {
  catalog::v1::ListSnapshotsResponse snapshots;
  *snapshots.add_snapshots() = SnapshotOf(12, 5000);
  *snapshots.add_snapshots() = SnapshotOf(11, 3766);
  catalog::v1::ListSnapshotsRequest asked;
  Answer("/tarn.catalog.v1.CatalogService/ListSnapshots", snapshots, &asked);
  catalog::v1::ListTagsResponse tags;
  for (const char* name : {"audited", "good"}) {
    tags.add_tags()->set_name(std::string("databases/d/tables/t/tags/") + name);
    tags.mutable_tags(tags.tags_size() - 1)->set_snapshot_id(11);
  }
  catalog::v1::ListTagsRequest asked_tags;
  Answer(std::string(kHistory) + "ListTags", tags, &asked_tags);
  const CommandResult shown = Run({"snapshots", "d.t", "--limit", "2"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(asked.parent(), "databases/d/tables/t");
  EXPECT_EQ(asked.page_size(), 2);
  EXPECT_THAT(shown.out, AllOf(HasSubstr("append"), HasSubstr("+1,234"), HasSubstr("5,000"),
                               HasSubstr("audited, good")));
}

TEST_F(HistoryCommandTest, WhatWouldExpireIsSaidBeforehand) {
  catalog::v1::PreviewExpiryResponse preview;
  preview.mutable_policy()->set_min_count(10);
  preview.mutable_policy()->mutable_max_age()->set_seconds(7200);
  preview.set_snapshot_count(1);
  preview.set_tagged_snapshot_count(2);
  preview.mutable_files()->set_file_count(3);
  preview.mutable_files()->set_byte_count(2048);
  *preview.add_snapshots() = SnapshotOf(3, 1);
  catalog::v1::PreviewExpiryRequest asked;
  Answer(std::string(kHistory) + "PreviewExpiry", preview, &asked);
  EXPECT_THAT(Run({"snapshots", "d.t", "--expiring"}).out,
              HasSubstr("1 snapshot would expire, with 3 files (2.0 KiB); 2 kept by tags. The "
                        "table keeps 10 snapshots"));
}

TEST_F(HistoryCommandTest, TagsAreMadeForAnIdATimeOrATag) {
  catalog::v1::Tag made;
  made.set_snapshot_id(11);
  catalog::v1::CreateTagRequest asked;
  Answer(std::string(kHistory) + "CreateTag", made, &asked);
  EXPECT_EQ(Run({"tags", "d.t", "--create", "good", "--comment", "c"}).out,
            "good names snapshot 11 of d.t\n");
  EXPECT_EQ(asked.tag().name(), "databases/d/tables/t/tags/good");
  EXPECT_EQ(asked.tag().comment(), "c");
  EXPECT_FALSE(asked.has_at());
  EXPECT_NE(asked.request_id(), "");
  Run({"tags", "d.t", "--create", "x", "--at", "11"});
  EXPECT_EQ(asked.at().snapshot_id(), 11);
  Run({"tags", "d.t", "--create", "x", "--at", "2026-11-21", "--expires", "2027-01-01T00:00:00Z"});
  EXPECT_EQ(asked.at().as_of_time().seconds(), 1'795'219'200);
  EXPECT_EQ(asked.tag().expire_time().seconds(), 1'798'761'600);
  Run({"tags", "d.t", "--create", "x", "--at", "good"});
  EXPECT_EQ(asked.at().tag(), "good");
  EXPECT_THAT(Run({"tags", "d.t", "--create", "x", "--at", "2026-13-01"}).err,
              HasSubstr("--at \"2026-13-01\" is no time"));
  EXPECT_EQ(Run({"tags", "d.t", "--at", "11"}).code, 2);
  EXPECT_EQ(Run({"tags", "d.t", "--create", "x", "--delete", "y"}).code, 2);

  catalog::v1::DeleteTagRequest removed;
  Answer(std::string(kHistory) + "DeleteTag", catalog::v1::DeleteTagResponse(), &removed);
  EXPECT_THAT(Run({"tags", "d.t", "--delete", "good"}).out, HasSubstr("good removed"));
  EXPECT_EQ(removed.name(), "databases/d/tables/t/tags/good");

  catalog::v1::ListTagsResponse none;
  catalog::v1::ListTagsRequest listed;
  Answer(std::string(kHistory) + "ListTags", none, &listed);
  EXPECT_EQ(Run({"tags", "d.t"}).out, "d.t has no tags\n");
}

TEST_F(HistoryCommandTest, ADifferenceShowsPartitionsColumnsAndFiles) {
  catalog::v1::DiffSnapshotsResponse page;
  page.mutable_from()->set_snapshot_id(11);
  page.mutable_to()->set_snapshot_id(12);
  page.mutable_to()->set_schema_id(1);
  page.mutable_added()->set_file_count(2);
  page.mutable_added()->set_row_count(1500);
  page.mutable_removed()->set_file_count(1);
  page.mutable_removed()->set_row_count(-1);
  auto* partition = page.add_partitions();
  partition->add_partition()->set_name("dt");
  partition->mutable_partition(0)->set_value("2026-11-21");
  partition->mutable_added()->set_row_count(700);
  page.set_partition_count(1);
  page.add_files()->set_side(catalog::v1::DIFFERENCE_SIDE_ADDED);
  page.mutable_files(0)->mutable_file()->set_path("a.parquet");
  page.mutable_files(0)->mutable_file()->set_row_count(7);
  catalog::v1::DiffSnapshotsRequest asked;
  Answer(std::string(kHistory) + "DiffSnapshots", page, &asked);
  catalog::v1::CompareSchemasResponse compared;
  auto* change = compared.add_changes();
  change->set_kind(catalog::v1::FIELD_CHANGE_KIND_WIDENED);
  change->set_path("id");
  change->set_before("int");
  change->set_after("long");
  change = compared.add_changes();
  change->set_kind(catalog::v1::FIELD_CHANGE_KIND_ADDED);
  change->set_path("name");
  change->set_after("string");
  catalog::v1::CompareSchemasRequest asked_schemas;
  Answer(std::string(kHistory) + "CompareSchemas", compared, &asked_schemas);

  const CommandResult shown = Run({"diff", "d.t", "before", "12", "--files"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(asked.from().tag(), "before");
  EXPECT_EQ(asked.to().snapshot_id(), 12);
  EXPECT_EQ(asked_schemas.to_schema_id(), 1);
  EXPECT_THAT(shown.out, AllOf(HasSubstr("d.t from snapshot 11 to 12"), HasSubstr("dt=2026-11-21"),
                               HasSubstr("+700"), HasSubstr("+1,500"), HasSubstr("?"),
                               HasSubstr("~ id int -> long (widened)"), HasSubstr("+ name string"),
                               HasSubstr("+ a.parquet  7 rows")));
}

TEST_F(HistoryCommandTest, ARollbackSaysTheWayBack) {
  catalog::v1::Snapshot made = SnapshotOf(14, 3766);
  made.set_operation(catalog::v1::SNAPSHOT_OPERATION_ROLLBACK);
  made.set_parent_snapshot_id(13);
  (*made.mutable_summary())["rollback-to"] = "11";
  catalog::v1::RollbackTableRequest asked;
  Answer(std::string(kHistory) + "RollbackTable", made, &asked);
  EXPECT_EQ(Run({"rollback", "d.t", "--to", "good", "--base", "13"}).out,
            "d.t has the rows of snapshot 11 again (3766), by the new snapshot 14; the way back: "
            "tarn rollback d.t --to 13\n");
  EXPECT_EQ(asked.to().tag(), "good");
  EXPECT_EQ(asked.base_snapshot_id(), 13);
  EXPECT_NE(asked.request_id(), "");
  Answer(std::string(kHistory) + "RollbackTable", SnapshotOf(13, 1), &asked);
  EXPECT_EQ(Run({"rollback", "d.t", "--to", "13"}).out, "d.t is at snapshot 13 already\n");
  EXPECT_EQ(Run({"rollback", "d.t"}).code, 2);
}

}  // namespace
}  // namespace tarn::cli
