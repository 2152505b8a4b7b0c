// The query module as alerting sees it: answers every statement with what the test has set.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/auth/token_verifier.h"
#include "common/server/module.h"
#include "services/alerting/evaluation/result_table.h"

namespace tarn::alerting {

// Thread safe.
class FakeQuery final : public query::v1::QueryService::Service {
 public:
  explicit FakeQuery(auth::TokenVerifier& verifier) : verifier_(verifier) {}

  struct Call {
    std::string user;
    std::string workspace;
    query::v1::Statement statement;
  };

  void AnswerWith(ResultTable table);
  void FailWith(absl::Status error);
  // Statements that come are held until Release.
  void Hold();
  void Release();

  std::vector<Call> calls() const;
  // Waits until so many statements have come.
  bool WaitForCalls(size_t count);

  grpc::Status ExecuteQuery(grpc::ServerContext* context,
                            const query::v1::ExecuteQueryRequest* request,
                            grpc::ServerWriter<query::v1::ResultChunk>* writer) override;

 private:
  auth::TokenVerifier& verifier_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  ResultTable table_;
  absl::Status error_;
  bool held_ = false;
  std::vector<Call> calls_;
};

class FakeQueryModule final : public server::Module {
 public:
  explicit FakeQueryModule(FakeQuery& service) : service_(service) {}
  std::string_view name() const override { return "query"; }
  void RegisterServices(grpc::ServerBuilder& builder) override;
  absl::Status Start() override { return absl::OkStatus(); }

 private:
  FakeQuery& service_;
};

}  // namespace tarn::alerting
