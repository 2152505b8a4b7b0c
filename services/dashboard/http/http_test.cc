// The HTTP server, the Connect protocol and the page's files, over a real socket by libcurl.
#include <filesystem>
#include <thread>

#include <curl/curl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tarn/catalog/v1/table.pb.h"
#include "tarn/query/v1/query_service.pb.h"

#include "common/clock/clock.h"
#include "common/http/http_server.h"
#include "common/metrics/metrics.h"
#include "common/server/testing/test_certificate.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/dashboard/gateway/gateway_metrics.h"
#include "services/dashboard/gateway/testing/fake_modules.h"
#include "services/dashboard/http/connect_handler.h"
#include "services/dashboard/http/connect_protocol.h"
#include "services/dashboard/http/http_router.h"
#include "services/dashboard/http/records_forwarder.h"
#include "services/dashboard/http/session_cookie.h"
#include "services/dashboard/http/web_files.h"

namespace tarn::dashboard {
namespace {

using ::testing::HasSubstr;

struct Answer {
  long status = 0;
  std::string headers;
  std::string body;
};

size_t Append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

// One connection, kept alive between requests.
class Client {
 public:
  Client() : curl_(curl_easy_init()) {}
  ~Client() { curl_easy_cleanup(curl_); }

  Answer Get(const std::string& url, std::vector<std::string> headers = {}) {
    curl_easy_setopt(curl_, CURLOPT_HTTPGET, 1L);
    return Perform(url, headers);
  }
  Answer Post(const std::string& url, const std::string& body, std::vector<std::string> headers) {
    curl_easy_setopt(curl_, CURLOPT_POST, 1L);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.data());
    headers.push_back("Expect:");
    return Perform(url, headers);
  }
  void TrustAnybody() {
    curl_easy_setopt(curl_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  // Gives up when nothing came for so long.
  void SetTimeout(long milliseconds) { curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, milliseconds); }
  long connections_made() {
    long count = 0;
    curl_easy_getinfo(curl_, CURLINFO_NUM_CONNECTS, &count);
    return count;
  }

 private:
  Answer Perform(const std::string& url, const std::vector<std::string>& headers) {
    Answer answer;
    curl_slist* list = nullptr;
    for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, Append);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, Append);
    curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &answer.headers);
    curl_easy_perform(curl_);
    curl_slist_free_all(list);
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &answer.status);
    return answer;
  }

  CURL* const curl_;
};

class HttpTest : public ::testing::Test {
 protected:
  HttpTest() {
    dir_.WriteFile("index.html", "<p>the page</p>");
    dir_.WriteFile("assets/index-1a2b3c.js", std::string(5000, 'x'));
    Start({});
  }
  ~HttpTest() override { Stop(); }

  void Start(server::TlsFiles tls) {
    HttpServerOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = tls;
    options.max_body_bytes = 1024 * 1024;
    auto server = HttpServer::Start(
        options, [this](HttpRequest request, std::shared_ptr<HttpResponder> responder) {
          router_.Handle(std::move(request), std::move(responder));
        });
    ASSERT_OK(server);
    server_ = *std::move(server);
    url_ = (tls.enabled() ? "https://" : "http://") + server_->address();
  }
  void Stop() {
    if (server_ == nullptr) return;
    server_->Close();
    records_.Stop();
    connect_.Stop();
    server_->Stop();
    server_.reset();
  }

