// A small HTTP server on a free port of loopback that answers as told and keeps what it got.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <absl/time/time.h>

namespace tarn::alerting {

// Thread safe. One request a connection, one at a time.
class HttpReceiver {
 public:
  struct Request {
    std::string path;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };
  struct Answer {
    int status = 200;
    std::string headers;  // "Retry-After: 3\r\n"
  };

  HttpReceiver();
  ~HttpReceiver();
  HttpReceiver(const HttpReceiver&) = delete;
  HttpReceiver& operator=(const HttpReceiver&) = delete;

  std::string url() const;  // "http://127.0.0.1:<port>/alerts"

  // The next answers, in order; after them 200 again.
  void AnswerNext(std::vector<Answer> answers);

  // What came so far, once it is at least `count`; or what is there after `timeout`.
  std::vector<Request> WaitFor(size_t count, absl::Duration timeout = absl::Seconds(20));

 private:
  void Serve();
  void ServeOne(int connection);

  int socket_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Request> requests_;
  std::deque<Answer> answers_;
  std::thread thread_;
};

}  // namespace tarn::alerting
