#include "services/transform/testing/transform_fixture.h"

#include <algorithm>
#include <thread>

#include <google/protobuf/text_format.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "common/postgres/postgres_pool.h"
#include "common/rpc/client.h"
#include "common/testing/status_matchers.h"

namespace tarn::transform {

using Stub = v1::TransformService::Stub;

TransformFixture::Process::Process(TransformFixture& fixture, TransformOptions options) {
  server::ModuleContext context{.services = fixture.services_,
                                .verifier = fixture.authority_.verifier(),
                                .tokens = fixture.tokens_,
                                .metrics = fixture.metrics_,
                                .clock = fixture.clock_,
                                .gate = gate_,
                                .postgres_dsn = fixture.db_.dsn(),
                                .lake_path = "",
                                .state_path = "",
                                .service_key_file = ""};
  module_ = std::make_unique<TransformModule>(options, context);
  grpc::ServerBuilder builder;
  module_->RegisterServices(builder);
  server_ = builder.BuildAndStart();
  stub_ = v1::TransformService::NewStub(server_->InProcessChannel({}));
  EXPECT_OK(module_->Start());
  gate_.Open();
}

TransformFixture::Process::~Process() { Stop(); }

void TransformFixture::Process::Stop() {
  if (stopped_) return;
  stopped_ = true;
  module_->Drain();
  gate_.CloseAndWait(absl::Seconds(5));
  module_->Stop();
  server_->Shutdown();
}

TransformFixture::TransformFixture() { modules_.AddTo(services_); }

TransformOptions TransformFixture::FastOptions() {
  TransformOptions options;
  options.lease_ttl = absl::Seconds(1);
  options.poll_interval = absl::Milliseconds(20);
  return options;
}

std::unique_ptr<TransformFixture::Process> TransformFixture::StartProcess(
    TransformOptions options) {
  auto process = std::make_unique<Process>(*this, options);
  EXPECT_TRUE(Eventually([&] { return process->module().Ready().ok(); }));
  return process;
}

TransformFixture::Process& TransformFixture::process() {
  if (process_ == nullptr) process_ = StartProcess();
  return *process_;
}

v1::Pipeline TransformFixture::PipelineOf(const std::string& text) {
  v1::Pipeline pipeline;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &pipeline)) << text;
  if (pipeline.name().empty()) pipeline.set_name("pipelines/p");
  return pipeline;
}

absl::StatusOr<v1::Pipeline> TransformFixture::Create(const v1::Pipeline& pipeline,
                                                      const std::string& user) {
  v1::CreatePipelineRequest request;
  *request.mutable_pipeline() = pipeline;
  return rpc::Call(process().stub(), &Stub::CreatePipeline, request, As(user));
}

absl::StatusOr<v1::Run> TransformFixture::StartRun(
    const std::string& pipeline, const std::map<std::string, std::string>& parameters,
    const std::string& request_id) {
  v1::StartRunRequest request;
  request.set_pipeline(pipeline);
  request.mutable_parameters()->insert(parameters.begin(), parameters.end());
  request.set_request_id(request_id);
  return rpc::Call(process().stub(), &Stub::StartRun, request, As("grace"));
}

absl::StatusOr<v1::Run> TransformFixture::GetRun(const std::string& name, absl::Duration wait) {
  v1::GetRunRequest request;
  request.set_name(name);
  request.mutable_wait()->set_seconds(absl::ToInt64Seconds(wait));
  return rpc::Call(process().stub(), &Stub::GetRun, request, As("grace", auth::kViewerRole));
}

v1::Run TransformFixture::Await(const std::string& name) {
  absl::StatusOr<v1::Run> run = GetRun(name, absl::Seconds(20));
  EXPECT_OK(run);
  if (!run.ok()) return {};
  EXPECT_GE(run->state(), common::v1::EXECUTION_STATE_SUCCEEDED) << run->DebugString();
  return *std::move(run);
}

v1::Run TransformFixture::RunToEnd(const std::string& text) {
  EXPECT_OK(Create(PipelineOf(text)));
  absl::StatusOr<v1::Run> run = StartRun();
  EXPECT_OK(run);
  return run.ok() ? Await(run->name()) : v1::Run();
}

std::vector<v1::Run> TransformFixture::AwaitRuns(size_t count, const std::string& pipeline) {
  std::vector<v1::Run> runs;
  EXPECT_TRUE(Eventually([&] {
    runs = ListRuns(pipeline);
    return runs.size() >= count && std::all_of(runs.begin(), runs.end(), [](const v1::Run& run) {
             return run.state() >= common::v1::EXECUTION_STATE_SUCCEEDED;
           });
  })) << runs.size();
  return runs;
}

std::vector<v1::Run> TransformFixture::ListRuns(const std::string& pipeline) {
  v1::ListRunsRequest request;
  request.set_parent(pipeline);
  absl::StatusOr<v1::ListRunsResponse> response =
      rpc::Call(process().stub(), &Stub::ListRuns, request, As("grace", auth::kViewerRole));
  EXPECT_OK(response);
  if (!response.ok()) return {};
  return {response->runs().begin(), response->runs().end()};
}

const v1::StepRun& TransformFixture::StepOf(const v1::Run& run, const std::string& id) {
  static const v1::StepRun& none = *new v1::StepRun;
  for (const v1::StepRun& step : run.steps()) {
    if (step.step_id() == id) return step;
  }
  ADD_FAILURE() << "no step " << id;
  return none;
}

void TransformFixture::AppendEvent(const std::string& type, const std::string& subject,
                                   const std::string& data) {
  EXPECT_OK(db_.pool().Run([&](Transaction& txn) {
    return events::Append(txn, {.workspace = "default",
                                .type = type,
                                .source = "catalog",
                                .subject = subject,
                                .data = data});
  }));
}

std::vector<std::string> TransformFixture::RunEvents() {
  absl::StatusOr<std::vector<std::string>> types =
      db_.pool().Run([&](Transaction& txn) -> absl::StatusOr<std::vector<std::string>> {
        std::vector<std::string> found;
        for (Row row :
             txn.Exec("SELECT type FROM events.outbox WHERE source = 'transform' ORDER BY "
                      "seq")) {
          found.push_back(row.Get<std::string>("type"));
        }
        return found;
      });
  EXPECT_OK(types);
  return types.ok() ? *types : std::vector<std::string>();
}

bool TransformFixture::Eventually(const std::function<bool()>& condition) {
  const absl::Time end = absl::Now() + absl::Seconds(10);
  while (!condition()) {
    if (absl::Now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

rpc::Credentials TransformFixture::As(const std::string& user, std::string_view role) const {
  return {.token = authority_.TokenFor(auth::TestCaller(user, role)), .request_id = ""};
}

}  // namespace tarn::transform
