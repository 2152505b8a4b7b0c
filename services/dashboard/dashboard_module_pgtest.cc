// The module as a process runs it: gRPC and HTTP on real ports, a real PostgreSQL.
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/auth/remote_key_source.h"
#include "common/auth/remote_token_provider.h"
#include "common/auth/token_verifier.h"
#include "common/clock/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/server/module_host.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"
#include "services/dashboard/dashboard_module.h"
#include "services/dashboard/migrations.h"

namespace tarn::dashboard {
namespace {

class DashboardModulePgTest : public ::testing::Test {
 protected:
  absl::Status Start(const std::string& dsn) {
    DashboardOptions options;
    options.http_listen = "127.0.0.1:0";
    server::ModuleContext context{.services = services_,
                                  .verifier = verifier_,
                                  .tokens = tokens_,
                                  .metrics = metrics_,
                                  .clock = SystemClock(),
                                  .gate = host_.GateFor("dashboard"),
                                  .postgres_dsn = dsn,
                                  .lake_path = (dir_ / "lake").string(),
                                  .state_path = dir_.path().string(),
                                  .service_key_file = (dir_ / "service.key").string()};
    host_.Add(
        std::make_unique<DashboardModule>(options, context),
        {.module = "dashboard", .listen = "127.0.0.1:0", .listen_option = "dashboard.listen"});
    return host_.Start();
  }
  ~DashboardModulePgTest() override { host_.Stop(absl::ZeroDuration()); }

  std::string AdminKey() {
    std::string key = ReadFile(dir_ / "secrets/admin.key");
    key.pop_back();
    return key;
  }
  v1::AuthService::Stub Auth() { return v1::AuthService::Stub(services_.ChannelFor("dashboard")); }

  // POSTs JSON to a method of AuthService with a cookie; the answer's body, its headers in `out`.
  nlohmann::json Post(const std::string& method, const nlohmann::json& body,
                      const std::string& cookie, std::string* out) {
    auto append = +[](char* data, size_t size, size_t count, void* to) {
      static_cast<std::string*>(to)->append(data, size * count);
      return size * count;
    };
    CURL* curl = curl_easy_init();
    std::string url =
        "http://" + host_.addresses().at("http") + "/tarn.dashboard.v1.AuthService/" + method;
    std::string text = body.dump();
    std::string answer;
    curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_COOKIE, cookie.c_str());
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, text.c_str());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, out);
    curl_easy_perform(curl);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return nlohmann::json::parse(answer, nullptr, false);
  }

  TempDir dir_;
  Metrics metrics_;
  rpc::ServiceDirectory services_;
  auth::ChannelSource channel_ = [this] { return services_.ChannelFor("dashboard"); };
  auth::RemoteKeySource keys_{channel_};
  auth::TokenVerifier verifier_{keys_, SystemClock()};
  auth::RemoteTokenProvider tokens_{channel_, (dir_ / "service.key").string(), SystemClock()};
  server::ModuleHost host_{services_};
};

TEST_F(DashboardModulePgTest, TheFirstKeysOpenTheDoor) {
  TestDatabase db;
  ASSERT_OK(Start(db.dsn()));
  v1::AuthService::Stub auth = Auth();
  v1::ExchangeKeyRequest exchange;
  exchange.set_key(AdminKey());
  ASSERT_OK_AND_ASSIGN(auto token,
                       rpc::Call(auth, &v1::AuthService::Stub::ExchangeKey, exchange, {}));
  ASSERT_OK_AND_ASSIGN(auto caller, rpc::Call(auth, &v1::AuthService::Stub::GetCaller,
                                              v1::GetCallerRequest(), {token.token(), ""}));
  EXPECT_EQ(caller.user(), "admin");
  EXPECT_OK(tokens_.ServiceToken());
  EXPECT_OK(tokens_.TokenFor("default", "admin"));
  EXPECT_THAT(tokens_.TokenFor("default", "nobody"),
              StatusIs(absl::StatusCode::kNotFound, "USER_NOT_FOUND"));
  v1::MintTokenRequest mint;
  mint.set_workspace("default");
  mint.set_user("admin");
  EXPECT_THAT(rpc::Call(auth, &v1::AuthService::Stub::MintToken, mint, {token.token(), ""}),
              StatusIs(absl::StatusCode::kPermissionDenied, "ROLE_REQUIRED"));
}

TEST_F(DashboardModulePgTest, ThePageSignsInByACookieThatScriptsCannotRead) {
  TestDatabase db;
  ASSERT_OK(Start(db.dsn()));
  std::string headers;
  nlohmann::json signed_in = Post("SignIn", {{"key", AdminKey()}}, "", &headers);
  EXPECT_EQ(signed_in["caller"]["user"], "admin");
  EXPECT_FALSE(signed_in.contains("session"));
  size_t at = headers.find("tarn_session=");
  ASSERT_NE(at, std::string::npos) << headers;
  EXPECT_THAT(headers, ::testing::HasSubstr("HttpOnly; SameSite=Strict"));
  std::string cookie = headers.substr(at, headers.find(';', at) - at);
  nlohmann::json refreshed = Post("RefreshSession", nlohmann::json::object(), cookie, &headers);
  EXPECT_TRUE(refreshed.contains("token")) << refreshed;
  Post("SignOut", nlohmann::json::object(), cookie, &headers);
  refreshed = Post("RefreshSession", nlohmann::json::object(), cookie, &headers);
  EXPECT_EQ(refreshed["code"], "unauthenticated");
}

TEST_F(DashboardModulePgTest, ResponsesOlderThanADayAreForgotten) {
  TestDatabase db{
      [](PostgresPool& pool) { return ApplyMigrations(pool, "dashboard", Migrations()); }};
  const auto requests = [&] {
    absl::StatusOr<std::string> found =
        db.pool().Run([](Transaction& txn) -> absl::StatusOr<std::string> {
          return txn
              .Exec(
                  "SELECT coalesce(string_agg(request_id, ',' ORDER BY request_id), '') AS ids "
                  "FROM dashboard.idempotency")
              .One()
              .Get<std::string>("ids");
        });
    EXPECT_OK(found);
    return found.value_or("");
  };
  ASSERT_OK(db.pool().Run([](Transaction& txn) -> absl::Status {
    for (const char* row : {"'old', now() - interval '25 hours'", "'young', now()"}) {
      txn.Exec(std::string("INSERT INTO dashboard.idempotency (workspace, caller, method, "
                           "request_hash, request_id, created_at) VALUES ('default', 'ada', 'm', "
                           "'', ") +
               row + ")");
    }
    return absl::OkStatus();
  }));
  ASSERT_EQ(requests(), "old,young");
  ASSERT_OK(Start(db.dsn()));
  const absl::Time end = absl::Now() + absl::Seconds(30);
  while (requests() != "young" && absl::Now() < end) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(requests(), "young");
}

TEST_F(DashboardModulePgTest, APostgresThatIsDownDelaysAndDoesNotEnd) {
  ASSERT_OK(Start("host=/nonexistent dbname=tarn"));
  v1::AuthService::Stub auth = Auth();
  EXPECT_OK(
      rpc::Call(auth, &v1::AuthService::Stub::GetSigningKeys, v1::GetSigningKeysRequest(), {}));
  v1::ExchangeKeyRequest exchange;
  exchange.set_key("x");
  EXPECT_THAT(rpc::Call(auth, &v1::AuthService::Stub::ExchangeKey, exchange, {}),
              StatusIs(absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"));
}

}  // namespace
}  // namespace tarn::dashboard
