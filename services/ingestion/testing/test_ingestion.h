// A running ingestion module for tests, called through an in-process channel as user "ada".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/auth/testing/fake_tokens.h"
#include "common/metrics/metrics.h"
#include "common/rpc/service_directory.h"
#include "common/server/module_host.h"
#include "services/ingestion/ingestion_options.h"

namespace tarn::ingestion {

class TestIngestion {
 public:
  struct Places {
    std::string dsn;
    std::string lake_path;
    std::string state_path;
    std::shared_ptr<grpc::Channel> catalog;
    std::shared_ptr<grpc::Channel> dashboard = nullptr;
  };
  // Starts the module; ends the program when it does not start.
  explicit TestIngestion(const Places& places, IngestionOptions options = {});
  ~TestIngestion();

  v1::IngestionService::Stub& stub() { return *stub_; }
  // "127.0.0.1:<port>".
  std::string http_address() const;
  std::string TokenOf(std::string_view user,
                      absl::Duration lifetime = auth::kMaxTokenLifetime) const;

  // To its other services.
  std::shared_ptr<grpc::Channel> channel() { return services_.ChannelFor("ingestion"); }
  // With ada's credentials, for streaming calls.
  void Prepare(grpc::ClientContext& context, std::string_view user = "ada") const;

  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Call(Method method, const Request& request);

  absl::StatusOr<v1::PutRecordsResponse> PutRecords(const v1::PutRecordsRequest& request);
  // Stops the module, as the destructor does.
  void Stop();

  // Shorthands for the common calls. A stream delivers to databases/iot/tables/<id>.
  absl::StatusOr<v1::Stream> CreateStream(const std::string& id);
  absl::StatusOr<v1::Stream> CreateStream(const v1::CreateStreamRequest& request);
  absl::StatusOr<v1::PutRecordsResponse> Put(const std::string& id,
                                             const std::vector<std::string>& records,
                                             const std::string& request_id = "");
  absl::StatusOr<v1::Stream> Flush(const std::string& id, absl::Duration timeout);
  absl::StatusOr<v1::Stream> Get(const std::string& id);
  absl::StatusOr<v1::ListDeadLettersResponse> DeadLetters(const std::string& id);
  // Retries while PostgreSQL has not been reached yet.
  void WaitUntilReady();

  Metrics& metrics() { return metrics_; }
  auth::FakeTokenProvider& tokens() { return tokens_; }

 private:
  Metrics metrics_;
  auth::TestAuthority authority_;
  auth::FakeTokenProvider tokens_{authority_};
  rpc::ServiceDirectory services_;
  std::unique_ptr<server::ModuleHost> host_;
  std::unique_ptr<v1::IngestionService::Stub> stub_;
};

inline std::string TableName(const std::string& id) { return "databases/iot/tables/" + id; }

}  // namespace tarn::ingestion
