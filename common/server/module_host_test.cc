#include "common/server/module_host.h"

#include <string>
#include <vector>

#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/rpc/health_client.h"
#include "common/rpc/service_directory.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::server {
namespace {

using ::testing::ElementsAre;

// Writes down what happens to it.
class RecordingModule : public Module {
 public:
  RecordingModule(std::string name, std::vector<std::string>& events, absl::Status start = {})
      : name_(std::move(name)), events_(events), start_(std::move(start)) {}
  ~RecordingModule() override { events_.push_back(name_ + " destructed"); }

  std::string_view name() const override { return name_; }
  void RegisterServices(grpc::ServerBuilder&) override {}
  absl::Status Start() override {
    events_.push_back(name_ + " start");
    return start_;
  }
  void Drain() override { events_.push_back(name_ + " drain"); }
  void Stop() override { events_.push_back(name_ + " stop"); }

 private:
  const std::string name_;
  std::vector<std::string>& events_;
  const absl::Status start_;
};

class ModuleHostTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, absl::Status start = {}, const std::string& listen = "") {
    host_.Add(std::make_unique<RecordingModule>(name, events_, std::move(start)),
              {.module = name, .listen = listen, .listen_option = name + ".listen"});
  }

  std::vector<std::string> events_;
  rpc::ServiceDirectory services_;
  ModuleHost host_{services_};
};

TEST_F(ModuleHostTest, ModulesStartInOrderAndStopInReverse) {
  Add("a");
  Add("b");
  ASSERT_OK(host_.Start());
  EXPECT_THAT(events_, ElementsAre("a start", "b start"));
  events_.clear();
  host_.Stop(absl::Seconds(1));
  EXPECT_THAT(events_, ElementsAre("a drain", "b drain", "b stop", "a stop", "b destructed",
                                   "a destructed"));
}

TEST_F(ModuleHostTest, AModuleServesOnceItHasStarted) {
  rpc::ServingGate& gate = host_.GateFor("a");
  Add("a", {}, "127.0.0.1:0");
  EXPECT_FALSE(gate.IsOpen());
  ASSERT_OK(host_.Start());
  EXPECT_TRUE(gate.IsOpen());
  EXPECT_OK(rpc::CheckHealth(services_.ChannelFor("a")));
  EXPECT_EQ(host_.addresses().size(), 1u);
  host_.Stop(absl::Seconds(1));
  EXPECT_FALSE(gate.IsOpen());
}

TEST_F(ModuleHostTest, AStartThatFailsStopsWhatHasStartedAndNamesTheModule) {
  Add("a");
  Add("b", Unavailable("DATABASE_UNREACHABLE", "PostgreSQL cannot be reached"));
  Add("c");
  EXPECT_THAT(host_.Start(), StatusIs(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE",
                                      "b: PostgreSQL cannot be reached"));
  EXPECT_THAT(events_, ElementsAre("a start", "b start", "a drain", "b stop", "a stop",
                                   "c destructed", "b destructed", "a destructed"));
}

TEST_F(ModuleHostTest, ABadListenerIsToldBeforeAnyModuleStarts) {
  Add("a");
  Add("b", {}, "0.0.0.0:0");
  EXPECT_THAT(host_.Start(), StatusIs(absl::StatusCode::kFailedPrecondition, "INSECURE_LISTENER"));
  EXPECT_THAT(events_, ElementsAre("b destructed", "a destructed"));
}

}  // namespace
}  // namespace tarn::server
