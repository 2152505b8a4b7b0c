#include "services/transform/testing/fake_modules.h"

#include <algorithm>
#include <chrono>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "tarn/alerting/v1/alerting_service.grpc.pb.h"
#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/auth/token_verifier.h"
#include "common/rpc/service_directory.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::transform {

using common::v1::ExecutionState;

struct FakeModules::Work {
  Started started;
  Script script;
  bool ended = false;

  ExecutionState state() const {
    return ended ? script.state : common::v1::EXECUTION_STATE_RUNNING;
  }
  // State and error of the resource.
  template <typename Resource>
  void Fill(Resource* resource) const {
    resource->set_name(started.name);
    resource->set_state(state());
    if (ended && script.state != common::v1::EXECUTION_STATE_SUCCEEDED) {
      resource->mutable_error()->set_code(static_cast<int>(absl::StatusCode::kInvalidArgument));
      resource->mutable_error()->set_reason(script.reason);
      resource->mutable_error()->set_message(script.message);
    }
  }
};

namespace {

bool Fits(const FakeModules::Started& started, const std::string& pattern) {
  return absl::StrContains(started.subject, pattern) ||
         absl::StrContains(started.statement.sql(), pattern);
}

std::string BearerOf(grpc::ServerContext* context) {
  auto found = context->client_metadata().find("authorization");
  if (found == context->client_metadata().end()) return "";
  const std::string value(found->second.data(), found->second.size());
  return value.starts_with("Bearer ") ? value.substr(7) : value;
}

}  // namespace

// What the three services share.
class FakeModules::Shared {
 public:
  explicit Shared(FakeModules& fake) : fake_(fake) {}

 protected:
  // One call: holds the fake's mutex, knows the caller.
  struct Call {
    std::unique_lock<std::mutex> lock;
    std::string user;
  };

  absl::StatusOr<Call> Admit(grpc::ServerContext* context) {
    Call call{std::unique_lock(fake_.mutex_), ""};
    if (fake_.failing_calls_ > 0) {
      --fake_.failing_calls_;
      return fake_.failure_;
    }
    TARN_ASSIGN_OR_RETURN(auth::VerifiedToken token, fake_.verifier_.Verify(BearerOf(context)));
    call.user = token.caller.user;
    return call;
  }

  // Starts what `started` describes, or finds what its request id has started before.
  std::shared_ptr<Work> Start(const Call& call, Started started) {
    for (const std::shared_ptr<Work>& work : fake_.works_) {
      if (work->started.request_id == started.request_id) return work;
    }
    auto work = std::make_shared<Work>();
    work->started = std::move(started);
    work->started.user = call.user;
    absl::StrAppend(&work->started.name, fake_.works_.size() + 1);
    for (auto& [pattern, scripts] : fake_.scripts_) {
      if (!Fits(work->started, pattern)) continue;
      work->script = scripts.front();
      if (scripts.size() > 1) scripts.erase(scripts.begin());
    }
    work->ended = !work->script.blocks;
    fake_.works_.push_back(work);
    fake_.changed_.notify_all();
    return work;
  }

  // How the call of a start ends: with its answer, or its loss.
  grpc::Status EndStart() {
    if (fake_.lost_answers_ == 0) return grpc::Status::OK;
    --fake_.lost_answers_;
    return {grpc::StatusCode::UNAVAILABLE, "the answer was lost"};
  }

  std::shared_ptr<Work> Find(const std::string& name) {
    return *std::find_if(fake_.works_.begin(), fake_.works_.end(),
                         [&](const auto& work) { return work->started.name == name; });
  }

  std::shared_ptr<Work> Wait(Call& call, const std::string& name,
                             const google::protobuf::Duration& wait) {
    std::shared_ptr<Work> work = Find(name);
    fake_.changed_.wait_for(
        call.lock, std::chrono::seconds(wait.seconds()) + std::chrono::nanoseconds(wait.nanos()),
        [&] { return work->ended; });
    return work;
  }

