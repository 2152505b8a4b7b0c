#include "common/server/stop_signals.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace tarn::server {
namespace {

// What a signal handler may touch: lock-free atomics and the pipe's writing end.
std::atomic<int> signals_seen{0};
int pipe_ends[2] = {-1, -1};

void OnSignal(int number) {
  int saved_errno = errno;
  if (signals_seen.fetch_add(1) > 0) _exit(128 + number);
  [[maybe_unused]] ssize_t written = write(pipe_ends[1], "s", 1);
  errno = saved_errno;
}

void SetHandler(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    std::perror("pipe2");
    std::abort();
  }
  signals_seen = 0;
  SetHandler(SIGTERM, &OnSignal);
  SetHandler(SIGINT, &OnSignal);
  SetHandler(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
  SetHandler(SIGTERM, SIG_DFL);
  SetHandler(SIGINT, SIG_DFL);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

void StopSignals::Wait() {
  // The byte stays in the pipe, so that a later Wait returns at once.
  pollfd readable{pipe_ends[0], POLLIN, 0};
  while (poll(&readable, 1, -1) < 0 && errno == EINTR) {
  }
}

void StopSignals::Request() { [[maybe_unused]] ssize_t written = write(pipe_ends[1], "r", 1); }

}  // namespace tarn::server
