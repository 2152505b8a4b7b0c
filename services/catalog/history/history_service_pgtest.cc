// The RPCs of tables' histories as clients call them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/catalog/testing/catalog_module_test.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

using Catalog = v1::CatalogService::Stub;
using History = v1::HistoryService::Stub;

constexpr char kTable[] = "databases/d/tables/t";

class HistoryServiceTest : public CatalogModuleTest {
 protected:
  void SetUp() override {
    ASSERT_OK(MakeDatabase());
    v1::CreateTableRequest make;
    make.mutable_table()->set_name(kTable);
    make.mutable_table()->set_type(v1::TABLE_TYPE_MANAGED);
    AddField("id", "int", make.mutable_table()->mutable_schema());
    ASSERT_OK_AND_ASSIGN(table_, Call(&Catalog::CreateTable, make));
  }

  static void AddField(const std::string& name, const std::string& type, v1::Schema* schema) {
    v1::Field* field = schema->add_fields();
    field->set_name(name);
    field->set_type(type);
  }
  int64_t Append(const std::string& file) {
    v1::CommitTableRequest commit;
    commit.set_table(kTable);
    commit.set_operation(v1::SNAPSHOT_OPERATION_APPEND);
    commit.set_request_id("append-" + file);
    (*commit.mutable_summary())["stream"] = "streams/s";
    v1::DataFile* added = commit.add_added_files();
    added->set_path(table_.location() + "/" + file);
    added->set_row_count(10);
    added->set_byte_count(100);
    auto made = Call(&Catalog::CommitTable, commit);
    EXPECT_OK(made);
    return made->snapshot().snapshot_id();
  }
  v1::CreateTagRequest TagRequest(const std::string& tag, int64_t snapshot = 0) {
    v1::CreateTagRequest request;
    request.mutable_tag()->set_name(std::string(kTable) + "/tags/" + tag);
    if (snapshot != 0) request.mutable_at()->set_snapshot_id(snapshot);
    return request;
  }

  v1::Table table_;
};

TEST_F(HistoryServiceTest, TagsAreMadeReadListedAndRemoved) {
  const int64_t first = Append("a");
  Append("b");
  v1::CreateTagRequest make = TagRequest("good", first);
  make.mutable_tag()->set_comment("checked");
  make.mutable_tag()->mutable_expire_time()->set_seconds(4'000'000'000);
  make.set_request_id("r1");
  ASSERT_OK_AND_ASSIGN(const v1::Tag made, Call(&History::CreateTag, make));
  EXPECT_EQ(made.snapshot_id(), first);
  EXPECT_EQ(made.created_by(), "ada");
  ASSERT_OK_AND_ASSIGN(const v1::Tag again, Call(&History::CreateTag, make));
  EXPECT_EQ(again.DebugString(), made.DebugString());
  EXPECT_THAT(Call(&History::CreateTag, TagRequest("more"), auth::kViewerRole),
              StatusIs(absl::StatusCode::kPermissionDenied));

  v1::GetTagRequest get;
  get.set_name(made.name());
  ASSERT_OK_AND_ASSIGN(const v1::Tag read, Call(&History::GetTag, get, auth::kViewerRole));
  EXPECT_EQ(read.DebugString(), made.DebugString());
  v1::GetSnapshotRequest by_tag;
  by_tag.set_name(std::string(kTable) + "/snapshots/good");
  ASSERT_OK_AND_ASSIGN(v1::Snapshot snapshot, Call(&Catalog::GetSnapshot, by_tag));
  EXPECT_EQ(snapshot.snapshot_id(), first);
  v1::FindSnapshotRequest find;
  find.set_table(kTable);
  *find.mutable_at()->mutable_as_of_time() = snapshot.commit_time();
  ASSERT_OK_AND_ASSIGN(snapshot, Call(&History::FindSnapshot, find));
  EXPECT_EQ(snapshot.snapshot_id(), first);

  ASSERT_OK(Call(&History::CreateTag, TagRequest("better")));
  ASSERT_OK(Call(&History::CreateTag, TagRequest("best")));
  v1::ListTagsRequest list;
  list.set_parent(kTable);
  list.set_page_size(2);
  std::vector<std::string> names;
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListTagsResponse page, Call(&History::ListTags, list));
    for (const v1::Tag& tag : page.tags())
      names.push_back(tag.name().substr(tag.name().rfind('/') + 1));
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(names, ElementsAre("best", "better", "good"));

  v1::DeleteTagRequest remove;
  remove.set_name(made.name());
  ASSERT_OK(Call(&History::DeleteTag, remove));
  EXPECT_THAT(Call(&History::GetTag, get), StatusIs(absl::StatusCode::kNotFound, "TAG_NOT_FOUND"));
}

