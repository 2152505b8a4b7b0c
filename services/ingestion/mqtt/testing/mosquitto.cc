#include "services/ingestion/mqtt/testing/mosquitto.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <thread>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/server/testing/test_certificate.h"

namespace tarn::ingestion::mqtt {
namespace {

namespace fs = std::filesystem;

constexpr char kBroker[] = "/usr/sbin/mosquitto";
constexpr char kPublisher[] = "/usr/bin/mosquitto_pub";
constexpr char kPasswords[] = "/usr/bin/mosquitto_passwd";

void Write(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) std::abort();
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

pid_t Spawn(std::vector<std::string> arguments, const fs::path& input, const fs::path& log) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = 0;
  if (posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) {
    std::fprintf(stderr, "%s cannot be started; is it installed (./dev install)?\n", argv[0]);
    std::abort();
  }
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

bool Wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// One that nobody listens on just now. It stays the same across restarts, as a broker's does.
int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

bool Listens(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(port);
  const bool ok = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return ok;
}

}  // namespace

Mosquitto::Mosquitto(fs::path dir, std::string settings)
    : dir_(std::move(dir)), settings_(std::move(settings)) {
  fs::create_directories(dir_ / "data");
  fs::create_directories(secrets());
  // Each certificate is its own authority.
  const server::TestCertificate broker = server::MakeTestCertificate();
  const server::TestCertificate client = server::MakeTestCertificate();
  Write(dir_ / "broker.key", broker.private_key_pem);
  Write(secrets() / "ca.pem", broker.certificate_pem);
  Write(secrets() / "client.pem", client.certificate_pem);
  Write(secrets() / "client.key", client.private_key_pem);
  Write(secrets() / "password", absl::StrCat(kPassword, "\n"));
  if (!Wait(Spawn({kPasswords, "-b", "-c", dir_ / "users", kUser, kPassword}, "/dev/null",
                  dir_ / "broker.log"))) {
    std::abort();
  }
  Start();
}

Mosquitto::~Mosquitto() {
  if (pid_ != 0) Stop(SIGKILL);
}

std::string Mosquitto::LogText() const {
  std::ifstream in(dir_ / "broker.log");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void Mosquitto::Start() {
  const bool first = port_ == 0;
  for (int attempt = 0; attempt < 20; ++attempt) {
    // Another process may have taken the port meanwhile.
    if (first) port_ = FreePort();
    Write(
        dir_ / "broker.conf",
        absl::StrCat("user root\nlistener ", port_, " 127.0.0.1\nallow_anonymous false\n",
                     "password_file ", (dir_ / "users").string(), "\ncafile ",
                     (secrets() / "client.pem").string(), "\ncertfile ",
                     (secrets() / "ca.pem").string(), "\nkeyfile ", (dir_ / "broker.key").string(),
                     "\nrequire_certificate true\npersistence true\npersistence_location ",
                     (dir_ / "data").string(), "/\nmax_queued_messages 0\n", settings_, "\n"));
    pid_ = Spawn({kBroker, "-c", dir_ / "broker.conf"}, "/dev/null", dir_ / "broker.log");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (Listens(port_)) return;
      if (std::chrono::steady_clock::now() > deadline) {
        Stop(SIGKILL);
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    pid_ = 0;
  }
  std::fprintf(stderr, "mosquitto does not start:\n%s\n", LogText().c_str());
  std::abort();
}

void Mosquitto::Stop(int signal) {
  kill(pid_, signal);
  Wait(pid_);
  pid_ = 0;
}

bool Mosquitto::Publish(const std::string& topic, const std::vector<std::string>& messages) {
  std::string lines;
  for (const std::string& message : messages) absl::StrAppend(&lines, message, "\n");
  Write(dir_ / "lines", lines);
  return Wait(Spawn({kPublisher,
                     "-h",
                     "localhost",
                     "-p",
                     std::to_string(port_),
                     "--cafile",
                     secrets() / "ca.pem",
                     "--cert",
                     secrets() / "client.pem",
                     "--key",
                     secrets() / "client.key",
                     "-u",
                     kUser,
                     "-P",
                     kPassword,
                     "-q",
                     "1",
                     "-t",
                     topic,
                     "-l"},
                    dir_ / "lines", dir_ / "publisher.log"));
}

}  // namespace tarn::ingestion::mqtt
