#include "services/cli/kind.h"

#include <google/protobuf/descriptor.h>

#include "tarn/catalog/v1/table.pb.h"
#include "tarn/transform/v1/run.pb.h"

#include "common/testing/status_matchers.h"
#include "services/cli/resource_name.h"
#include "services/cli/resource_text.h"

namespace tarn::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool HasPath(const google::protobuf::Descriptor* type, std::string path) {
  for (;;) {
    const size_t dot = path.find('.');
    const auto* field = type->FindFieldByName(path.substr(0, dot));
    if (field == nullptr) return false;
    if (dot == std::string::npos) return true;
    type = field->message_type();
    path = path.substr(dot + 1);
  }
}

TEST(KindTest, EveryEntryNamesRpcsAndFieldsThatExist) {
  for (const Kind& kind : AllKinds()) {
    SCOPED_TRACE(std::string(kind.name));
    EXPECT_NE(kind.Method("List"), nullptr);
    if (kind.has_manifest) {
      for (const char* verb : {"Get", "Create", "Update", "Delete"}) {
        EXPECT_NE(kind.Method(verb), nullptr) << verb;
      }
    }
    for (std::string_view field : kind.output_only) {
      EXPECT_TRUE(HasPath(kind.resource, std::string(field))) << field;
    }
    for (const KindColumn& column : kind.columns) {
      EXPECT_TRUE(HasPath(kind.resource, std::string(column.path))) << column.path;
    }
  }
}

TEST(KindTest, ManifestKindsStandInTheOrderInWhichTheyDependOnEachOther) {
  EXPECT_THAT(
      ManifestKindNames(),
      ElementsAre("Database", "Table", "Crawler", "Stream", "Grant", "RowFilter", "ColumnMask",
                  "Connector", "Device", "Channel", "Rule", "Pipeline", "Dataset", "Dashboard"));
}

TEST(KindTest, IsFoundByNamePluralAndAlias) {
  for (const char* word : {"table", "tables", "TABLES", "tb"}) {
    ASSERT_OK_AND_ASSIGN(const Kind* kind, FindKind(word));
    EXPECT_EQ(kind->name, "Table");
  }
  for (const char* word : {"dead-letter", "dead-letters", "deadletters", "dl"}) {
    ASSERT_OK_AND_ASSIGN(const Kind* kind, FindKind(word));
    EXPECT_EQ(kind->name, "DeadLetter");
  }
  EXPECT_THAT(FindKind("tabels"), StatusIs(absl::StatusCode::kInvalidArgument, "UNKNOWN_KIND",
                                           HasSubstr("did you mean tables?")));
}

TEST(ResourceNameTest, ShortAndFullNamesGoBothWays) {
  const std::pair<const char*, std::pair<const char*, const char*>> kNames[] = {
      {"pipelines/{pipeline}", {"smart-hub", "pipelines/smart-hub"}},
      {"databases/{database}", {"smart_hub", "databases/smart_hub"}},
      {"databases/{database}/tables/{table}",
       {"smart_hub.usage", "databases/smart_hub/tables/usage"}},
      {"databases/{database}/tables/{table}/snapshots/{snapshot}",
       {"smart_hub.usage/12", "databases/smart_hub/tables/usage/snapshots/12"}},
      {"pipelines/{pipeline}/runs/{run}", {"smart-hub/r1", "pipelines/smart-hub/runs/r1"}}};
  for (const auto& [pattern, names] : kNames) {
    EXPECT_THAT(FullName(pattern, names.first), IsOkAndHolds(names.second));
    EXPECT_THAT(FullName(pattern, names.second), IsOkAndHolds(names.second));
    EXPECT_EQ(ShortName(names.second), names.first);
  }
}

TEST(ResourceNameTest, OtherFormsAreRefusedWithTheRightOne) {
  for (const char* text : {"usage", "", "a.b.c", "A.b", "a/b"}) {
    EXPECT_THAT(FullName("databases/{database}/tables/{table}", text),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_RESOURCE_NAME",
                         HasSubstr("DATABASE.TABLE")))
        << text;
  }
  EXPECT_FALSE(FullName("pipelines/{pipeline}", "a/b").ok());
}

TEST(ResourceTextTest, FieldsAreWrittenByTheirType) {
  catalog::v1::Table table;
  table.set_name("databases/d/tables/t");
  table.set_type(catalog::v1::TABLE_TYPE_MANAGED);
  EXPECT_EQ(FieldCell(table, {"", "statistics.row_count"}).text, "");
  table.mutable_statistics()->set_row_count(12345);
  table.mutable_statistics()->set_byte_count(2048);
  (*table.mutable_properties())["a"] = "b";
  EXPECT_EQ(FieldCell(table, {"", "name", ColumnForm::kShortName}).text, "d.t");
  EXPECT_EQ(FieldCell(table, {"", "type"}).text, "managed");
  EXPECT_EQ(FieldCell(table, {"", "statistics.row_count"}).text, "12,345");
  EXPECT_EQ(FieldCell(table, {"", "statistics.byte_count", ColumnForm::kBytes}).text, "2.0 KiB");
  EXPECT_EQ(FieldCell(table, {"", "properties"}).text, "a=b");
  transform::v1::Run run;
  run.set_state(common::v1::EXECUTION_STATE_TIMED_OUT);
  EXPECT_EQ(FieldCell(run, {"", "state"}).text, "timed out");
}

}  // namespace
}  // namespace tarn::cli
