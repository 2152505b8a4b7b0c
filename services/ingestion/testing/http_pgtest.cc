// Records over HTTP to a running module, by libcurl.
#include <atomic>
#include <thread>
#include <vector>

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "common/http/testing/gzip.h"
#include "services/ingestion/record/record_check.h"
#include "services/ingestion/testing/ways_in_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::HasSubstr;

struct Answer {
  long status = 0;
  std::string headers;
  std::string body;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

size_t Append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

class HttpPgTest : public WaysInPgTest {
 protected:
  void SetUp() override {
    WaysInPgTest::SetUp();
    address_ = ingestion_->http_address();
  }
  Answer Send(const std::string& path, const std::string& body, std::vector<std::string> headers,
              const char* method = "POST") {
    CURL* curl = curl_easy_init();
    Answer answer;
    curl_slist* list = nullptr;
    for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
    const std::string url = "http://" + address_ + path;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, Append);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);
    curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return answer;
  }
  Answer Post(const std::string& body, const std::string& type,
              std::vector<std::string> headers = {}) {
    headers.push_back("Content-Type:" + (type.empty() ? "" : " " + type));
    headers.push_back("Authorization: Bearer " + ingestion_->TokenOf("ada"));
    return Send("/v1/streams/s/records", body, headers);
  }
  std::string address_;
  int64_t stored() { return ingestion_->Get("s")->statistics().acknowledged_records(); }
};

TEST_F(HttpPgTest, EveryContentTypeIsTaken) {
  Answer answer = Post("{\"a\":1}\n{\"a\":\n{\"a\":2}", "application/x-ndjson");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json(), nlohmann::json::parse(
                               R"({"results": [{"position": "0"},
                                {"errorReason": "INVALID_JSON",
                                 "errorMessage": "the record is not JSON: the text ends too soon at byte 5"},
                                {"position": "1"}],
                    "failedCount": 1})"));
  EXPECT_THAT(answer.headers, HasSubstr("x-request-id: "));
  answer = Post("[{\"a\":1}, {\"a\":2}]", "application/json; charset=utf-8");
  EXPECT_EQ(answer.body, R"({"results":[{"position":"2"},{"position":"3"}]})");
  EXPECT_EQ(Post("{\"a\":1}", "application/json").status, 200);
  EXPECT_EQ(Post("a,b\n1,2\n", "text/csv").body, R"({"results":[{"position":"5"}]})");
  EXPECT_EQ(Post("one\ntwo\n", "text/plain").json()["results"].size(), 2u);
  // Without one it is as the stream says.
  EXPECT_EQ(Post("{}\n{}", "").json()["results"].size(), 2u);
  EXPECT_EQ(stored(), 10);
}

TEST_F(HttpPgTest, HistoryIsFilledInWhereTheQuerySaysSo) {
  const std::vector<std::string> headers = {"Content-Type: application/json",
                                            "Authorization: Bearer " + ingestion_->TokenOf("ada")};
  EXPECT_EQ(Post("{\"a\":1}", "application/json").status, 200);
  const std::string path = "/v1/streams/s/records?x=1&backfill=";
  EXPECT_EQ(Send(path + "true", "{\"a\":2}", headers).body, R"({"results":[{"position":"0"}]})");
  EXPECT_EQ(Send(path + "false", "{\"a\":3}", headers).body, R"({"results":[{"position":"1"}]})");
  const Answer other = Send(path + "yes", "{\"a\":4}", headers);
  EXPECT_EQ(other.status, 400);
  EXPECT_THAT(other.body, HasSubstr("must be true or false"));
  EXPECT_EQ(ingestion_->Get("s")->statistics().waiting_backfill_records(), 1);
}

TEST_F(HttpPgTest, ARetryStoresNothingTwice) {
  const std::vector<std::string> headers = {"Idempotency-Key: order-17"};
  EXPECT_EQ(Post("{\"a\":1}", "application/json", headers).body,
            R"({"results":[{"position":"0"}]})");
  EXPECT_EQ(Post("{\"a\":1}", "application/json", headers).body,
            R"({"results":[{"position":"0"}],"replayed":true})");
  const Answer other = Post("{\"a\":2}", "application/json", headers);
  EXPECT_EQ(other.status, 400);
  EXPECT_EQ(other.json()["code"], "failed_precondition");
  EXPECT_EQ(stored(), 1);
}

