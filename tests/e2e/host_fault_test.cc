// What is wrong with the machine around Tarn: folders that cannot be written, files that others can
// read, ports and folders that are taken, uploads that break off. Each ends in a message that says
// what to do, and nothing partial is left.
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/auth/remote_token_provider.h"
#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/testing/status_matchers.h"
#include "tests/e2e/deployment.h"
#include "tests/e2e/tcp_proxy.h"

namespace tarn::e2e {
namespace {

namespace fs = std::filesystem;
namespace ingestion = ::tarn::ingestion::v1;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kLong = absl::Seconds(60);
// A PostgreSQL that nobody has: what is refused must be refused before it is looked for.
constexpr char kNoPostgres[] = "postgresql://tarn@127.0.0.1:1/tarn";

class HostFaultTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    tarn_ = new Deployment(Form::kStandalone);
    ASSERT_TRUE(tarn_->Start());
  }
  static void TearDownTestSuite() {
    delete tarn_;
    tarn_ = nullptr;
  }

  static std::string File(const std::string& name) { return tarn_->folder() + "/" + name; }
  static std::string WriteFile(const std::string& name, const std::string& content) {
    fs::create_directories(fs::path(File(name)).parent_path());
    std::ofstream(File(name), std::ios::binary) << content;
    return File(name);
  }
  static std::string Read(const std::string& file) {
    std::stringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777;
  }

  static CommandResult Program(const std::string& name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ProgramFolder() + "/" + name);
    return RunCommand(arguments);
  }

  // Folders that this user cannot write, whoever it is.
  static std::vector<std::vector<std::string>> CommandsInUnwritableFolders() {
    const std::string program = ProgramFolder() + "/tarn-standalone";
    std::vector<std::vector<std::string>> commands = {{program, "--data", "/proc/tarn/data"}};
    const std::string mounted = File("read_only");
    fs::create_directories(mounted);
    if (RunCommand({"unshare", "-m", "mount", "-t", "tmpfs", "-o", "ro", "none", mounted})
            .exit_code == 0) {
      commands.push_back({"unshare", "-m", "sh", "-c",
                          "mount -t tmpfs -o ro none \"$0\" && exec \"$@\"", mounted, program,
                          "--data", mounted + "/data"});
    } else {
      std::cout << "no file system can be mounted here: a read-only one is not tried\n";
    }
    if (::geteuid() != 0) {
      ::chmod(mounted.c_str(), 0555);
      commands.push_back({program, "--data", mounted + "/data"});
    }
    return commands;
  }

  static Deployment* tarn_;
};

Deployment* HostFaultTest::tarn_ = nullptr;

TEST_F(HostFaultTest, AFolderThatCannotBeWrittenEndsEveryProgramWithItsPath) {
  for (const std::vector<std::string>& command : CommandsInUnwritableFolders()) {
    const CommandResult result = RunCommand(command);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(command.back()));
    EXPECT_THAT(result.err, HasSubstr("choose another folder"));
  }
  for (const char* program : {"tarn-dashboard", "tarn-catalog", "tarn-query", "tarn-ingestion",
                              "tarn-transform", "tarn-alerting"}) {
    const CommandResult result =
        Program(program, {"--common.postgres_dsn", kNoPostgres, "--common.lake_path",
                          "/proc/tarn/lake", "--common.state_path", "/proc/tarn/state"});
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr("/proc/tarn/lake"));
    EXPECT_THAT(result.err, HasSubstr("/proc/tarn/state"));
  }
}

TEST_F(HostFaultTest, AFileWhereAFolderIsExpectedIsNamed) {
  const std::string file = WriteFile("a_file", "mine");
  for (const std::string& data : {file, file + "/below"}) {
    const CommandResult result = Program("tarn-standalone", {"--data", data});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(file + " is a file"));
  }
  const CommandResult lake =
      Program("tarn-catalog", {"--common.postgres_dsn", kNoPostgres, "--common.lake_path",
                               file + "/lake", "--common.state_path", File("state")});
  EXPECT_EQ(lake.exit_code, 2);
  EXPECT_THAT(lake.err, HasSubstr(file + "/lake"));
  EXPECT_EQ(Read(file), "mine");
}

TEST_F(HostFaultTest, WhatLiesOnDiskIsForItsOwnerAlone) {
  const std::string data = File("data");
  const bool root = ::geteuid() == 0;
  EXPECT_EQ(ModeOf(data), root ? 0711u : 0700u);
  for (const fs::directory_entry& entry : fs::directory_iterator(data)) {
    if (entry.path().filename() == "postgres") {
      EXPECT_EQ(ModeOf(entry.path()), root ? 0711u : 0700u);
      EXPECT_EQ(ModeOf(entry.path() / "data"), 0700u);
      EXPECT_EQ(ModeOf(entry.path() / "run"), 0700u);
    } else {
      EXPECT_EQ(ModeOf(entry.path()), 0700u) << entry.path();
    }
  }
  for (const char* key : {"admin.key", "service.key", "signing.pem"}) {
    EXPECT_EQ(ModeOf(data + "/secrets/" + key), 0600u) << key;
  }
  WriteFile("mode/rows.csv", "a\n1\n");
  ASSERT_EQ(tarn_->Tarn({"upload", "bad.mode", File("mode")}).exit_code, 0);
  for (const char* folder : {"/lake", "/wal", "/secrets", "/run"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(data + folder)) {
      EXPECT_EQ(ModeOf(entry.path()) & 077, 0u) << entry.path();
    }
  }
}

