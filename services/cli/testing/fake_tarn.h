// A server on a port of its own that stands for all modules behind the gateway, in memory. It
// answers the standard methods of every kind by descriptor; what else a test needs, it teaches.
// Any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <google/protobuf/message.h>
#include <grpcpp/server.h>

namespace tarn::cli {

class FakeTarn {
 public:
  static constexpr char kKey[] = "the-key";

  FakeTarn();
  ~FakeTarn();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // All messages of a call, and what to answer.
  struct Reply {
    absl::Status status;
    std::vector<std::string> messages = {};
  };
  using Handler = std::function<Reply(const std::vector<std::string>& messages)>;

  // Answers a method ("/tarn.query.v1.QueryService/ExecuteQuery") of one or many requests with any
  // number of responses.
  template <typename Request, typename Response>
  void On(const std::string& method,
          std::function<absl::Status(const std::vector<Request>&, std::vector<Response>*)> answer) {
    SetHandler(method, [answer](const std::vector<std::string>& messages) {
      std::vector<Request> requests(messages.size());
      for (size_t i = 0; i < messages.size(); ++i) requests[i].ParseFromString(messages[i]);
      std::vector<Response> responses;
      Reply reply{.status = answer(requests, &responses)};
      for (const Response& response : responses) {
        reply.messages.push_back(response.SerializeAsString());
      }
      return reply;
    });
  }

  // Answers each message of a method as it comes; an error ends the call.
  template <typename Request, typename Response>
  void OnEach(const std::string& method,
              std::function<absl::Status(const Request&, std::vector<Response>*)> answer) {
    std::lock_guard lock(mutex_);
    talkers_[method] = [answer](const std::vector<std::string>& messages) {
      Request request;
      request.ParseFromString(messages[0]);
      std::vector<Response> responses;
      Reply reply{.status = answer(request, &responses)};
      for (const Response& response : responses) {
        reply.messages.push_back(response.SerializeAsString());
      }
      return reply;
    };
  }

  // The next `times` calls of a method fail so, before anything is done.
  void Fail(const std::string& method, const absl::Status& status, int times = 1);
  int CallsOf(const std::string& method) const;

  // A resource as it is stored; null when there is none.
  std::shared_ptr<const google::protobuf::Message> Find(const std::string& name) const;
  void Put(const google::protobuf::Message& resource);

  // Answers one call; for the server's own use.
  Reply Answer(const std::string& method, const std::string& authorization,
               const std::vector<std::string>& messages);
  // Whether messages of the method are answered each by itself; such a call is let in here.
  bool Talks(const std::string& method, const std::string& authorization, absl::Status* refusal);
  Reply AnswerEach(const std::string& method, const std::string& message);

 private:
  class Service;

  void SetHandler(const std::string& method, Handler handler);
  // Under the lock: counts the call, and whether it is let in.
  absl::Status Admit(const std::string& method, const std::string& authorization);
  Reply StandardMethod(const std::string& method, const std::vector<std::string>& messages);
  void Store(const google::protobuf::Message& resource);

  mutable std::mutex mutex_;
  std::map<std::string, Handler> handlers_;
  std::map<std::string, Handler> talkers_;
  std::map<std::string, std::pair<absl::Status, int>> failures_;
  std::map<std::string, int> calls_;
  std::map<std::string, std::shared_ptr<google::protobuf::Message>> resources_;  // by full name
  int next_etag_ = 1;
  int port_ = 0;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tarn::cli