  Answer PostJson(const std::string& path, const std::string& body,
                  std::vector<std::string> headers = {}) {
    headers.push_back("Content-Type: application/json");
    return client_.Post(url_ + path, body, headers);
  }
  Answer PostStream(const std::string& path, const std::string& message) {
    return client_.Post(url_ + path, Envelope(message), {"Content-Type: application/connect+json"});
  }
  // The messages and the end of a streamed answer.
  static std::vector<nlohmann::json> Frames(std::string_view body) {
    std::vector<nlohmann::json> frames;
    while (body.size() >= 5) {
      size_t length = 0;
      for (int i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
      frames.push_back(nlohmann::json::parse(body.substr(5, length)));
      body.remove_prefix(5 + length);
    }
    EXPECT_TRUE(body.empty());
    return frames;
  }

  TempDir dir_;
  FakeModules modules_;
  Metrics metrics_;
  GatewayMetrics gateway_metrics_{metrics_};
  ConnectHandler connect_{
      {.channels = [this](const std::string& module) { return modules_.ChannelFor(module); }},
      gateway_metrics_};
  WebFiles files_{dir_.path()};
  absl::Status ready_;
  RecordsForwarder records_{connect_, [this] { return modules_.ChannelFor("dashboard"); },
                            SystemClock()};
  HttpRouter router_{connect_, records_, files_, gateway_metrics_, [this] { return ready_; }};
  std::unique_ptr<HttpServer> server_;
  std::string url_;
  Client client_;
};

constexpr char kGetTable[] = "/tarn.catalog.v1.CatalogService/GetTable";
constexpr char kExecute[] = "/tarn.query.v1.QueryService/ExecuteQuery";

TEST_F(HttpTest, AUnaryCallTakesAndGivesJson) {
  Answer answer = PostJson(kGetTable, R"({"name": "databases/d/tables/t"})",
                           {"Authorization: Bearer abc", "X-Request-Id: r1"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers, HasSubstr("application/json"));
  EXPECT_EQ(nlohmann::json::parse(answer.body)["name"], "databases/d/tables/t");
  EXPECT_EQ(modules_.last_metadata("authorization"), "Bearer abc");
  EXPECT_EQ(modules_.last_metadata("x-request-id"), "r1");
}

TEST_F(HttpTest, AUnaryCallTakesAndGivesBinary) {
  catalog::v1::Table table;
  table.set_name("databases/d/tables/t");  // GetTableRequest has the name in field 1 as well
  Answer answer = client_.Post(url_ + kGetTable, table.SerializeAsString(),
                               {"Content-Type: application/proto"});
  EXPECT_EQ(answer.status, 200);
  catalog::v1::Table got;
  ASSERT_TRUE(got.ParseFromString(answer.body));
  EXPECT_EQ(got.name(), table.name());
}

TEST_F(HttpTest, AnErrorHasItsCodeAndDetails) {
  Answer answer = PostJson(kGetTable, R"({"name": "missing"})");
  EXPECT_EQ(answer.status, 404);
  nlohmann::json error = nlohmann::json::parse(answer.body);
  EXPECT_EQ(error["code"], "not_found");
  EXPECT_EQ(error["message"], "there is no such table");
  EXPECT_EQ(error["details"][0]["type"], "google.rpc.ErrorInfo");
}

TEST_F(HttpTest, ABadBodyNamesItsField) {
  Answer answer = PostJson(kGetTable, R"({"nam": 1})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("nam"));
  EXPECT_EQ(nlohmann::json::parse(answer.body)["code"], "invalid_argument");
}

TEST_F(HttpTest, RecordsGoOnToIngestionByKeyOrToken) {
  const std::string path = url_ + "/v1/streams/s/records";
  Answer answer = client_.Post(path, "a,b\n1,2\n",
                               {"Content-Type: text/csv", "Authorization: Bearer tarn_ada",
                                "Idempotency-Key: order-17", "X-Request-Id: r1"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"results":[{"position":"0"}]})");
  EXPECT_THAT(answer.headers, HasSubstr("x-request-id: r1"));
  EXPECT_EQ(modules_.last_metadata("authorization"), "Bearer token-of-ada");
  EXPECT_EQ(modules_.last_records(),
            R"(stream: "streams/s" request_id: "order-17" payload: "a,b\n1,2\n" )"
            R"(format { format: RECORD_FORMAT_CSV })");
  answer = client_.Post(path + "?backfill=true", "{}",
                        {"Content-Type:", "Authorization: Bearer a.token"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(modules_.last_records(), HasSubstr("backfill: true"));
  EXPECT_EQ(modules_.last_metadata("authorization"), "Bearer a.token");
}

TEST_F(HttpTest, RecordsAreRefusedAsIngestionRefusesThem) {
  const auto post = [&](const std::string& stream, const std::string& type,
                        const std::string& credential) {
    return client_.Post(url_ + "/v1/streams/" + stream + "/records", "{}",
                        {"Content-Type: " + type, "Authorization: Bearer " + credential});
  };
  EXPECT_EQ(post("s", "application/json", "tarn_eve").status, 401);
  EXPECT_EQ(post("s", "image/png", "a.token").status, 415);
  const Answer full = post("full", "application/json", "a.token");
  EXPECT_EQ(full.status, 503);
  EXPECT_THAT(full.headers, HasSubstr("retry-after: 10"));
  EXPECT_EQ(nlohmann::json::parse(full.body)["message"], "too much waits for delivery");
  EXPECT_EQ(post("a/b", "application/json", "a.token").status, 501) << "no such path";
}

TEST_F(HttpTest, WhatDoesNotExistIsUnimplemented) {
  EXPECT_EQ(PostJson("/tarn.catalog.v1.CatalogService/Nothing", "{}").status, 501);
  EXPECT_EQ(PostJson("/acme.Service/Do", "{}").status, 501);
  EXPECT_EQ(PostJson("/tarn.ingestion.v1.IngestionService/UploadFile", "{}").status, 501);
  EXPECT_EQ(client_.Post(url_ + kGetTable, "a=1", {"Content-Type: text/plain"}).status, 415);
  EXPECT_EQ(PostJson(kGetTable, "{}", {"Content-Encoding: br"}).status, 501);
}

TEST_F(HttpTest, AStreamComesInFramesAndEnds) {
  Answer answer = PostStream(kExecute, R"({"statement": {"sql": "300"}})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers, HasSubstr("application/connect+json"));
  std::vector<nlohmann::json> frames = Frames(answer.body);
  ASSERT_EQ(frames.size(), 301u);
  EXPECT_EQ(frames[299]["rows"]["rowCount"], "299");
  EXPECT_EQ(frames[300], nlohmann::json::object());
}

TEST_F(HttpTest, AStreamThatFailsSaysSoAtItsEnd) {
  std::vector<nlohmann::json> frames =
      Frames(PostStream(kExecute, R"({"statement": {"sql": "2 then fail"}})").body);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[2]["error"]["code"], "invalid_argument");
  frames = Frames(PostStream(kExecute, R"({"statemen": {}})").body);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0]["error"]["code"], "invalid_argument");
}

TEST_F(HttpTest, AClientThatGoesAwayCancelsTheCall) {
  client_.SetTimeout(200);
  PostStream(kExecute, R"({"statement": {"sql": "hang"}})");
  EXPECT_TRUE(modules_.WaitForCancellation());
}

TEST_F(HttpTest, ATimeoutIsADeadline) {
  Answer answer =
      client_.Post(url_ + kExecute, Envelope(R"({"statement": {"sql": "hang"}})"),
                   {"Content-Type: application/connect+json", "Connect-Timeout-Ms: 200"});
  EXPECT_EQ(Frames(answer.body).back()["error"]["code"], "deadline_exceeded");
}

TEST_F(HttpTest, AStopEndsWhatIsUnderWay) {
  std::string body;
  std::thread request([&] {
    Client other;
    body = other
               .Post(url_ + kExecute, Envelope(R"({"statement": {"sql": "hang"}})"),
                     {"Content-Type: application/connect+json", "X-Request-Id: hangs"})
               .body;
  });
  while (modules_.last_metadata("x-request-id") != "hangs") std::this_thread::yield();
  Stop();
  request.join();
  EXPECT_TRUE(modules_.WaitForCancellation());
}

TEST_F(HttpTest, ABodyThatIsTooLargeIsRefused) {
  EXPECT_EQ(PostJson(kGetTable, std::string(2 * 1024 * 1024, ' ')).status, 413);
}

TEST_F(HttpTest, ConnectionsAreKeptAlive) {
  EXPECT_EQ(client_.Get(url_ + "/healthz").body, "ok\n");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(PostJson(kGetTable, "{}").status, 200);
    EXPECT_EQ(client_.connections_made(), 0);
  }
}

TEST_F(HttpTest, ThePageIsServedWithItsPolicy) {
  for (const char* path : {"/", "/dashboards/usage", "/index.html"}) {
    Answer answer = client_.Get(url_ + path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "<p>the page</p>");
    EXPECT_THAT(answer.headers, HasSubstr("default-src 'self'"));
    EXPECT_THAT(answer.headers, HasSubstr("nosniff"));
    EXPECT_THAT(answer.headers, HasSubstr("no-cache"));
  }
}

TEST_F(HttpTest, AssetsAreCompressedAndKeptForEver) {
  Answer answer = client_.Get(url_ + "/assets/index-1a2b3c.js", {"Accept-Encoding: gzip"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers, HasSubstr("content-encoding: gzip"));
  EXPECT_THAT(answer.headers, HasSubstr("immutable"));
  EXPECT_LT(answer.body.size(), 5000u);
  size_t etag = answer.headers.find("etag: ") + 6;
  std::string value = answer.headers.substr(etag, answer.headers.find("\r\n", etag) - etag);
  Answer again = client_.Get(url_ + "/assets/index-1a2b3c.js", {"If-None-Match: " + value});
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
}

TEST_F(HttpTest, NothingOutsideTheFolderIsServed) {
  for (const char* path : {"/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd.txt", "/assets/none.js",
                           "/.git/config.txt", "//etc/passwd.conf", "/%zz.js"}) {
    EXPECT_EQ(client_.Get(url_ + path).status, 404) << path;
  }
}

TEST_F(HttpTest, APageThatIsNotBuiltSaysHow) {
  std::filesystem::remove(dir_ / "index.html");
  Answer answer = client_.Get(url_ + "/");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("./dev build"));
}

TEST_F(HttpTest, ReadinessSaysWhyNot) {
  EXPECT_EQ(client_.Get(url_ + "/readyz").status, 200);
  ready_ = absl::UnavailableError("PostgreSQL is down");
  Answer answer = client_.Get(url_ + "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("PostgreSQL is down"));
}

TEST_F(HttpTest, TlsIsSpokenWhenThereIsACertificate) {
  Stop();
  server::TestCertificate certificate = server::MakeTestCertificate();
  server::TlsFiles tls{dir_.WriteFile("cert.pem", certificate.certificate_pem).string(),
                       dir_.WriteFile("key.pem", certificate.private_key_pem).string()};
  HttpServerOptions options;
  options.listen = "127.0.0.1:0";
  options.tls = tls;
  ASSERT_OK_AND_ASSIGN(auto server,
                       HttpServer::Start(options, [this](HttpRequest request, auto responder) {
                         responder->Respond(files_.Serve(request));
                       }));
  Client client;
  client.TrustAnybody();
  EXPECT_EQ(client.Get("https://" + server->address() + "/").body, "<p>the page</p>");
  EXPECT_EQ(client.Get("https://" + server->address() + "/index.html").status, 200);
  EXPECT_EQ(client.connections_made(), 0);
}

TEST(SessionCookieTest, OnlyOurOwnPageMayUseIt) {
  HttpRequest request;
  request.headers = {{"host", "tarn:8080"}};
  EXPECT_TRUE(IsSameOrigin(request));
  request.headers["origin"] = "http://tarn:8080";
  EXPECT_TRUE(IsSameOrigin(request));
  request.headers["origin"] = "http://evil:8080";
  EXPECT_FALSE(IsSameOrigin(request));
  request.headers["origin"] = "null";
  EXPECT_FALSE(IsSameOrigin(request));
  request.headers["origin"] = "http://tarn:8080";
  request.headers["sec-fetch-site"] = "cross-site";
  EXPECT_FALSE(IsSameOrigin(request));
}

TEST(SessionCookieTest, WhatAProxySaysCountsOnlyBehindOne) {
  HttpRequest request;
  request.headers = {{"host", "dashboard:8080"}, {"origin", "https://tarn.example"}};
  EXPECT_FALSE(IsSameOrigin(request, /*behind_proxy=*/true));
  request.headers["x-forwarded-host"] = "tarn.example";
  EXPECT_TRUE(IsSameOrigin(request, /*behind_proxy=*/true));
  EXPECT_FALSE(IsSameOrigin(request, /*behind_proxy=*/false));
  // What a client put before the proxy's own value is the client's.
  request.headers["x-forwarded-host"] = "tarn.example, other.example";
  EXPECT_FALSE(IsSameOrigin(request, /*behind_proxy=*/true));
  request.headers["x-forwarded-host"] = "evil.example, tarn.example";
  EXPECT_TRUE(IsSameOrigin(request, /*behind_proxy=*/true));
  // A proxy that keeps the host needs no header.
  request.headers = {{"host", "tarn.example"}, {"origin", "https://tarn.example"}};
  EXPECT_TRUE(IsSameOrigin(request, /*behind_proxy=*/true));

  EXPECT_FALSE(ForwardedFromHttps(request));
  request.headers["x-forwarded-proto"] = "https";
  EXPECT_TRUE(ForwardedFromHttps(request));
  request.headers["x-forwarded-proto"] = "https, http";
  EXPECT_FALSE(ForwardedFromHttps(request));
}

TEST(SessionCookieTest, ItIsFoundAmongOthers) {
  HttpRequest request;
  request.headers = {{"cookie", "a=1; tarn_session=abc; b=2"}};
  EXPECT_EQ(SessionInCookie(request), "abc");
  request.headers = {{"cookie", "not_tarn_session=abc"}};
  EXPECT_EQ(SessionInCookie(request), "");
}

}  // namespace
}  // namespace tarn::dashboard