TEST_F(HostFaultTest, AFolderThatWasLeftOpenIsShut) {
  const std::string data = File("open");
  fs::create_directories(data + "/lake");
  ::chmod(data.c_str(), 0777);
  ::chmod((data + "/lake").c_str(), 0777);
  // It ends by itself, because the page's port is taken.
  const CommandResult result =
      Program("tarn-standalone",
              {"--data", data, "--common.postgres_dsn", kNoPostgres, "--dashboard.listen",
               "127.0.0.1:0", "--dashboard.http_listen", tarn_->http_address()});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(ModeOf(data), 0700u);
  EXPECT_EQ(ModeOf(data + "/lake"), 0700u);
}

TEST_F(HostFaultTest, ASecretThatOthersCanReadIsRefusedWithTheCommandThatMendsIt) {
  const std::string key = WriteFile("exposed/secrets/admin.key", Read(tarn_->admin_key_file()));
  ::chmod(key.c_str(), 0644);
  const CommandResult program =
      Program("tarn-standalone",
              {"--data", File("exposed"), "--common.postgres_dsn", kNoPostgres,
               "--dashboard.listen", "127.0.0.1:0", "--dashboard.http_listen", "127.0.0.1:0"});
  EXPECT_EQ(program.exit_code, 1);
  EXPECT_THAT(program.err, HasSubstr("chmod 600 " + key));
  EXPECT_THAT(program.err, Not(HasSubstr(Read(key).substr(0, 30))));

  const CommandResult client = RunCommand(
      {ProgramFolder() + "/tarn", "--address", tarn_->address(), "--key-file", key, "status"});
  EXPECT_EQ(client.exit_code, 1);
  EXPECT_THAT(client.err, HasSubstr("chmod 600 " + key));
}

TEST_F(HostFaultTest, AKeyFileThatIsMissingIsNamed) {
  const CommandResult client = RunCommand({ProgramFolder() + "/tarn", "--address", tarn_->address(),
                                           "--key-file", File("none.key"), "get", "databases"});
  EXPECT_EQ(client.exit_code, 1);
  EXPECT_THAT(client.err, HasSubstr(File("none.key")));
  EXPECT_THAT(client.err, HasSubstr("TARN_KEY_FILE"));
}

