// A TCP port of a test's own for as long as the object lives, so that a program can be given a port
// that it gets, also after a restart, while other tests run beside it. Outside the range from which
// the kernel takes ports for connections, and locked against other tests by a file. One thread.
#pragma once

namespace tarn::e2e {

class PortLease {
 public:
  // Aborts when no port is free.
  PortLease();
  ~PortLease();
  PortLease(const PortLease&) = delete;
  PortLease& operator=(const PortLease&) = delete;

  int port() const { return port_; }

 private:
  int port_ = 0;
  int lock_fd_ = -1;
};

}  // namespace tarn::e2e