  std::shared_ptr<Work> Cancel(const std::string& name) {
    std::shared_ptr<Work> work = Find(name);
    work->started.cancelled = true;
    if (!work->ended) {
      work->ended = true;
      work->script = {.state = common::v1::EXECUTION_STATE_CANCELLED, .reason = "CANCELLED"};
    }
    fake_.changed_.notify_all();
    return work;
  }

  FakeModules& fake_;
};

class FakeModules::CatalogService final : public catalog::v1::CatalogService::Service, Shared {
 public:
  explicit CatalogService(FakeModules& fake) : Shared(fake) {}

  grpc::Status GetTable(grpc::ServerContext* context, const catalog::v1::GetTableRequest* request,
                        catalog::v1::Table* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    if (fake_.tables_.count(request->name()) == 0) {
      return rpc::ToGrpcStatus(NotFound("TABLE_NOT_FOUND", "no table " + request->name()));
    }
    response->set_name(request->name());
    return grpc::Status::OK;
  }

  grpc::Status StartCrawl(grpc::ServerContext* context,
                          const catalog::v1::StartCrawlRequest* request,
                          catalog::v1::Crawl* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Start(*call, Started{.kind = "crawl",
                                                      .name = request->name() + "/crawls/",
                                                      .request_id = request->request_id(),
                                                      .subject = request->name()});
    work->Fill(response);
    return EndStart();
  }

  grpc::Status GetCrawl(grpc::ServerContext* context, const catalog::v1::GetCrawlRequest* request,
                        catalog::v1::Crawl* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Wait(*call, request->name(), request->wait());
    work->Fill(response);
    response->set_row_count(work->script.row_count);
    return grpc::Status::OK;
  }

  grpc::Status CancelCrawl(grpc::ServerContext* context,
                           const catalog::v1::CancelCrawlRequest* request,
                           catalog::v1::Crawl* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Cancel(request->name());
    work->Fill(response);
    return grpc::Status::OK;
  }

  grpc::Status StartMaintenance(grpc::ServerContext* context,
                                const catalog::v1::StartMaintenanceRequest* request,
                                catalog::v1::MaintenanceJob* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Start(*call, Started{.kind = "job",
                                                      .name = request->table() + "/jobs/",
                                                      .request_id = request->request_id(),
                                                      .subject = request->table()});
    work->Fill(response);
    return EndStart();
  }

  grpc::Status CancelMaintenanceJob(grpc::ServerContext* context,
                                    const catalog::v1::CancelMaintenanceJobRequest* request,
                                    catalog::v1::MaintenanceJob* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Cancel(request->name());
    work->Fill(response);
    return grpc::Status::OK;
  }

  grpc::Status GetMaintenanceJob(grpc::ServerContext* context,
                                 const catalog::v1::GetMaintenanceJobRequest* request,
                                 catalog::v1::MaintenanceJob* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Wait(*call, request->name(), request->wait());
    work->Fill(response);
    return grpc::Status::OK;
  }
};

class FakeModules::QueryService final : public query::v1::QueryService::Service, Shared {
 public:
  explicit QueryService(FakeModules& fake) : Shared(fake) {}

  grpc::Status StartQuery(grpc::ServerContext* context, const query::v1::StartQueryRequest* request,
                          query::v1::Query* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Start(*call, Started{.kind = "query",
                                                      .name = "queries/",
                                                      .request_id = request->request_id(),
                                                      .statement = request->statement()});
    Fill(*work, response);
    return EndStart();
  }

  grpc::Status GetQuery(grpc::ServerContext* context, const query::v1::GetQueryRequest* request,
                        query::v1::Query* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Wait(*call, request->name(), request->wait());
    Fill(*work, response);
    return grpc::Status::OK;
  }

  grpc::Status CancelQuery(grpc::ServerContext* context,
                           const query::v1::CancelQueryRequest* request,
                           query::v1::Query* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Cancel(request->name());
    Fill(*work, response);
    return grpc::Status::OK;
  }

