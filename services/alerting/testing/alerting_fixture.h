// The module on a real PostgreSQL, called over gRPC in the process, with a query module that
// answers as told, a receiver of webhooks and a clock that stands still.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tarn/alerting/v1/alerting_service.grpc.pb.h"

#include "common/auth/testing/fake_tokens.h"
#include "common/clock/fake_clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/server/module_host.h"
#include "common/testing/temp_dir.h"
#include "services/alerting/alerting_options.h"
#include "services/alerting/testing/fake_query_module.h"
#include "services/alerting/testing/http_receiver.h"

namespace tarn::alerting {

class AlertingFixture : public ::testing::Test {
 protected:
  using Stub = v1::AlertingService::Stub;

  AlertingFixture();
  ~AlertingFixture() override;

  // Starts the module; again after Stop, as after a restart of the process.
  void Start();
  void Stop();

  template <typename Response, typename Request, typename Base>
  absl::StatusOr<Response> Call(grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const std::type_identity_t<Request>& request,
                                const std::string& token = "") {
    return rpc::Call(*stub_, method, request, {token.empty() ? token_ : token, ""});
  }

  // A webhook channel "ops" to the receiver.
  v1::Channel OpsChannel() const;
  // A rule "co" on column `co` above 0.01 that is evaluated every minute and tells "ops".
  v1::Rule CoRule() const;
  absl::StatusOr<v1::Rule> CreateRule(const v1::Rule& rule);
  absl::StatusOr<v1::Channel> CreateChannel(const v1::Channel& channel);
  absl::StatusOr<v1::Evaluation> Evaluate(const std::string& rule = "rules/co");
  absl::StatusOr<v1::Rule> GetRule(const std::string& name = "rules/co");
  std::vector<v1::Delivery> Deliveries();
  // The result of the rule's SQL: device and co, one row each.
  void SetRows(std::vector<std::string> rows);
  // The number in the first column and row.
  int64_t Count(const std::string& sql);
  // Looks again and again until `done`, for twenty seconds.
  static bool Eventually(const std::function<bool()>& done);

  AlertingOptions options_;
  FakeClock clock_;
  auth::TestAuthority authority_;
  auth::FakeTokenProvider tokens_{authority_};
  Metrics metrics_;
  TempDir dir_;
  TestDatabase db_;
  HttpReceiver receiver_;
  FakeQuery query_{authority_.verifier()};
  rpc::ServiceDirectory services_;
  std::unique_ptr<server::ModuleHost> host_;
  std::unique_ptr<Stub> stub_;
  std::string token_ = authority_.TokenFor(auth::TestCaller("ada"));
};

}  // namespace tarn::alerting