TEST_F(HostFaultTest, ASecondInstanceInTheSameFolderIsRefusedAndTheFirstIsNotDisturbed) {
  const std::string ready = Read(File("standalone.json"));
  const CommandResult second =
      Program("tarn-standalone",
              {"--data", File("data"), "--common.ready_file", File("standalone.json"),
               "--dashboard.listen", "127.0.0.1:0", "--dashboard.http_listen", "127.0.0.1:0"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("another tarn-standalone runs in " + File("data")));
  EXPECT_THAT(ready, HasSubstr("pid"));
  EXPECT_EQ(Read(File("standalone.json")), ready);
  EXPECT_EQ(tarn_->Tarn({"status"}).exit_code, 0);
}

TEST_F(HostFaultTest, APortInUseIsNamedWithItsOption) {
  for (const auto& [option, address] :
       {std::pair<std::string, std::string>{"dashboard.listen", tarn_->address()},
        {"dashboard.http_listen", tarn_->http_address()}}) {
    const std::string other =
        option == "dashboard.listen" ? "--dashboard.http_listen" : "--dashboard.listen";
    const CommandResult result =
        Program("tarn-standalone", {"--data", File("port"), "--common.postgres_dsn", kNoPostgres,
                                    "--" + option, address, other, "127.0.0.1:0"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, HasSubstr(option));
    EXPECT_THAT(result.err, HasSubstr(address));
    EXPECT_THAT(result.err, HasSubstr("in use"));
  }
}

// A file of 24 MiB on its way through a proxy.
class UploadFaultTest : public HostFaultTest {
 protected:
  void SetUp() override {
    table_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    for (char& c : table_) c = static_cast<char>(std::tolower(c));
    for (int line = 0; content_.size() < (24 << 20); ++line) {
      absl::StrAppend(&content_, line, ",", std::string(500, 'q'), "\n");
    }
    file_ = WriteFile("upload/" + table_ + ".csv", content_);
  }

  std::vector<std::string> Upload() const { return {"upload", "bad." + table_, file_}; }
  fs::path Landed() const {
    return fs::path(tarn_->lake()) / "default/landing/bad" / table_ / (table_ + ".csv");
  }
  // What was received may be kept, hidden, for the same upload to go on.
  void ExpectNotLanded() const {
    if (!fs::exists(Landed().parent_path())) return;
    EXPECT_TRUE(fs::is_empty(Landed().parent_path()));
  }
  void ExpectNothingKept() const {
    const fs::path uploads = fs::path(tarn_->lake()) / "default/.uploads";
    EXPECT_TRUE(WaitUntil([&] { return !fs::exists(uploads) || fs::is_empty(uploads); }, kLong));
  }
  void ExpectWhole() const {
    EXPECT_TRUE(Read(Landed()) == content_);
    ExpectNothingKept();
  }

  std::string table_;
  std::string content_;
  std::string file_;
  TcpProxy proxy_{tarn_->address()};
};

TEST_F(UploadFaultTest, OneWhoseClientIsKilledIsNotThereAndIsWholeTheNextTime) {
  proxy_.Hold(8 << 20);
  std::vector<std::string> command = {ProgramFolder() + "/tarn", "--address", proxy_.address()};
  for (const std::string& word : Upload()) command.push_back(word);
  {
    Child client(command, {{"TARN_KEY_FILE", tarn_->admin_key_file()}}, File("client.log"));
    ASSERT_TRUE(WaitUntil([&] { return proxy_.forwarded() >= (8 << 20); }, kLong));
    client.Signal(SIGKILL);
  }
  proxy_.Hold(-1);
  ExpectNotLanded();
  EXPECT_EQ(tarn_->Tarn(Upload()).exit_code, 0);
  ExpectWhole();
}

TEST_F(UploadFaultTest, OneWhoseConnectionIsCutIsSentAgainByTheClient) {
  proxy_.Hold(8 << 20);
  std::thread cutter([&] {
    EXPECT_TRUE(WaitUntil([&] { return proxy_.forwarded() >= (8 << 20); }, kLong));
    EXPECT_FALSE(fs::exists(Landed()));
    proxy_.Cut();
    proxy_.Hold(-1);
  });
  const CommandResult result = tarn_->TarnAt(proxy_.address(), Upload());
  cutter.join();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ExpectWhole();
}

TEST_F(UploadFaultTest, OneWhoseServerStaysAwayIsToldAndIsNotThere) {
  proxy_.Hold(8 << 20);
  std::thread cutter([&] {
    EXPECT_TRUE(WaitUntil([&] { return proxy_.forwarded() >= (8 << 20); }, kLong));
    proxy_.Refuse(true);
    proxy_.Cut();
    proxy_.Hold(-1);
  });
  const CommandResult result = tarn_->TarnAt(proxy_.address(), Upload());
  cutter.join();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("the same command goes on"));
  ExpectNotLanded();
  proxy_.Refuse(false);
  EXPECT_EQ(tarn_->TarnAt(proxy_.address(), Upload()).exit_code, 0);
  ExpectWhole();
}

TEST_F(UploadFaultTest, BytesThatChangeOnTheWayAreRefused) {
  proxy_.Falsify(std::string(100, 'q'));
  const CommandResult result = tarn_->TarnAt(proxy_.address(), Upload());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("SHA-256"));
  ExpectNotLanded();
  // Nothing of it comes into the next try.
  EXPECT_EQ(tarn_->Tarn(Upload()).exit_code, 0);
  ExpectWhole();
}

TEST_F(UploadFaultTest, AWrongChecksumAndABrokenStreamOfCallsLeaveNothing) {
  auto channel = rpc::CreateChannelTo(tarn_->address(), grpc::InsecureChannelCredentials());
  auth::RemoteTokenProvider tokens([&] { return channel; }, tarn_->admin_key_file(), SystemClock());
  ASSERT_OK_AND_ASSIGN(const std::string token, tokens.ServiceToken());
  auto stub = ingestion::IngestionService::NewStub(channel);
  for (const bool whole : {true, false}) {
    grpc::ClientContext context;
    rpc::PrepareContext(context, {.token = token});
    ingestion::UploadFileResponse response;
    auto writer = stub->UploadFile(&context, &response);
    ingestion::UploadFileRequest request;
    request.mutable_header()->set_table("databases/bad/tables/" + table_);
    request.mutable_header()->set_file_name(table_ + ".csv");
    request.mutable_header()->set_sha256(std::string(64, 'a'));
    EXPECT_TRUE(writer->Write(request));
    request.set_chunk("a,b\n1,2\n");
    EXPECT_TRUE(writer->Write(request));
    if (whole) {
      writer->WritesDone();
    } else {
      context.TryCancel();
    }
    const absl::Status status = rpc::FromGrpcStatus(writer->Finish());
    EXPECT_FALSE(status.ok());
    if (whole) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "CHECKSUM_MISMATCH"));
    }
    ExpectNotLanded();
    ExpectNothingKept();
  }
}

}  // namespace
}  // namespace tarn::e2e
