// A server that stands for all the other modules: a few of their methods with behaviour that tests
// ask for, and an echo.
//
//   GetTable       answers with the name; "missing" is TABLE_NOT_FOUND
//   ExecuteQuery   "<n>" sends n batches with row_count 0, 1…; "<n> then fail" ends with SQL_ERROR;
//                  "hang" sends one and waits until it is cancelled
//   UploadFile     counts bytes; refuses at once when there is metadata "refuse"
//   PutRecords     keeps the request; "streams/full" is WAL_FULL
//   ExchangeKey    "tarn_ada" gives the token "token-of-ada"
//   /tarn.ingestion.v1.Echo/Echo   sends every message back
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

namespace tarn::dashboard {

// A bidirectional stream of texts, blocking.
class EchoStream {
 public:
  virtual ~EchoStream() = default;
  virtual bool Write(const std::string& text) = 0;
  virtual std::optional<std::string> Read() = 0;
  virtual void WritesDone() = 0;
  virtual grpc::Status Finish() = 0;
};

// Makes a unary call by its path, and waits.
grpc::Status CallGeneric(grpc::GenericStub& stub, grpc::ClientContext& context,
                         const std::string& path, const grpc::ByteBuffer& request,
                         grpc::ByteBuffer* response);

// Thread safe.
class FakeModules {
 public:
  // `in_process`: the channel does not leave the process; else a port of this machine.
  explicit FakeModules(bool in_process = true);
  ~FakeModules();

  absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelFor(const std::string& module);
  void Stop();

  // Of the call seen last.
  std::string last_metadata(const std::string& name) const;
  std::chrono::system_clock::time_point last_deadline() const;
  int64_t uploaded_bytes() const;
  // As text; "" before the first.
  std::string last_records() const;
  // Whether a call that hangs was cancelled; waits up to ten seconds.
  bool WaitForCancellation();

  std::unique_ptr<EchoStream> OpenEcho(const std::shared_ptr<grpc::Channel>& channel,
                                       grpc::ClientContext* context);

 private:
  class Catalog;
  class Query;
  class Ingestion;
  class Auth;
  class Echo;

  void Note(grpc::ServerContext& context);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> metadata_;
  std::chrono::system_clock::time_point deadline_;
  int64_t uploaded_bytes_ = 0;
  std::string last_records_;
  bool cancelled_ = false;

  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Query> query_;
  std::unique_ptr<Ingestion> ingestion_;
  std::unique_ptr<Auth> auth_;
  std::unique_ptr<Echo> echo_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace tarn::dashboard
