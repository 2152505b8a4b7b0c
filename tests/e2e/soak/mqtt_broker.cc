#include "tests/e2e/soak/mqtt_broker.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/status/error.h"

namespace tarn::e2e {
namespace {

constexpr char kBroker[] = "/usr/sbin/mosquitto";
constexpr char kPublisher[] = "/usr/bin/mosquitto_pub";

bool Listens(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool listens =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return listens;
}

class MqttWay : public RecordWay {
 public:
  MqttWay(int port, const std::string& topic)
      : command_({kPublisher, "-h", "127.0.0.1", "-p", absl::StrCat(port), "-q", "1", "-t", topic,
                  "-l"}) {}

  absl::Status Send(const RecordBatch& batch) override {
    std::string lines;
    for (const std::string& record : batch.records) absl::StrAppend(&lines, record, "\n");
    const CommandResult done = RunCommand(command_, {}, lines, absl::Minutes(1));
    if (done.exit_code == 0) return absl::OkStatus();
    return Unavailable("PUBLISH_FAILED", done.err);
  }

 private:
  const std::vector<std::string> command_;
};

}  // namespace

bool MqttBroker::Installed() {
  return ::access(kBroker, X_OK) == 0 && ::access(kPublisher, X_OK) == 0;
}

MqttBroker::MqttBroker(const std::string& folder) {
  std::filesystem::create_directories(folder);
  const std::string config = folder + "/broker.conf";
  std::ofstream(config) << "user root\nlistener " << port_.port()
                        << " 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n";
  broker_ = std::make_unique<Child>(std::vector<std::string>{kBroker, "-c", config}, Environment(),
                                    folder + "/broker.log");
  if (WaitUntil([this] { return Listens(port_.port()); }, absl::Minutes(1))) return;
  std::fprintf(stderr, "mosquitto does not listen; its log is in %s\n", folder.c_str());
  std::abort();
}

std::string MqttBroker::address() const { return absl::StrCat("127.0.0.1:", port_.port()); }

std::unique_ptr<RecordWay> MqttBroker::MakeWay(const std::string& topic) const {
  return std::make_unique<MqttWay>(port_.port(), topic);
}

}  // namespace tarn::e2e
