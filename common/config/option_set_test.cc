#include "common/config/option_set.h"

#include <string>
#include <vector>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class OptionSetTest : public ::testing::Test {
 protected:
  OptionSetTest() {
    set_.Add("catalog.listen", &listen_, "address of gRPC", MustNotBeEmpty);
    set_.Add("catalog.max-rows", &max_rows_, "rows of an answer", MustBePositive);
    set_.Add("catalog.tls.enabled", &tls_, "whether to use TLS");
    set_.Add("lake.flush", &flush_, "time between two flushes");
    set_.Add("lake.file_size", &size_, "size of a file");
    set_.Add("rpc.peers", &peers_, "other services");
    set_.AddSecret("postgres.password", &password_, "password", [](const std::string& v) {
      return v == "short" ? InvalidArgument("INVALID_OPTION", "is too short") : absl::OkStatus();
    });
  }

  absl::Status Load(std::vector<const char*> flags, std::vector<const char*> environment = {}) {
    flags.insert(flags.begin(), "tarn-catalog");
    environment.push_back(nullptr);
    return set_.Load(static_cast<int>(flags.size()), flags.data(), environment.data());
  }

  std::string listen_ = "127.0.0.1:7101";
  std::int64_t max_rows_ = 100;
  bool tls_ = false;
  absl::Duration flush_ = absl::Seconds(5);
  ByteSize size_{64 << 20};
  std::vector<std::string> peers_;
  std::string password_;
  OptionSet set_{"tarn-catalog", "Tables."};
  TempDir dir_;
};

TEST_F(OptionSetTest, DefaultsHoldWithoutSources) {
  ASSERT_OK(Load({}));
  EXPECT_EQ(listen_, "127.0.0.1:7101");
  EXPECT_EQ(set_.Values().at("lake.file_size"), "64MiB");
}

TEST_F(OptionSetTest, ReadsNestedYaml) {
  const std::string file = dir_.WriteFile("tarn.yaml",
                                          "catalog:\n  listen: 0.0.0.0:1\n  tls: {enabled: yes}\n"
                                          "lake.flush: 250ms\nlake:\n  file_size: 1GiB\n"
                                          "rpc:\n  peers: [a, 'b,c']\npostgres:\n");
  ASSERT_OK(Load({"--config", file.c_str()}));
  EXPECT_EQ(listen_, "0.0.0.0:1");
  EXPECT_TRUE(tls_);
  EXPECT_EQ(flush_, absl::Milliseconds(250));
  EXPECT_EQ(size_, ByteSize{1 << 30});
  EXPECT_THAT(peers_, ElementsAre("a", "b,c"));
}

TEST_F(OptionSetTest, FlagsBeatEnvironmentBeatsFileBeatsDefault) {
  const std::string file =
      "TARN_CONFIG=" +
      dir_.WriteFile("t.yaml", "catalog: {listen: file, max-rows: 1}\nlake: {flush: 1s}").string();
  ASSERT_OK(Load({"--catalog.listen=flag"},
                 {file.c_str(), "TARN_CATALOG_LISTEN=environment", "TARN_CATALOG_MAX_ROWS=2",
                  "TARN_UNKNOWN_THING=x", "TARN_LAKE_FILE_SIZE="}));
  EXPECT_EQ(listen_, "flag");
  EXPECT_EQ(max_rows_, 2);
  EXPECT_EQ(flush_, absl::Seconds(1));
  EXPECT_EQ(size_, ByteSize{64 << 20});
}

TEST_F(OptionSetTest, FlagsTakeTheirValueInEitherForm) {
  ASSERT_OK(Load({"--catalog.listen", "a:1", "--catalog.tls.enabled", "--rpc.peers=a,b",
                  "--rpc.peers", "c", "--catalog.max-rows=7"}));
  EXPECT_EQ(listen_, "a:1");
  EXPECT_TRUE(tls_);
  EXPECT_THAT(peers_, ElementsAre("a", "b", "c"));
  EXPECT_EQ(max_rows_, 7);
}

