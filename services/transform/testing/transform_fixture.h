// Transform as a whole on a real PostgreSQL, with fakes of the modules that it calls. For pgtests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tarn/transform/v1/transform_service.grpc.pb.h"

#include "common/auth/testing/fake_tokens.h"
#include "common/clock/fake_clock.h"
#include "common/events/event.h"
#include "common/metrics/metrics.h"
#include "common/postgres/testing/test_database.h"
#include "common/rpc/service_directory.h"
#include "common/rpc/serving_gate.h"
#include "services/transform/testing/fake_modules.h"
#include "services/transform/transform_module.h"

namespace grpc {
class Server;
}

namespace tarn::transform {

class TransformFixture : public ::testing::Test {
 protected:
  // A process: a module and its server. Several share the database.
  class Process {
   public:
    Process(TransformFixture& fixture, TransformOptions options);
    ~Process();  // Stop

    v1::TransformService::Stub& stub() { return *stub_; }
    TransformModule& module() { return *module_; }
    // In good order.
    void Stop();

   private:
    rpc::ServingGate gate_;
    std::unique_ptr<TransformModule> module_;
    std::unique_ptr<grpc::Server> server_;
    std::unique_ptr<v1::TransformService::Stub> stub_;
    bool stopped_ = false;
  };

  TransformFixture();

  // With short leases and polls.
  static TransformOptions FastOptions();
  std::unique_ptr<Process> StartProcess(TransformOptions options = FastOptions());
  // The one that helpers below call; started at first use.
  Process& process();

  // From text format; "pipelines/p" where no name is given.
  static v1::Pipeline PipelineOf(const std::string& text);
  absl::StatusOr<v1::Pipeline> Create(const v1::Pipeline& pipeline,
                                      const std::string& user = "ada");
  absl::StatusOr<v1::Run> StartRun(const std::string& pipeline = "pipelines/p",
                                   const std::map<std::string, std::string>& parameters = {},
                                   const std::string& request_id = "");
  absl::StatusOr<v1::Run> GetRun(const std::string& name, absl::Duration wait = {});
  // Waits until the run has ended.
  v1::Run Await(const std::string& name);
  // Makes a pipeline of `text`, runs it and waits.
  v1::Run RunToEnd(const std::string& text);
  // Waits until the pipeline has `count` runs that have ended; the newest first.
  std::vector<v1::Run> AwaitRuns(size_t count, const std::string& pipeline = "pipelines/p");
  std::vector<v1::Run> ListRuns(const std::string& pipeline = "pipelines/p");
  static const v1::StepRun& StepOf(const v1::Run& run, const std::string& id);

  void AppendEvent(const std::string& type, const std::string& subject,
                   const std::string& data = "{}");
  // Types of the events that transform wrote, in order.
  std::vector<std::string> RunEvents();
  // Whether `condition` comes true within ten seconds.
  static bool Eventually(const std::function<bool()>& condition);
  rpc::Credentials As(const std::string& user, std::string_view role = auth::kEditorRole) const;

  TestDatabase db_{&MigrateTransform};
  auth::TestAuthority authority_;
  auth::FakeTokenProvider tokens_{authority_};
  FakeModules modules_{authority_.verifier()};
  rpc::ServiceDirectory services_;
  Metrics metrics_;
  FakeClock clock_{absl::Now()};
  std::unique_ptr<Process> process_;
};

}  // namespace tarn::transform
