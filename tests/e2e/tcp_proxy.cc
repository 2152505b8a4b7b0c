#include "tests/e2e/tcp_proxy.h"

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <mutex>
#include <thread>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tarn::e2e {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int Listen(int* port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(fd, 64) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("TcpProxy");
    std::abort();
  }
  *port = ntohs(address.sin_port);
  return fd;
}

// -1 when nobody listens there.
int Connect(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

void NoDelay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool SendAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

}  // namespace

struct TcpProxy::State {
  // Its file descriptors live until both threads have ended; shutting them down ends these.
  struct Connection {
    int client = -1;
    int server = -1;
    std::thread up;
    std::thread down;
    int pumps = 2;  // threads that have not ended
    bool cut = false;

    // Joins the threads, which have been told to end.
    void Close() {
      up.join();
      down.join();
      ::close(client);
      ::close(server);
    }

    void Cut() {
      cut = true;
      // With no linger, closing resets. The reset goes out with the shutdown of the other end.
      const linger reset = {1, 0};
      for (const int fd : {client, server}) {
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        ::shutdown(fd, SHUT_RDWR);
      }
    }
  };

  void Accept() {
    for (;;) {
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (client < 0) return;
      // Under the lock, so that a cut meets every connection that was made before it.
      std::lock_guard lock(mutex);
      Reap();
      const int server = refusing || stopping ? -1 : Connect(target_port);
      if (server < 0) {
        ::close(client);
        continue;
      }
      NoDelay(client);
      NoDelay(server);
      Connection& connection = connections.emplace_back();
      connection.client = client;
      connection.server = server;
      connection.up = std::thread([this, &connection] { PumpUp(connection); });
      connection.down = std::thread([this, &connection] { PumpDown(connection); });
    }
  }

  // Forgets connections that have ended.
  void Reap() {
    for (auto it = connections.begin(); it != connections.end();) {
      if (it->pumps > 0) {
        ++it;
        continue;
      }
      it->Close();
      it = connections.erase(it);
    }
  }

  void EndPump(Connection& connection) {
    std::lock_guard lock(mutex);
    --connection.pumps;
  }

  // What the client sends.
  void PumpUp(Connection& connection) {
    std::string buffer(64 * 1024, '\0');
    for (;;) {
      const ssize_t got = ::recv(connection.client, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || !MayPass(connection, buffer, static_cast<size_t>(got)) ||
          !SendAll(connection.server, buffer.data(), static_cast<size_t>(got))) {
        break;
      }
    }
    ::shutdown(connection.server, SHUT_WR);
    ::shutdown(connection.client, SHUT_RD);
    EndPump(connection);
  }

  void PumpDown(Connection& connection) {
    std::string buffer(64 * 1024, '\0');
    for (;;) {
      const ssize_t got = ::recv(connection.server, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || !MayAnswer(connection) ||
          !SendAll(connection.client, buffer.data(), static_cast<size_t>(got))) {
        break;
      }
    }
    // A server that is gone is gone for its client.
    ::shutdown(connection.client, SHUT_RDWR);
    ::shutdown(connection.server, SHUT_RD);
    EndPump(connection);
  }

  bool MayAnswer(Connection& connection) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return connection.cut || stopping || !holding_answers; });
    return !connection.cut && !stopping;
  }

  // Waits while held; false when the connection is cut.
  bool MayPass(Connection& connection, std::string& buffer, size_t size) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return connection.cut || stopping || left != 0; });
    if (connection.cut || stopping) return false;
    if (left > 0) left = std::max<int64_t>(0, left - static_cast<int64_t>(size));
    if (!pattern.empty()) {
      const size_t at = std::string_view(buffer.data(), size).find(pattern);
      if (at != std::string_view::npos) {
        buffer[at] = static_cast<char>(buffer[at] ^ 1);
        pattern.clear();
      }
    }
    forwarded += static_cast<int64_t>(size);
    return true;
  }

  void CutAll() {
    std::lock_guard lock(mutex);
    for (Connection& connection : connections) connection.Cut();
    changed.notify_all();
  }

  std::string address;
  int target_port = 0;
  int listener = -1;
  std::thread acceptor;

  std::mutex mutex;
  std::condition_variable changed;
  std::list<Connection> connections;
  bool stopping = false;
  bool refusing = false;
  bool holding_answers = false;
  int64_t forwarded = 0;
  int64_t left = -1;  // bytes until it holds; -1: never
  std::string pattern;
};

TcpProxy::TcpProxy(const std::string& target) : state_(std::make_unique<State>()) {
  state_->target_port = std::atoi(target.substr(target.rfind(':') + 1).c_str());
  int port = 0;
  state_->listener = Listen(&port);
  state_->address = "127.0.0.1:" + std::to_string(port);
  state_->acceptor = std::thread([this] { state_->Accept(); });
}

TcpProxy::~TcpProxy() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  ::shutdown(state_->listener, SHUT_RDWR);
  state_->acceptor.join();
  ::close(state_->listener);
  state_->CutAll();
  for (State::Connection& connection : state_->connections) connection.Close();
}

const std::string& TcpProxy::address() const { return state_->address; }

int64_t TcpProxy::forwarded() const {
  std::lock_guard lock(state_->mutex);
  return state_->forwarded;
}

void TcpProxy::Cut() { state_->CutAll(); }

void TcpProxy::Refuse(bool on) {
  std::lock_guard lock(state_->mutex);
  state_->refusing = on;
}

void TcpProxy::Hold(int64_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->left = bytes;
  state_->changed.notify_all();
}

void TcpProxy::HoldAnswers(bool on) {
  std::lock_guard lock(state_->mutex);
  state_->holding_answers = on;
  state_->changed.notify_all();
}

void TcpProxy::Falsify(const std::string& pattern) {
  std::lock_guard lock(state_->mutex);
  state_->pattern = pattern;
}

}  // namespace tarn::e2e