TEST_F(OptionSetTest, ReportsEveryErrorAtOnceWithItsSource) {
  const std::string file = dir_.WriteFile("t.yaml",
                                          "catalog:\n  listn: x\n  max-rows: many\n"
                                          "lake:\n  flush: [1s]\n  flush: 2s\n");
  const absl::Status status =
      Load({"--config", file.c_str(), "--catalog.max-row=3", "--lake.file_size", "stray"},
           {"TARN_LAKE_FLUSH=5", "TARN_CATALOG_LISTEN="});
  EXPECT_THAT(
      status,
      StatusIs(kInvalid, "INVALID_OPTION",
               AllOf(HasSubstr(file + ":2: catalog.listn: there is no such option; did you mean "
                                      "catalog.listen?"),
                     HasSubstr(file + ":3: catalog.max-rows: 'many' must be a whole number"),
                     HasSubstr(file + ":5: lake.flush: takes one value, not a list"),
                     HasSubstr(file + ":6: lake.flush is given twice"),
                     HasSubstr("--catalog.max-row: there is no such option; did you mean "
                               "catalog.max-rows?"),
                     HasSubstr("TARN_LAKE_FLUSH: lake.flush: '5' must be a duration"),
                     HasSubstr("--lake.file_size: 'stray' must be a size"))));
}

TEST_F(OptionSetTest, ValidatorsSeeTheValueThatWon) {
  EXPECT_OK(Load({"--catalog.max-rows=1"}, {"TARN_CATALOG_MAX_ROWS=-1"}));
  EXPECT_THAT(Load({"--catalog.listen="}, {"TARN_CATALOG_MAX_ROWS=-1"}),
              StatusIs(kInvalid, "INVALID_OPTION",
                       AllOf(HasSubstr("--catalog.listen: '' must not be empty"),
                             HasSubstr("TARN_CATALOG_MAX_ROWS: catalog.max-rows: '-1' must be "
                                       "positive"))));
}

TEST_F(OptionSetTest, SecretsAreNeverShown) {
  const absl::Status status = Load({"--postgres.password=short"});
  EXPECT_THAT(status, StatusIs(kInvalid, "INVALID_OPTION",
                               AllOf(HasSubstr("--postgres.password: the value is too short"),
                                     Not(HasSubstr("'short'")))));
  EXPECT_EQ(set_.Values().at("postgres.password"), "***");
  EXPECT_THAT(set_.Help(), Not(HasSubstr("short")));
}

TEST_F(OptionSetTest, HelpListsOptionsByGroupAndSkipsValidation) {
  ASSERT_OK(Load({"--catalog.max-rows=-1", "--help"}));
  EXPECT_TRUE(set_.help_requested());
  EXPECT_THAT(set_.Help(),
              AllOf(HasSubstr("catalog:\n  --catalog.listen text\n      address of gRPC (default: "
                              "127.0.0.1:7101)\n"),
                    HasSubstr("\nlake:\n"), HasSubstr("--lake.flush duration")));
}

TEST_F(OptionSetTest, RefusesWhatItCannotRead) {
  EXPECT_THAT(Load({"--config=/does/not/exist.yaml"}),
              StatusIs(kInvalid, "INVALID_OPTION", HasSubstr("cannot read the options file")));
  const std::string broken = dir_.WriteFile("b.yaml", "catalog: [\n");
  EXPECT_THAT(Load({"--config", broken.c_str()}),
              StatusIs(kInvalid, "INVALID_OPTION", HasSubstr(broken + ":")));
  EXPECT_THAT(Load({"stray"}), StatusIs(kInvalid, "INVALID_OPTION", HasSubstr("'stray'")));
  EXPECT_THAT(Load({"--catalog.listen"}),
              StatusIs(kInvalid, "INVALID_OPTION", HasSubstr("needs a value")));
}

TEST_F(OptionSetTest, ArgumentsPassWhenAllowed) {
  set_.AllowArguments();
  ASSERT_OK(Load({"one", "--catalog.max-rows=1", "--", "--two"}));
  EXPECT_THAT(set_.arguments(), ElementsAre("one", "--two"));
}

}  // namespace
}  // namespace tarn::config
