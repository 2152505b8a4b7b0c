#include "common/metrics/metrics.h"

#include <curl/curl.h>

#include "common/metrics/metrics_server.h"
#include "common/testing/status_matchers.h"

namespace tarn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Get(const std::string& url) {
  std::string body;
  CURL* curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(
      curl, CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t size, std::size_t count, void* out) {
        static_cast<std::string*>(out)->append(data, size * count);
        return size * count;
      });
  EXPECT_EQ(curl_easy_perform(curl), CURLE_OK);
  curl_easy_cleanup(curl);
  return body;
}

TEST(MetricsTest, RendersEveryKind) {
  Metrics metrics;
  metrics.AddCounter("tarn_catalog_commits_total", "Commits.", {{"operation", "append"}})
      .Increment(3);
  metrics.AddGauge("tarn_query_running", "Queries that run.").Set(2);
  metrics.AddHistogram("tarn_rpc_latency_seconds", "Latency.").Observe(0.003);
  EXPECT_THAT(metrics.RenderText(),
              AllOf(HasSubstr("# HELP tarn_catalog_commits_total Commits."),
                    HasSubstr("tarn_catalog_commits_total{operation=\"append\"} 3"),
                    HasSubstr("tarn_query_running 2"),
                    HasSubstr("tarn_rpc_latency_seconds_bucket{le=\"0.0025\"} 0"),
                    HasSubstr("tarn_rpc_latency_seconds_bucket{le=\"0.005\"} 1")));
}

TEST(MetricsTest, AFamilyHoldsOneMetricForEachSetOfValues) {
  Metrics metrics;
  CounterFamily calls = metrics.AddCounters("tarn_rpc_calls_total", "Calls.", {"method", "code"});
  calls.With({"Get", "OK"}).Increment();
  calls.With({"Get", "OK"}).Increment();
  calls.With({"Get", "NOT_FOUND"}).Increment();
  HistogramFamily sizes =
      metrics.AddHistograms("tarn_rpc_message_bytes", "Sizes.", {"method"}, Metrics::SizeBuckets());
  sizes.With({"Get"}).Observe(2000);
  EXPECT_EQ(calls.With({"Get", "OK"}).Value(), 2);
  EXPECT_THAT(metrics.RenderText(),
              AllOf(HasSubstr("tarn_rpc_calls_total{code=\"NOT_FOUND\",method=\"Get\"} 1"),
                    HasSubstr("tarn_rpc_message_bytes_bucket{method=\"Get\",le=\"4096\"} 1")));
}

TEST(MetricsTest, AddingAgainGivesTheSameMetric) {
  Metrics metrics;
  metrics.AddCounter("tarn_x_things_total", "Things.").Increment();
  EXPECT_EQ(metrics.AddCounter("tarn_x_things_total", "Things.").Value(), 1);
}

TEST(MetricsDeathTest, AMalformedNameEndsTheProgram) {
  Metrics metrics;
  EXPECT_DEATH(metrics.AddCounter("commits", "Commits."), "is not of the form");
}

TEST(MetricsServerTest, ServesOnAFreePort) {
  Metrics metrics;
  metrics.AddGauge("tarn_query_running", "Queries that run.").Set(2);
  ASSERT_OK_AND_ASSIGN(auto server, MetricsServer::Start("localhost:0", metrics));
  ASSERT_GT(server->port(), 0);
  EXPECT_THAT(Get("http://127.0.0.1:" + std::to_string(server->port()) + "/metrics"),
              HasSubstr("tarn_query_running 2"));
}

TEST(MetricsServerTest, SaysWhenItsPortIsTaken) {
  Metrics metrics;
  ASSERT_OK_AND_ASSIGN(auto server, MetricsServer::Start("127.0.0.1:0", metrics));
  EXPECT_THAT(MetricsServer::Start("127.0.0.1:" + std::to_string(server->port()), metrics),
              StatusIs(absl::StatusCode::kUnavailable, "ADDRESS_IN_USE"));
}

}  // namespace
}  // namespace tarn
