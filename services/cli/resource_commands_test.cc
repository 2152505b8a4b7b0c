// apply, get, delete, key and status against a server, and what the program says of its usage.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tarn/alerting/v1/rule.pb.h"
#include "tarn/catalog/v1/crawler.pb.h"
#include "tarn/catalog/v1/database.pb.h"
#include "tarn/catalog/v1/table.pb.h"
#include "tarn/dashboard/v1/auth_service.pb.h"
#include "tarn/ingestion/v1/stream.pb.h"
#include "tarn/transform/v1/pipeline.pb.h"

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/cli/cli.h"
#include "services/cli/testing/command_test.h"

namespace tarn::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kExample[] = "docs/examples/smart-hub";
constexpr char kCreateDatabase[] = "/tarn.catalog.v1.CatalogService/CreateDatabase";
constexpr char kUpdatePipeline[] = "/tarn.transform.v1.TransformService/UpdatePipeline";

class ResourceCommandsTest : public CommandTest {};

TEST_F(ResourceCommandsTest, TheExampleIsCreatedAndThenUnchanged) {
  CommandResult result = Run({"apply", "-f", kExample});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("database/smart_hub created\n"),
                                HasSubstr("dashboard/residential-electrical-usage created\n")));
  EXPECT_LT(result.out.find("channel/operations"), result.out.find("rule/carbon-monoxide"));
  const auto pipeline =
      std::dynamic_pointer_cast<const transform::v1::Pipeline>(tarn_.Find("pipelines/smart-hub"));
  ASSERT_NE(pipeline, nullptr);
  EXPECT_EQ(pipeline->steps_size(), 13);

  result = Run({"apply", "-f", kExample});
  EXPECT_EQ(result.code, kExitOk);
  EXPECT_THAT(result.out, AllOf(HasSubstr("pipeline/smart-hub unchanged\n"),
                                Not(HasSubstr("created")), Not(HasSubstr("updated"))));
  EXPECT_EQ(tarn_.CallsOf(kUpdatePipeline), 0);
}

TEST_F(ResourceCommandsTest, AManifestIsAllOfAResource) {
  catalog::v1::Database database;
  database.set_name("databases/d");
  database.set_comment("old");
  (*database.mutable_properties())["team"] = "energy";
  tarn_.Put(database);
  const std::string manifest =
      "apiVersion: tarn/v1\nkind: Database\nmetadata: {name: d}\nspec: {comment: new}\n";
  EXPECT_EQ(Run({"apply", "-f", "-", "--dry-run"}, manifest).out,
            "database/d updated (spec.comment, spec.properties) (dry run)\n");
  EXPECT_EQ(Run({"apply", "-f", "-"}, manifest).out, "database/d updated\n");
  const auto stored =
      std::dynamic_pointer_cast<const catalog::v1::Database>(tarn_.Find("databases/d"));
  EXPECT_EQ(stored->comment(), "new");
  EXPECT_TRUE(stored->properties().empty());
}

TEST_F(ResourceCommandsTest, WhatOnlyTheServerSetsDoesNotMakeAChange) {
  ingestion::v1::Stream stream;
  stream.set_name("streams/s");
  stream.set_table("databases/d/tables/t");
  stream.set_owner("ada");
  stream.mutable_statistics()->set_delivered_records(5);
  tarn_.Put(stream);
  EXPECT_EQ(Run({"apply", "-f", "-"},
                "apiVersion: tarn/v1\nkind: Stream\nmetadata: {name: s}\n"
                "spec: {table: databases/d/tables/t}\n")
                .out,
            "stream/s unchanged\n");
}

TEST_F(ResourceCommandsTest, NothingIsAppliedWhenAnyManifestIsBad) {
  dir_.WriteFile("m/a.yaml", "apiVersion: tarn/v1\nkind: Database\nmetadata: {name: good}\n");
  dir_.WriteFile("m/b.yaml",
                 "apiVersion: tarn/v1\nkind: Database\nmetadata: {name: bad}\n"
                 "spec:\n  coment: x\n");
  const CommandResult result = Run({"apply", "-f", (dir_ / "m").string()});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("b.yaml:5: spec.coment: unknown field; did you mean comment?"));
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(tarn_.CallsOf(kCreateDatabase), 0);
}

