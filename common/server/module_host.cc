#include "common/server/module_host.h"

#include <algorithm>
#include <chrono>

#include <absl/time/clock.h>

#include "common/logging/logging.h"
#include "common/rpc/service_directory.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::server {
namespace {

constexpr std::chrono::seconds kReadinessInterval{1};
// For answers that their handlers have given, but gRPC has yet to send.
constexpr absl::Duration kFlushTime = absl::Seconds(1);

}  // namespace

ModuleHost::~ModuleHost() { Stop(absl::ZeroDuration()); }

rpc::ServingGate& ModuleHost::GateFor(std::string_view module) {
  return gates_[std::string(module)];
}

void ModuleHost::Add(std::unique_ptr<Module> module, GrpcServerOptions server_options) {
  Hosted hosted;
  hosted.gate = &GateFor(module->name());
  hosted.module = std::move(module);
  hosted.options = std::move(server_options);
  modules_.push_back(std::move(hosted));
}

absl::Status ModuleHost::StartServer(Hosted& hosted) {
  TARN_ASSIGN_OR_RETURN(hosted.server,
                        GrpcServer::Start(hosted.options, [&hosted](grpc::ServerBuilder& builder) {
                          hosted.module->RegisterServices(builder);
                        }));
  services_.Set(hosted.module->name(), hosted.server->InProcessChannel());
  return absl::OkStatus();
}

absl::Status ModuleHost::Start() {
  absl::Status status;
  for (Hosted& hosted : modules_) {
    status = StartServer(hosted);
    if (!status.ok()) break;
  }
  for (Hosted& hosted : modules_) {
    if (!status.ok()) break;
    hosted.start_called = true;
    status = Annotate(hosted.module->Start(), std::string(hosted.module->name()));
    if (status.ok()) hosted.gate->Open();
  }
  if (!status.ok()) {
    Stop(absl::ZeroDuration());
    return status;
  }
  for (Hosted& hosted : modules_) UpdateHealth(hosted);
  polling_ = true;
  poller_ = std::thread([this] { PollReadiness(); });
  return absl::OkStatus();
}

void ModuleHost::UpdateHealth(Hosted& hosted) {
  absl::Status ready = hosted.module->Ready();
  if (ready.ok() == hosted.serving) return;
  hosted.serving = ready.ok();
  hosted.server->SetServing(hosted.serving);
  if (hosted.serving) {
    logging::Info(hosted.module->name(), "serving");
  } else {
    logging::Warn(hosted.module->name(), "not ready to serve", ready);
  }
}

void ModuleHost::PollReadiness() {
  std::unique_lock lock(mutex_);
  while (!stop_polling_.wait_for(lock, kReadinessInterval, [this] { return !polling_; })) {
    lock.unlock();
    for (Hosted& hosted : modules_) UpdateHealth(hosted);
    lock.lock();
  }
}

void ModuleHost::EndPolling() {
  {
    std::lock_guard lock(mutex_);
    polling_ = false;
  }
  stop_polling_.notify_all();
  if (poller_.joinable()) poller_.join();
}

void ModuleHost::Stop(absl::Duration grace) {
  EndPolling();
  for (Hosted& hosted : modules_) {
    if (hosted.server != nullptr) hosted.server->SetServing(false);
    if (hosted.gate->IsOpen()) hosted.module->Drain();
  }
  absl::Time deadline = absl::Now() + grace;
  for (auto hosted = modules_.rbegin(); hosted != modules_.rend(); ++hosted) {
    hosted->gate->CloseAndWait(std::max(deadline - absl::Now(), absl::ZeroDuration()));
    if (hosted->start_called) hosted->module->Stop();
  }
  // Only now, when no module calls another any more: see serving_gate.h.
  for (Hosted& hosted : modules_) {
    if (hosted.server != nullptr) hosted.server->Shutdown(kFlushTime);
  }
  while (!modules_.empty()) modules_.pop_back();
}

std::map<std::string, std::string> ModuleHost::addresses() const {
  std::map<std::string, std::string> addresses;
  for (const Hosted& hosted : modules_) {
    if (hosted.server != nullptr && !hosted.server->address().empty()) {
      addresses.emplace(hosted.module->name(), hosted.server->address());
    }
    addresses.merge(hosted.module->ExtraAddresses());
  }
  return addresses;
}

}  // namespace tarn::server
