#include "services/ingestion/testing/test_ingestion.h"

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "services/ingestion/ingestion_module.h"

namespace tarn::ingestion {

using Stub = v1::IngestionService::Stub;

TestIngestion::TestIngestion(const Places& places, IngestionOptions options) {
  services_.Set("catalog", places.catalog);
  if (places.dashboard != nullptr) services_.Set("dashboard", places.dashboard);
  options.http_listen = "127.0.0.1:0";
  host_ = std::make_unique<server::ModuleHost>(services_);
  const server::ModuleContext context{.services = services_,
                                      .verifier = authority_.verifier(),
                                      .tokens = tokens_,
                                      .metrics = metrics_,
                                      .clock = SystemClock(),
                                      .gate = host_->GateFor("ingestion"),
                                      .postgres_dsn = places.dsn,
                                      .lake_path = places.lake_path,
                                      .state_path = places.state_path,
                                      .service_key_file = ""};
  host_->Add(std::make_unique<IngestionModule>(options, context), {.module = "ingestion"});
  if (const absl::Status started = host_->Start(); !started.ok()) {
    std::fprintf(stderr, "%s\n", started.ToString().c_str());
    std::abort();
  }
  stub_ = v1::IngestionService::NewStub(services_.ChannelFor("ingestion"));
}

std::string TestIngestion::http_address() const { return host_->addresses().at("ingestion_http"); }

std::string TestIngestion::TokenOf(std::string_view user, absl::Duration lifetime) const {
  return authority_.TokenFor(auth::TestCaller(user), lifetime);
}

void TestIngestion::Stop() { host_->Stop(absl::Seconds(5)); }

TestIngestion::~TestIngestion() { Stop(); }

void TestIngestion::Prepare(grpc::ClientContext& context, std::string_view user) const {
  rpc::PrepareContext(context, {authority_.TokenFor(auth::TestCaller(user)), ""},
                      absl::Seconds(60));
}

template <typename Response, typename Method, typename Request>
absl::StatusOr<Response> TestIngestion::Call(Method method, const Request& request) {
  return rpc::Call(*stub_, method, request,
                   rpc::Credentials{authority_.TokenFor(auth::TestCaller("ada")), ""},
                   {.timeout = absl::Seconds(60)});
}

absl::StatusOr<v1::Stream> TestIngestion::CreateStream(const std::string& id) {
  v1::CreateStreamRequest request;
  request.mutable_stream()->set_name("streams/" + id);
  request.mutable_stream()->set_table(TableName(id));
  request.mutable_stream()->mutable_delivery()->mutable_max_delay()->set_seconds(900);
  return CreateStream(request);
}

absl::StatusOr<v1::Stream> TestIngestion::CreateStream(const v1::CreateStreamRequest& request) {
  return Call<v1::Stream>(&Stub::CreateStream, request);
}

absl::StatusOr<v1::PutRecordsResponse> TestIngestion::PutRecords(
    const v1::PutRecordsRequest& request) {
  return Call<v1::PutRecordsResponse>(&Stub::PutRecords, request);
}

absl::StatusOr<v1::PutRecordsResponse> TestIngestion::Put(const std::string& id,
                                                          const std::vector<std::string>& records,
                                                          const std::string& request_id) {
  v1::PutRecordsRequest request;
  request.set_stream("streams/" + id);
  request.set_request_id(request_id);
  for (const std::string& record : records) request.add_records(record);
  return PutRecords(request);
}

absl::StatusOr<v1::Stream> TestIngestion::Flush(const std::string& id, absl::Duration timeout) {
  v1::FlushStreamRequest request;
  request.set_name("streams/" + id);
  request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(timeout));
  request.mutable_timeout()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(timeout) % 1'000'000'000));
  auto response = Call<v1::FlushStreamResponse>(&Stub::FlushStream, request);
  if (!response.ok()) return response.status();
  return response->stream();
}

absl::StatusOr<v1::Stream> TestIngestion::Get(const std::string& id) {
  v1::GetStreamRequest request;
  request.set_name("streams/" + id);
  return Call<v1::Stream>(&Stub::GetStream, request);
}

absl::StatusOr<v1::ListDeadLettersResponse> TestIngestion::DeadLetters(const std::string& id) {
  v1::ListDeadLettersRequest request;
  request.set_parent("streams/" + id);
  return Call<v1::ListDeadLettersResponse>(&Stub::ListDeadLetters, request);
}

void TestIngestion::WaitUntilReady() {
  for (int i = 0; i < 3000; ++i) {
    const auto streams =
        Call<v1::ListStreamsResponse>(&Stub::ListStreams, v1::ListStreamsRequest());
    if (streams.ok()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::fprintf(stderr, "ingestion did not become ready\n");
  std::abort();
}

}  // namespace tarn::ingestion
