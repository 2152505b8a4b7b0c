// A TCP proxy between two programs on this machine, which can lose, hold and falsify what passes.
// Thread safe. Everything is cut when the object goes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace tarn::e2e {

class TcpProxy {
 public:
  // Forwards to "127.0.0.1:1234", which need not listen yet: each connection is made when a client
  // makes one.
  explicit TcpProxy(const std::string& target);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  // "127.0.0.1:…", where it listens.
  const std::string& address() const;
  // Bytes that clients sent so far, of all connections.
  int64_t forwarded() const;

  // Resets every connection at once.
  void Cut();
  // While on, new connections are closed as soon as they are made.
  void Refuse(bool on);
  // Holds what clients send once `bytes` more have passed; Hold(-1) lets it go on.
  void Hold(int64_t bytes);
  // While on, what servers answer is held. A cut then loses it, though its server has done its
  // work.
  void HoldAnswers(bool on);
  // Changes one byte of the next piece from a client that has `pattern` in it.
  void Falsify(const std::string& pattern);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace tarn::e2e