  grpc::Status FetchResults(grpc::ServerContext* context,
                            const query::v1::FetchResultsRequest* request,
                            grpc::ServerWriter<query::v1::ResultChunk>* writer) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Find(request->name());
    query::v1::ResultChunk chunk;
    chunk.mutable_schema()->add_columns()->set_name("a");
    writer->Write(chunk);
    int64_t sent = 0;
    for (const std::string& row : work->script.rows) {
      if (request->max_rows() > 0 && sent == request->max_rows()) break;
      ++sent;
      chunk.mutable_rows()->mutable_data()->append(row + "\n");
    }
    chunk.mutable_rows()->set_row_count(sent);
    writer->Write(chunk);
    return grpc::Status::OK;
  }

 private:
  static void Fill(const Work& work, query::v1::Query* response) {
    work.Fill(response);
    const int64_t rows = static_cast<int64_t>(work.script.rows.size());
    response->mutable_statistics()->set_row_count(rows > 0 ? rows : work.script.row_count);
    if (work.started.statement.has_export_()) {
      response->set_export_path("2024-01-01/" + work.started.statement.export_().file_name());
    }
  }
};

class FakeModules::AlertingService final : public alerting::v1::AlertingService::Service, Shared {
 public:
  explicit AlertingService(FakeModules& fake) : Shared(fake) {}

  grpc::Status SendNotification(grpc::ServerContext* context,
                                const alerting::v1::SendNotificationRequest* request,
                                alerting::v1::Delivery* response) override {
    absl::StatusOr<Call> call = Admit(context);
    if (!call.ok()) return rpc::ToGrpcStatus(call.status());
    std::shared_ptr<Work> work = Start(*call, Started{.kind = "notification",
                                                      .name = request->channel() + "/deliveries/",
                                                      .request_id = request->request_id(),
                                                      .subject = request->channel(),
                                                      .message = request->message()});
    response->set_name(work->started.name);
    return EndStart();
  }
};

FakeModules::FakeModules(auth::TokenVerifier& verifier)
    : catalog_(std::make_unique<CatalogService>(*this)),
      query_(std::make_unique<QueryService>(*this)),
      alerting_(std::make_unique<AlertingService>(*this)),
      verifier_(verifier) {
  grpc::ServerBuilder builder;
  builder.RegisterService(catalog_.get());
  builder.RegisterService(query_.get());
  builder.RegisterService(alerting_.get());
  server_ = builder.BuildAndStart();
}

FakeModules::~FakeModules() { server_->Shutdown(); }

void FakeModules::AddTo(rpc::ServiceDirectory& services) {
  for (const char* module : {"catalog", "query", "alerting"}) {
    services.Set(module, server_->InProcessChannel({}));
  }
}

void FakeModules::Expect(const std::string& pattern, std::vector<Script> scripts) {
  std::lock_guard lock(mutex_);
  scripts_[pattern] = std::move(scripts);
}

void FakeModules::Release(const std::string& pattern) {
  std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Work>& work : works_) {
    if (Fits(work->started, pattern)) work->ended = true;
  }
  for (auto& [known, scripts] : scripts_) {
    if (known == pattern) scripts = {Script{}};
  }
  changed_.notify_all();
}

void FakeModules::AddTable(const std::string& name) {
  std::lock_guard lock(mutex_);
  tables_.insert(name);
}

void FakeModules::LoseAnswers(int count) {
  std::lock_guard lock(mutex_);
  lost_answers_ = count;
}

void FakeModules::FailCalls(int count, absl::Status status) {
  std::lock_guard lock(mutex_);
  failing_calls_ = count;
  failure_ = std::move(status);
}

std::vector<FakeModules::Started> FakeModules::started() const { return StartedOf(""); }

std::vector<FakeModules::Started> FakeModules::StartedOf(const std::string& pattern) const {
  std::lock_guard lock(mutex_);
  std::vector<Started> found;
  for (const std::shared_ptr<Work>& work : works_) {
    if (Fits(work->started, pattern)) found.push_back(work->started);
  }
  return found;
}

bool FakeModules::WaitForStarted(const std::string& pattern, size_t count) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] {
    return static_cast<size_t>(std::count_if(works_.begin(), works_.end(), [&](const auto& work) {
             return Fits(work->started, pattern);
           })) >= count;
  });
}

}  // namespace tarn::transform
