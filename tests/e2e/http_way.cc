#include <fstream>

#include <absl/strings/str_cat.h>
#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "tests/e2e/record_way.h"

namespace tarn::e2e {
namespace {

constexpr long kTimeoutSeconds = 20;

size_t Append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

class HttpWay : public RecordWay {
 public:
  explicit HttpWay(const WayTarget& target)
      : url_(absl::StrCat("http://", target.address, "/v1/", target.stream, "/records")),
        curl_(curl_easy_init()) {
    std::string key;
    std::ifstream(target.key_file) >> key;
    authorization_ = "Authorization: Bearer " + key;
  }
  ~HttpWay() override { curl_easy_cleanup(curl_); }

  absl::Status Send(const RecordBatch& batch) override {
    std::string body;
    for (const std::string& record : batch.records) absl::StrAppend(&body, record, "\n");
    std::string answer;
    curl_slist* headers = nullptr;
    for (const std::string& header :
         {authorization_, std::string("Content-Type: application/x-ndjson"),
          "Idempotency-Key: " + batch.id}) {
      headers = curl_slist_append(headers, header.c_str());
    }
    curl_easy_reset(curl_);
    curl_easy_setopt(curl_, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, kTimeoutSeconds);
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, Append);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer);
    const CURLcode done = curl_easy_perform(curl_);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (done != CURLE_OK) return Unavailable("HTTP_FAILED", curl_easy_strerror(done));
    const nlohmann::json json = nlohmann::json::parse(answer, nullptr, false);
    if (status == 200 && json.is_object() && !json.contains("failedCount") &&
        json.value("results", nlohmann::json::array()).size() == batch.records.size()) {
      return absl::OkStatus();
    }
    return Unavailable(absl::StrCat("HTTP_", status), answer);
  }

 private:
  const std::string url_;
  CURL* const curl_;
  std::string authorization_;
};

}  // namespace

std::unique_ptr<RecordWay> MakeHttpWay(const WayTarget& target) {
  return std::make_unique<HttpWay>(target);
}

}  // namespace tarn::e2e
