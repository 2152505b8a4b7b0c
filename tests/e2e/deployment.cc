#include "tests/e2e/deployment.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <signal.h>
#include <sstream>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>

#include "common/postgres/private_cluster.h"

namespace tarn::e2e {
namespace {

const std::vector<std::string>& Modules() {
  static const auto* const kNames = new std::vector<std::string>{
      "dashboard", "catalog", "query", "ingestion", "transform", "alerting"};
  return *kNames;
}

}  // namespace

std::string ProgramFolder() {
  // Tests stand in build/tests, programs in build/bin.
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin")
      .string();
}

Deployment::Deployment(Form form) : form_(form) {
  for (const std::string& module : Modules()) ports_[module] = FreePort();
  http_port_ = FreePort();
}

Deployment::~Deployment() {
  // In the reverse order of their start.
  const std::vector<std::string> all = programs();
  for (auto program = all.rbegin(); program != all.rend(); ++program) {
    if (children_.count(*program) > 0 && children_[*program]->Running())
      children_[*program]->Signal(SIGTERM);
  }
}

std::vector<std::string> Deployment::programs() const {
  return form_ == Form::kStandalone ? std::vector<std::string>{"standalone"} : Modules();
}

std::string Deployment::ReadyFile(const std::string& program) const {
  return folder() + "/" + program + ".json";
}

std::vector<std::string> Deployment::CommandOf(const std::string& program) const {
  std::vector<std::string> command = {ProgramFolder() + "/tarn-" + program, "--common.ready_file",
                                      ReadyFile(program)};
  auto add = [&command](const std::string& name, const std::string& value) {
    command.push_back("--" + name);
    command.push_back(value);
  };
  if (program == "standalone" || program == "dashboard") {
    add("dashboard.listen", absl::StrCat("127.0.0.1:", ports_.at("dashboard")));
    add("dashboard.http_listen", absl::StrCat("127.0.0.1:", http_port_));
  }
  if (program == "standalone" || program == "alerting") {
    // Receivers of these tests are on this machine.
    add("alerting.allowed_hosts", "127.0.0.1");
  }
  if (program == "standalone") {
    add("data", folder() + "/data");
    return command;
  }
  if (program != "dashboard")
    add(program + ".listen", absl::StrCat("127.0.0.1:", ports_.at(program)));
  for (const auto& [module, port] : ports_) {
    add("common." + module + "_address", absl::StrCat("127.0.0.1:", port));
  }
  add("common.lake_path", folder() + "/lake");
  add("common.state_path", folder() + "/state-" + program);
  add("common.service_key_file", folder() + "/service.key");
  return command;
}

bool Deployment::StartProgram(const std::string& program) {
  std::filesystem::remove(ReadyFile(program));
  Environment environment;
  if (form_ == Form::kSixProcesses)
    environment.emplace_back("TARN_COMMON_POSTGRES_DSN", postgres_->Dsn());
  const std::string log = folder() + "/" + program + ".log";
  children_[program] = std::make_unique<Child>(CommandOf(program), environment, log);
  const bool started = WaitUntil(
      [&] { return std::filesystem::exists(ReadyFile(program)) || !children_[program]->Running(); },
      absl::Minutes(1));
  if (started && children_[program]->Running()) return true;
  std::cerr << program << " has not started:\n" << std::ifstream(log).rdbuf() << std::endl;
  return false;
}

bool Deployment::Start() {
  if (form_ == Form::kSixProcesses) {
    PrivateClusterOptions options;
    options.durable = false;
    auto postgres = PrivateCluster::Start(folder() + "/postgres", options);
    if (!postgres.ok()) {
      std::cerr << postgres.status() << std::endl;
      return false;
    }
    postgres_ = *std::move(postgres);
  }
  for (const std::string& program : programs()) {
    if (!StartProgram(program)) return false;
  }
  return WaitServing();
}

bool Deployment::WaitServing() {
  std::string last;
  const bool serving = WaitUntil(
      [&] {
        if (!std::filesystem::exists(admin_key_file())) return false;
        const CommandResult status = Tarn({"status"});
        last = status.out + status.err;
        return status.exit_code == 0;
      },
      absl::Seconds(60));
  if (!serving) std::cerr << "not all modules serve: " << last << std::endl;
  return serving;
}

void Deployment::KillAndRestart(const std::string& program) {
  children_.at(program)->Signal(SIGKILL);
  if (!StartProgram(program)) std::abort();
}

int Deployment::Stop(const std::string& program) { return children_.at(program)->Signal(SIGTERM); }

std::string Deployment::admin_key_file() const {
  return folder() + (form_ == Form::kStandalone ? "/data" : "/state-dashboard") +
         "/secrets/admin.key";
}

std::string Deployment::http_address() const { return absl::StrCat("127.0.0.1:", http_port_); }

CommandResult Deployment::Tarn(const std::vector<std::string>& arguments,
                               const std::string& input) const {
  std::vector<std::string> command = {ProgramFolder() + "/tarn"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunCommand(command,
                    {{"TARN_ADDRESS", absl::StrCat("127.0.0.1:", ports_.at("dashboard"))},
                     {"TARN_KEY_FILE", admin_key_file()}},
                    input);
}

CommandResult Deployment::TarnWithKey(const std::string& key,
                                      const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {ProgramFolder() + "/tarn"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunCommand(command, {{"TARN_ADDRESS", absl::StrCat("127.0.0.1:", ports_.at("dashboard"))},
                              {"TARN_KEY_FILE", ""},
                              {"TARN_KEY", key}});
}

std::vector<std::string> Deployment::Query(const std::string& sql) const {
  const CommandResult result = Tarn({"query", "--format", "csv", sql});
  if (result.exit_code != 0) return {result.err};
  std::vector<std::string> lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  for (std::string& line : lines) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
  }
  if (!lines.empty()) lines.erase(lines.begin());
  return lines;
}

}  // namespace tarn::e2e