TEST_F(ResourceCommandsTest, OneRefusedResourceDoesNotStopTheOthers) {
  tarn_.Fail(kCreateDatabase, InvalidArgument("INVALID_FIELD", "the name is reserved"));
  const CommandResult result = Run({"apply", "-f", std::string(kExample) + "/01-databases.yaml"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_EQ(result.out, "database/smart_hub failed\ndatabase/iot created\n");
  EXPECT_THAT(result.err, AllOf(HasSubstr("the name is reserved"), HasSubstr("1 of 2 resources")));
}

TEST_F(ResourceCommandsTest, AServerThatIsAwayForAMomentIsWaitedFor) {
  tarn_.Fail(kCreateDatabase, Unavailable("MODULE_NOT_SERVING", "starting"), 2);
  const CommandResult result = Run({"apply", "-f", std::string(kExample) + "/01-databases.yaml"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(tarn_.CallsOf(kCreateDatabase), 4);
}

TEST_F(ResourceCommandsTest, YamlOfGetCanBeApplied) {
  ASSERT_EQ(Run({"apply", "-f", kExample}).code, kExitOk);
  const CommandResult yaml = Run({"get", "pipeline", "smart-hub", "-o", "yaml"});
  EXPECT_THAT(yaml.out, AllOf(HasSubstr("kind: Pipeline"), Not(HasSubstr("etag"))));
  EXPECT_EQ(Run({"apply", "-f", "-"}, yaml.out).out, "pipeline/smart-hub unchanged\n");
}

TEST_F(ResourceCommandsTest, GetShowsListsAndSingleResources) {
  catalog::v1::Table table;
  table.set_name("databases/smart_hub/tables/usage");
  table.set_type(catalog::v1::TABLE_TYPE_MANAGED);
  table.mutable_statistics()->set_row_count(1234);
  tarn_.Put(table);
  EXPECT_EQ(Run({"get", "tables", "smart_hub"}).out,
            "NAME             TYPE      ROWS  FILES  SIZE  UPDATED  COMMENT\n"
            "smart_hub.usage  managed  1,234      0   0 B\n");
  EXPECT_THAT(Run({"get", "table", "smart_hub.usage", "-o", "json"}).out,
              HasSubstr("\"name\": \"databases/smart_hub/tables/usage\""));
  const CommandResult missing = Run({"get", "table", "smart_hub.nope"});
  EXPECT_EQ(missing.code, kExitFailed);
  EXPECT_THAT(missing.err, HasSubstr("tarn: there is no databases/smart_hub/tables/nope"));
}

TEST_F(ResourceCommandsTest, DeleteRemovesByShortName) {
  catalog::v1::Database database;
  database.set_name("databases/d");
  tarn_.Put(database);
  EXPECT_EQ(Run({"delete", "db", "d"}).out, "database/d deleted\n");
  EXPECT_EQ(tarn_.Find("databases/d"), nullptr);
  EXPECT_EQ(Run({"delete", "run", "a/b"}).code, kExitUsage);
}

TEST_F(ResourceCommandsTest, AlertsShowWhatFiresFirstAndLeaveOutWhatIsWell) {
  const std::pair<const char*, alerting::v1::AlertState> kAlerts[] = {
      {"rules/r/alerts/a", alerting::v1::ALERT_STATE_PENDING},
      {"rules/r/alerts/b", alerting::v1::ALERT_STATE_FIRING},
      {"rules/r/alerts/c", alerting::v1::ALERT_STATE_OK}};
  for (const auto& [name, state] : kAlerts) {
    alerting::v1::Alert alert;
    alert.set_name(name);
    alert.set_state(state);
    tarn_.Put(alert);
  }
  const CommandResult result = Run({"alerts"});
  EXPECT_EQ(result.code, kExitOk);
  EXPECT_LT(result.out.find("r/b"), result.out.find("r/a"));
  EXPECT_THAT(result.out, Not(HasSubstr("r/c")));
}

TEST_F(ResourceCommandsTest, AKeysSecretGoesToItsFileAlone) {
  tarn_.On<dashboard::v1::CreateKeyRequest, dashboard::v1::CreateKeyResponse>(
      "/tarn.dashboard.v1.AuthService/CreateKey",
      [](const auto& requests, auto* responses) -> absl::Status {
        auto& response = responses->emplace_back();
        *response.mutable_key() = requests[0].key();
        response.mutable_key()->set_name("keys/k1");
        response.set_secret("s3cret");
        return absl::OkStatus();
      });
  const std::string path = dir_ / "new-key";
  const std::vector<std::string> arguments = {"key",    "create", "laptop", "--user", "ada",
                                              "--role", "editor", "--out",  path};
  const CommandResult result = Run(arguments);
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, AllOf(HasSubstr("key/k1 created"), Not(HasSubstr("s3cret"))));
  std::ifstream file(path);
  std::string secret;
  std::getline(file, secret);
  EXPECT_EQ(secret, "s3cret");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  EXPECT_EQ(Run(arguments).code, kExitFailed) << "a key file is never written over";
}

TEST_F(ResourceCommandsTest, StatusFailsWhenAModuleDoes) {
  tarn_.On<dashboard::v1::GetCallerRequest, dashboard::v1::GetCallerResponse>(
      "/tarn.dashboard.v1.AuthService/GetCaller", [](const auto&, auto* responses) -> absl::Status {
        auto& caller = responses->emplace_back();
        caller.set_user("ada");
        caller.add_roles("admin");
        return absl::OkStatus();
      });
  CommandResult result = Run({"status"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("ada (admin)"), HasSubstr("catalog    serving")));
  tarn_.Fail("/tarn.catalog.v1.CatalogService/ListDatabases",
             Internal("BROKEN", "the catalog is broken"));
  result = Run({"status"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.out, HasSubstr("the catalog is broken"));
}

TEST_F(ResourceCommandsTest, AWrongKeyIsToldWithAHint) {
  const std::string wrong = dir_.WriteFile("wrong", "nope").string();
  const CommandResult result =
      RunBare({"get", "tables", "--address", tarn_.address(), "--key-file", wrong, "--verbose"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, AllOf(HasSubstr("tarn: no such key"), HasSubstr("tarn key create"),
                                HasSubstr("reason: KEY_INVALID"), HasSubstr("request id: ")));
  const CommandResult missing = RunBare({"get", "tables", "--address", tarn_.address()});
  EXPECT_THAT(missing.err, HasSubstr("TARN_KEY_FILE"));
  const CommandResult unreadable =
      RunBare({"get", "tables", "--address", tarn_.address(), "--key-file", dir_ / "none"});
  EXPECT_THAT(unreadable.err, HasSubstr("does not exist"));
  std::filesystem::permissions(wrong, std::filesystem::perms(0644));
  const CommandResult exposed =
      RunBare({"get", "tables", "--address", tarn_.address(), "--key-file", wrong});
  EXPECT_THAT(exposed.err, HasSubstr("chmod 600 " + wrong));
}

TEST_F(ResourceCommandsTest, TheEnvironmentStandsInForOptions) {
  setenv("TARN_ADDRESS", tarn_.address().c_str(), 1);
  setenv("TARN_KEY", FakeTarn::kKey, 1);
  const CommandResult result = RunBare({"get", "databases"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
}

TEST_F(ResourceCommandsTest, UsageErrorsEndWithTwoAndNameTheHelp) {
  const std::vector<std::vector<std::string>> kWrong = {{},
                                                        {"frobnicate"},
                                                        {"apply"},
                                                        {"get"},
                                                        {"get", "tabels"},
                                                        {"query", "SELECT 1", "--format", "xml"},
                                                        {"query", "SELECT 1", "--timeout", "soon"},
                                                        {"run", "p", "--param", "novalue"}};
  for (const auto& arguments : kWrong) {
    const CommandResult result = RunBare(arguments);
    EXPECT_EQ(result.code, kExitUsage) << result.err;
    EXPECT_THAT(result.err, ::testing::StartsWith("tarn: "));
  }
}

TEST_F(ResourceCommandsTest, EveryCommandsHelpHasAnExample) {
  for (const char* command : {"apply", "get", "delete", "upload", "crawl", "run", "put", "query",
                              "alerts", "status", "key"}) {
    const CommandResult result = RunBare({command, "--help"});
    EXPECT_EQ(result.code, kExitOk);
    EXPECT_THAT(result.out, AllOf(HasSubstr(std::string("Usage: tarn ") + command),
                                  HasSubstr(std::string("Example:\n  tarn ") + command)));
  }
  EXPECT_THAT(RunBare({"--version"}).out, ::testing::StartsWith("tarn "));
}

}  // namespace
}  // namespace tarn::cli
