#include "services/cli/manifest_files.h"

#include <sstream>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Manifest(const std::string& kind, const std::string& name, const std::string& spec) {
  return "apiVersion: tarn/v1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: " + spec +
         "\n";
}

absl::StatusOr<std::vector<DesiredResource>> Load(const std::vector<std::string>& paths,
                                                  const std::string& input = "") {
  std::istringstream in(input);
  return LoadManifests(paths, in);
}

std::vector<std::string> Labels(const std::vector<DesiredResource>& resources) {
  std::vector<std::string> labels;
  for (const DesiredResource& resource : resources) labels.push_back(resource.label);
  return labels;
}

TEST(ManifestFilesTest, TheExampleLoadsInAnOrderThatCanBeApplied) {
  ASSERT_OK_AND_ASSIGN(auto resources, Load({"docs/examples/smart-hub"}));
  EXPECT_THAT(Labels(resources),
              ElementsAre("database/smart_hub", "database/iot", "crawler/usage-json",
                          "crawler/mappings-json", "crawler/locations-csv", "crawler/rates-xml",
                          "stream/device_messages", "device/iot-device-01", "device/iot-device-02",
                          "device/iot-device-03", "channel/operations", "rule/carbon-monoxide",
                          "pipeline/smart-hub", "dataset/usage", "dataset/homes",
                          "dashboard/residential-electrical-usage"));
  EXPECT_EQ(TextField(*resources[0].message, "name"), "databases/smart_hub");
}

TEST(ManifestFilesTest, AFoldersFilesComeInTheOrderOfTheirNames) {
  TempDir dir;
  dir.WriteFile("b/2.yml", Manifest("Database", "third", "{}"));
  dir.WriteFile("b.yaml", Manifest("Database", "second", "{}"));
  dir.WriteFile("a.yaml", Manifest("Table", "first.t", "{type: TABLE_TYPE_VIEW}") + "---\n" +
                              Manifest("Database", "first", "{}"));
  dir.WriteFile("notes.txt", "not a manifest");
  ASSERT_OK_AND_ASSIGN(auto resources, Load({dir.path().string()}));
  EXPECT_THAT(Labels(resources),
              ElementsAre("database/first", "database/second", "database/third", "table/first.t"));
  EXPECT_EQ(TextField(*resources[3].message, "name"), "databases/first/tables/t");
}

TEST(ManifestFilesTest, FaultsOfAllFilesAreToldAtOnceWithTheirLines) {
  TempDir dir;
  const std::string a = dir.WriteFile("a.yaml", Manifest("Database", "x", "{commment: y}"));
  const std::string b = dir.WriteFile("b.yaml", "kind: [\n");
  const std::string c = dir.WriteFile("c.yaml", Manifest("Databse", "x", "{}"));
  const std::string d = dir.WriteFile("d.yaml", Manifest("Table", "nodot", "{}"));
  EXPECT_THAT(
      Load({dir.path().string(), dir.path() / "missing.yaml"}),
      StatusIs(kInvalid, "INVALID_MANIFEST",
               AllOf(HasSubstr(a + ":4: spec.commment: unknown field; did you mean comment?"),
                     HasSubstr(b + ":"), HasSubstr(c + ":1: kind: "),
                     HasSubstr("did you mean Database?"), HasSubstr(d + ":1: metadata.name: "),
                     HasSubstr("missing.yaml: there is no such file"))));
}

TEST(ManifestFilesTest, WhatTheServerSetsIsRefused) {
  EXPECT_THAT(Load({"-"}, Manifest("Database", "x", "{name: databases/y, createTime: null}")),
              StatusIs(kInvalid, "INVALID_MANIFEST",
                       AllOf(HasSubstr("standard input:4: spec.name: stands in metadata.name"),
                             HasSubstr("spec.createTime: is set by the server"))));
}

TEST(ManifestFilesTest, AResourceThatComesTwiceIsRefused) {
  EXPECT_THAT(Load({"-"}, Manifest("Stream", "x", "{table: databases/d/tables/t}") + "---\n" +
                              Manifest("Stream", "x", "{table: databases/d/tables/t}")),
              StatusIs(kInvalid, "INVALID_MANIFEST", HasSubstr("stands in standard input:1")));
}

TEST(ManifestFilesTest, AFolderWithoutManifestsIsAnError) {
  TempDir dir;
  EXPECT_THAT(Load({dir.path().string()}), StatusIs(kInvalid, "INVALID_MANIFEST"));
}

}  // namespace
}  // namespace tarn::cli