TEST_F(HistoryServiceTest, ARollbackIsDoneOnceForARequest) {
  const int64_t first = Append("a");
  const int64_t second = Append("b");
  v1::RollbackTableRequest request;
  request.set_table(kTable);
  request.mutable_to()->set_snapshot_id(first);
  request.set_base_snapshot_id(second);
  request.set_request_id("r1");
  ASSERT_OK_AND_ASSIGN(const v1::Snapshot back, Call(&History::RollbackTable, request));
  EXPECT_EQ(back.operation(), v1::SNAPSHOT_OPERATION_ROLLBACK);
  EXPECT_EQ(back.summary().at("total-files"), "1");
  Append("c");
  // The base is not the current one any more, but this was done.
  ASSERT_OK_AND_ASSIGN(const v1::Snapshot again, Call(&History::RollbackTable, request));
  EXPECT_EQ(again.snapshot_id(), back.snapshot_id());
  request.set_request_id("r2");
  EXPECT_THAT(Call(&History::RollbackTable, request),
              StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));
  EXPECT_THAT(Call(&History::RollbackTable, request, auth::kViewerRole),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(HistoryServiceTest, ADifferenceIsReadInPages) {
  const int64_t first = Append("a");
  Append("b");
  Append("c");
  v1::DiffSnapshotsRequest request;
  request.set_table(kTable);
  EXPECT_THAT(Call(&History::DiffSnapshots, request),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  request.mutable_from()->set_snapshot_id(first);
  request.set_page_size(1);
  ASSERT_OK_AND_ASSIGN(v1::DiffSnapshotsResponse page, Call(&History::DiffSnapshots, request));
  EXPECT_EQ(page.from().snapshot_id(), first);
  EXPECT_EQ(page.to().sequence_number(), 3);
  EXPECT_EQ(page.added().row_count(), 20);
  EXPECT_EQ(page.partition_count(), 1);
  ASSERT_THAT(page.files(), SizeIs(1));
  EXPECT_EQ(page.files(0).side(), v1::DIFFERENCE_SIDE_ADDED);
  EXPECT_EQ(page.files(0).file().path(), table_.location() + "/b");
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, Call(&History::DiffSnapshots, request));
  EXPECT_FALSE(page.has_added());
  EXPECT_EQ(page.files(0).file().path(), table_.location() + "/c");
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(HistoryServiceTest, AnExpiryThatWouldDoNothingSaysSo) {
  Append("a");
  v1::PreviewExpiryRequest request;
  request.set_table(kTable);
  ASSERT_OK_AND_ASSIGN(const v1::PreviewExpiryResponse preview,
                       Call(&History::PreviewExpiry, request, auth::kViewerRole));
  EXPECT_EQ(preview.policy().min_count(), 10);
  EXPECT_EQ(preview.policy().max_age().seconds(), 5 * 24 * 3600);
  EXPECT_EQ(preview.snapshot_count(), 0);
  EXPECT_THAT(preview.snapshots(), SizeIs(0));
}

TEST_F(HistoryServiceTest, VersionsOfASchemaAreListedAndCompared) {
  v1::UpdateTableRequest update;
  *update.mutable_table() = table_;
  update.mutable_table()->mutable_schema()->mutable_fields(0)->set_type("long");
  AddField("name", "string", update.mutable_table()->mutable_schema());
  update.mutable_update_mask()->add_paths("schema");
  ASSERT_OK(Call(&Catalog::UpdateTable, update));
  v1::ListSchemaVersionsRequest list;
  list.set_parent(kTable);
  list.set_page_size(1);
  ASSERT_OK_AND_ASSIGN(v1::ListSchemaVersionsResponse page,
                       Call(&History::ListSchemaVersions, list));
  ASSERT_THAT(page.versions(), SizeIs(1));
  EXPECT_EQ(page.versions(0).schema_id(), 1);
  EXPECT_EQ(page.versions(0).schema().fields_size(), 2);
  list.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, Call(&History::ListSchemaVersions, list));
  EXPECT_EQ(page.versions(0).schema_id(), 0);
  EXPECT_EQ(page.next_page_token(), "");

  v1::CompareSchemasRequest compare;
  compare.set_table(kTable);
  ASSERT_OK_AND_ASSIGN(v1::CompareSchemasResponse compared,
                       Call(&History::CompareSchemas, compare));
  EXPECT_FALSE(compared.compared_by_name());
  ASSERT_THAT(compared.changes(), SizeIs(2));
  EXPECT_EQ(compared.changes(0).kind(), v1::FIELD_CHANGE_KIND_WIDENED);
  EXPECT_EQ(compared.changes(0).before(), "int");
  EXPECT_EQ(compared.changes(1).kind(), v1::FIELD_CHANGE_KIND_ADDED);
  EXPECT_EQ(compared.changes(1).path(), "name");

  v1::CommitTableRequest replace;
  replace.set_table(kTable);
  replace.set_operation(v1::SNAPSHOT_OPERATION_OVERWRITE);
  replace.set_request_id("replace");
  replace.mutable_create_or_replace()->set_type(v1::TABLE_TYPE_MANAGED);
  AddField("name", "string", replace.mutable_create_or_replace()->mutable_schema());
  ASSERT_OK(Call(&Catalog::CommitTable, replace));
  compare.set_from_schema_id(1);
  ASSERT_OK_AND_ASSIGN(compared, Call(&History::CompareSchemas, compare));
  EXPECT_TRUE(compared.compared_by_name());
  EXPECT_TRUE(compared.to().replaced());
  ASSERT_THAT(compared.changes(), SizeIs(1));
  EXPECT_EQ(compared.changes(0).kind(), v1::FIELD_CHANGE_KIND_DROPPED);
  EXPECT_EQ(compared.changes(0).path(), "id");
  compare.set_to_schema_id(9);
  EXPECT_THAT(Call(&History::CompareSchemas, compare),
              StatusIs(absl::StatusCode::kNotFound, "SCHEMA_NOT_FOUND"));
}

TEST_F(HistoryServiceTest, OriginsOfFilesAreListedInPages) {
  v1::ListFileOriginsRequest request;
  request.set_table(kTable);
  ASSERT_OK_AND_ASSIGN(v1::ListFileOriginsResponse page, Call(&History::ListFileOrigins, request));
  EXPECT_THAT(page.files(), SizeIs(0));
  Append("a");
  Append("b");
  request.set_source("streams/s");
  request.set_page_size(1);
  ASSERT_OK_AND_ASSIGN(page, Call(&History::ListFileOrigins, request));
  ASSERT_THAT(page.files(), SizeIs(1));
  EXPECT_EQ(page.files(0).path(), table_.location() + "/a");
  EXPECT_EQ(page.files(0).origins(0).kind(), v1::ORIGIN_KIND_STREAM);
  EXPECT_EQ(page.files(0).origins(0).row_count(), 10);
  EXPECT_TRUE(page.files(0).origins(0).has_first_commit_time());
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, Call(&History::ListFileOrigins, request));
  EXPECT_EQ(page.files(0).path(), table_.location() + "/b");
  EXPECT_EQ(page.next_page_token(), "");
}

}  // namespace
}  // namespace tarn::catalog
