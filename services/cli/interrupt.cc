#include "services/cli/interrupt.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace tarn::cli {
namespace {

constexpr char kInterrupted = 'i';
constexpr char kClosing = 'c';

// The write end of the listener that lives now. A handler may do little more than write to it.
volatile std::sig_atomic_t signal_pipe = -1;

void OnSignal(int) {
  const int saved_errno = errno;
  if (signal_pipe >= 0) {
    [[maybe_unused]] const ssize_t written = write(signal_pipe, &kInterrupted, 1);
  }
  errno = saved_errno;
}

}  // namespace

InterruptListener::InterruptListener(std::function<void()> on_interrupt)
    : on_interrupt_(std::move(on_interrupt)) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;  // then Ctrl-C ends the program, as ever
  read_end_ = ends[0];
  write_end_ = ends[1];
  thread_ = std::thread([this] { Wait(); });
  signal_pipe = write_end_;
  struct sigaction action {};
  action.sa_handler = OnSignal;
  // Only once: the next SIGINT meets the default, and ends the program.
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

InterruptListener::~InterruptListener() {
  if (write_end_ < 0) return;
  std::signal(SIGINT, SIG_DFL);
  signal_pipe = -1;
  [[maybe_unused]] const ssize_t written = write(write_end_, &kClosing, 1);
  thread_.join();
  close(read_end_);
  close(write_end_);
}

void InterruptListener::Wait() {
  char byte = 0;
  for (;;) {
    const ssize_t count = read(read_end_, &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count != 1 || byte == kClosing) return;
    interrupted_ = true;
    on_interrupt_();
  }
}

}  // namespace tarn::cli
