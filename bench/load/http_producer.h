// One keep-alive connection that posts batches to ingestion's HTTP listener, one after the other.
// Plain sockets: a benchmark's client is to cost next to nothing. One thread.
#pragma once

#include <string>

#include "bench/load/device_messages.h"

namespace tarn::bench {

class HttpProducer {
 public:
  // `address` is "127.0.0.1:1234"; `token` a bearer token.
  HttpProducer(const std::string& address, const std::string& stream, const std::string& token);
  ~HttpProducer();
  HttpProducer(const HttpProducer&) = delete;
  HttpProducer& operator=(const HttpProducer&) = delete;

  // Returns when the answer is there; any but 200 ends the program.
  void Send(const MessageBatch& batch);

 private:
  int socket_ = -1;
  std::string head_;  // of every request, up to the length
};

}  // namespace tarn::bench
