#include "tests/e2e/deployment.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <signal.h>
#include <sstream>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>

#include "common/postgres/private_cluster.h"

namespace tarn::e2e {
namespace {

constexpr char kSecondSide[] = "@2";

const std::vector<std::string>& Modules() {
  static const auto* const kNames = new std::vector<std::string>{
      "dashboard", "catalog", "query", "ingestion", "transform", "alerting"};
  return *kNames;
}

std::string ModuleOf(const std::string& program) { return program.substr(0, program.find('@')); }

std::string SuffixOf(const std::string& program) {
  return program.substr(ModuleOf(program).size());
}

std::string Loopback(const PortLease& lease) { return absl::StrCat("127.0.0.1:", lease.port()); }

}  // namespace

const std::string& ProgramFolder() {
  // Tests stand in build/tests, programs in build/bin. Found once: where a process has a view of
  // the file systems of its own later, the link may lead nowhere.
  static const auto* const kFolder = new std::string(
      (std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin")
          .string());
  return *kFolder;
}

Deployment::Deployment(Form form, DeploymentOptions options)
    : form_(form), options_(std::move(options)), programs_folder_(ProgramFolder()) {
  for (const std::string& module : Modules()) {
    ports_.try_emplace(module);
    // The log of records belongs to one process: ingestion has no second instance.
    if (form == Form::kSixProcesses && module != "ingestion")
      ports_.try_emplace(module + kSecondSide);
  }
}

Deployment::~Deployment() { StopPrograms(); }

void Deployment::StopPrograms() {
  // Dashboard, from which the others have their tokens, goes last.
  for (const bool dashboards : {false, true}) {
    for (auto& [program, child] : children_) {
      if ((ModuleOf(program) == "dashboard") == dashboards && child->Running())
        child->Signal(SIGTERM);
    }
  }
}

std::vector<std::string> Deployment::programs() const {
  return form_ == Form::kStandalone ? std::vector<std::string>{"standalone"} : Modules();
}

std::string Deployment::ReadyFile(const std::string& program) const {
  return folder() + "/" + program + ".json";
}

std::vector<std::pair<std::string, std::string>> Deployment::AddressesFor(
    const std::string& suffix) const {
  std::vector<std::pair<std::string, std::string>> addresses;
  for (const std::string& module : Modules()) {
    auto route = routes_.find(module);
    auto own = ports_.find(module + suffix);
    if (own == ports_.end()) own = ports_.find(module);
    addresses.emplace_back(module, route != routes_.end() ? route->second : Loopback(own->second));
  }
  return addresses;
}

std::vector<std::string> Deployment::CommandOf(const std::string& program) const {
  const std::string module = ModuleOf(program);
  std::vector<std::string> command = {programs_folder_ + "/tarn-" + module, "--common.ready_file",
                                      ReadyFile(program)};
  auto add = [&command](const std::string& name, const std::string& value) {
    command.push_back("--" + name);
    command.push_back(value);
  };
  for (const auto& [name, value] : options_.flags) {
    if (form_ == Form::kStandalone || absl::StartsWith(name, module + ".")) add(name, value);
  }
  if (form_ == Form::kStandalone || module == "alerting") {
    // Receivers of these tests are on this machine.
    add("alerting.allowed_hosts", "127.0.0.1");
  }
  if (form_ == Form::kStandalone || module == "ingestion") {
    add("ingestion.http_listen", ingestion_http_address());
  }
  if (form_ == Form::kStandalone) {
    add("dashboard.listen", address());
    add("dashboard.http_listen", Loopback(http_port_));
    add("data", folder() + "/data");
    return command;
  }
  add(module + ".listen", Loopback(ports_.at(program)));
  for (const auto& [other, its_address] : AddressesFor(SuffixOf(program))) {
    add("common." + other + "_address", its_address);
  }
  if (module == "dashboard") {
    add("dashboard.http_listen", program == module ? Loopback(http_port_) : "127.0.0.1:0");
    add("dashboard.admin_key_file", admin_key_file());
    add("dashboard.signing_key_file", folder() + "/state-dashboard/secrets/signing.pem");
  }
  add("common.lake_path", lake());
  add("common.state_path", folder() + "/state-" + program);
  add("common.service_key_file", folder() + "/service.key");
  return command;
}

std::string Deployment::Log(const std::string& program) const {
  std::stringstream text;
  text << std::ifstream(folder() + "/" + program + ".log").rdbuf();
  return text.str();
}

bool Deployment::StartProgram(const std::string& program) {
  std::filesystem::remove(ReadyFile(program));
  Environment environment = environments_[program];
  if (form_ == Form::kSixProcesses)
    environment.emplace_back("TARN_COMMON_POSTGRES_DSN", PostgresDsn());
  const std::string log = folder() + "/" + program + ".log";
  children_[program] = std::make_unique<Child>(CommandOf(program), environment, log);
  const bool started = WaitUntil(
      [&] { return std::filesystem::exists(ReadyFile(program)) || !children_[program]->Running(); },
      absl::Minutes(2));
  if (started && children_[program]->Running()) return true;
  std::cerr << program << " has not started:\n" << Log(program) << std::endl;
  return false;
}

bool Deployment::Start() {
  if (form_ == Form::kSixProcesses && !StartPostgres()) return false;
  for (const std::string& program : programs()) {
    if (!StartProgram(program)) return false;
  }
  return WaitServing();
}

bool Deployment::StartPostgres() {
  PrivateClusterOptions options;
  options.durable = options_.postgres_durable;
  options.survives_kill = options_.postgres_survives_kill;
  auto postgres = PrivateCluster::Start(folder() + "/postgres", options);
  if (!postgres.ok()) {
    std::cerr << postgres.status() << std::endl;
    return false;
  }
  postgres_ = *std::move(postgres);
  return true;
}

void Deployment::StopPostgres() { postgres_->Stop(); }

std::string Deployment::PostgresDsn() const { return postgres_->Dsn(); }

pid_t Deployment::PostgresPid() const {
  if (form_ == Form::kSixProcesses) return postgres_->pid();
  pid_t pid = 0;
  std::ifstream(folder() + "/data/postgres/data/postmaster.pid") >> pid;
  return pid;
}

void Deployment::KillPostgres() {
  if (const pid_t pid = PostgresPid(); pid > 0) ::kill(pid, SIGKILL);
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
      absl::Minutes(2));
  if (serving) return true;
  std::cerr << "not all modules serve: " << last << std::endl;
  for (const auto& [program, child] : children_) {
    std::cerr << program << ":\n" << Log(program) << std::endl;
  }
  return false;
}

void Deployment::KillAndRestart(const std::string& program) {
  Kill(program);
  if (!StartProgram(program)) std::abort();
}

void Deployment::Kill(const std::string& program) { children_.at(program)->Signal(SIGKILL); }

int Deployment::Stop(const std::string& program) { return children_.at(program)->Signal(SIGTERM); }

std::string Deployment::admin_key_file() const {
  return folder() + (form_ == Form::kStandalone ? "/data" : "/state-dashboard") +
         "/secrets/admin.key";
}

std::string Deployment::lake() const {
  return folder() + (form_ == Form::kStandalone ? "/data/lake" : "/lake");
}

std::string Deployment::address(const std::string& program) const {
  return Loopback(ports_.at(program));
}

std::string Deployment::http_address() const { return Loopback(http_port_); }

std::string Deployment::ingestion_http_address() const { return Loopback(ingestion_http_port_); }

CommandResult Deployment::Tarn(const std::vector<std::string>& arguments,
                               const std::string& input) const {
  std::vector<std::string> command = {programs_folder_ + "/tarn"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunCommand(
      command,
      {{"TARN_ADDRESS", address("dashboard" + side_)}, {"TARN_KEY_FILE", admin_key_file()}}, input);
}

CommandResult Deployment::TarnWithKey(const std::string& key,
                                      const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {programs_folder_ + "/tarn"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunCommand(command,
                    {{"TARN_ADDRESS", address()}, {"TARN_KEY_FILE", ""}, {"TARN_KEY", key}});
}

CommandResult Deployment::TarnAt(const std::string& address,
                                 const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {programs_folder_ + "/tarn", "--address", address};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunCommand(command, {{"TARN_KEY_FILE", admin_key_file()}});
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
