#include "tests/e2e/port_lease.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <random>
#include <string>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace tarn::e2e {
namespace {

constexpr char kFolder[] = "/tmp/tarn-test-ports";
constexpr int kFirst = 10'000;
constexpr int kTries = 1000;

// One past the last port to choose from.
int End() {
  int first_of_kernel = 32768;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first_of_kernel;
  return std::max(kFirst + 1000, std::min(first_of_kernel, 32768));
}

bool NobodyListens(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // As servers do: connections of a server that was killed may linger.
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

}  // namespace

PortLease::PortLease() {
  // Tests of other users take their locks in the same folder.
  if (::mkdir(kFolder, 01777) == 0) ::chmod(kFolder, 01777);
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> ports(kFirst, End() - 1);
  for (int tried = 0; tried < kTries; ++tried) {
    const int port = ports(random);
    const std::string file = absl::StrCat(kFolder, "/", port);
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0 && NobodyListens(port)) {
      port_ = port;
      lock_fd_ = fd;
      return;
    }
    ::close(fd);
  }
  std::fprintf(stderr, "PortLease: no port below %d is free\n", End());
  std::abort();
}

// The file stays: removing it would let two processes lock two files of one name.
PortLease::~PortLease() { ::close(lock_fd_); }

}  // namespace tarn::e2e