TEST_F(HttpPgTest, ABombCostsItsBoundAndNoMore) {
  EXPECT_EQ(Post(Gzip("{}\n{}"), "application/x-ndjson", {"Content-Encoding: gzip"})
                .json()["results"]
                .size(),
            2u);
  const std::string bomb = Gzip(std::string(256u << 20, ' '));
  ASSERT_LT(bomb.size(), 1u << 20);
  const Answer answer = Post(bomb, "application/x-ndjson", {"Content-Encoding: gzip"});
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.json()["code"], "invalid_argument");
  EXPECT_EQ(Post("{}", "application/x-ndjson", {"Content-Encoding: gzip"}).status, 400);
  EXPECT_EQ(Post("{}", "application/x-ndjson", {"Content-Encoding: br"}).status, 415);
}

TEST_F(HttpPgTest, ErrorsHaveTheirStatus) {
  EXPECT_EQ(Post("{}", "application/xml").status, 415);
  EXPECT_EQ(Post("[{}", "application/json").status, 400);
  EXPECT_EQ(Post("", "application/json").status, 400);
  EXPECT_EQ(Post(std::string(kMaxRequestBytes + 1, ' '), "text/plain").status, 413);
  const std::string token = "Authorization: Bearer " + ingestion_->TokenOf("ada");
  EXPECT_EQ(Send("/v1/streams/none/records", "{}", {token, "Content-Type: text/csv"}).status, 404);
  EXPECT_EQ(Send("/v1/streams/a%2Fb/records", "{}", {token}).status, 400);
  EXPECT_EQ(Send("/v1/streams/s", "{}", {token}).status, 404);
  const Answer put = Send("/v1/streams/s/records", "{}", {token}, "PUT");
  EXPECT_EQ(put.status, 405);
  EXPECT_THAT(put.headers, HasSubstr("allow: POST"));
  const Answer nobody = Send("/v1/streams/s/records", "{}", {"Content-Type: text/plain"});
  EXPECT_EQ(nobody.status, 401);
  EXPECT_THAT(nobody.headers, HasSubstr("www-authenticate: Bearer"));
  EXPECT_EQ(nobody.json()["code"], "unauthenticated");
  EXPECT_EQ(Send("/v1/streams/s/records", "{}", {"Authorization: Bearer nonsense"}).status, 401);
  EXPECT_EQ(Send("/healthz", "", {}, "GET").body, "ok\n");
  EXPECT_EQ(stored(), 0);
}

TEST_F(HttpPgTest, AKeyIsExchangedOnceForManyRequests) {
  const std::string key = std::string("Authorization: Bearer ") + kKey;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Send("/v1/streams/s/records", "{}", {key, "Content-Type: application/json"}).status,
              200);
  }
  EXPECT_EQ(auth_.calls, 1);
  const std::string wrong = "Authorization: Bearer tarn_0123456789ab_wrong";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Send("/v1/streams/s/records", "{}", {wrong}).status, 401);
  EXPECT_LE(auth_.calls, 3);  // a refusal is remembered for some seconds
  EXPECT_EQ(stored(), 5);
}

TEST_F(HttpPgTest, AStoppedModuleIsNotReached) {
  const std::string token = "Authorization: Bearer " + ingestion_->TokenOf("ada");
  std::vector<std::thread> senders;
  std::atomic<bool> stop = false;
  std::atomic<int64_t> acknowledged = 0;
  std::atomic<int> unexpected = 0;
  for (int i = 0; i < 4; ++i) {
    senders.emplace_back([&] {
      while (!stop) {
        const Answer answer =
            Send("/v1/streams/s/records", "{}", {token, "Content-Type: application/json"});
        if (answer.status == 200) {
          ++acknowledged;
        } else if (answer.status != 503 && answer.status != 0) {
          ++unexpected;
        }
      }
    });
  }
  while (acknowledged < 20) std::this_thread::yield();
  ingestion_->Stop();
  stop = true;
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(unexpected, 0);
  Start();
  // At least those: an answer may be lost on its way.
  EXPECT_GE(stored(), acknowledged);
}

}  // namespace
}  // namespace tarn::ingestion
