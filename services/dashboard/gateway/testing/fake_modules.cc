#include "services/dashboard/gateway/testing/fake_modules.h"

#include <charconv>
#include <thread>

#include <absl/time/clock.h>
#include <grpcpp/generic/async_generic_service.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/dashboard/v1/auth_service.grpc.pb.h"
#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"
#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/rpc/status_conversion.h"
#include "common/status/error.h"

namespace tarn::dashboard {

class FakeModules::Catalog final : public catalog::v1::CatalogService::Service {
 public:
  explicit Catalog(FakeModules& modules) : modules_(modules) {}
  grpc::Status GetTable(grpc::ServerContext* context, const catalog::v1::GetTableRequest* request,
                        catalog::v1::Table* response) override {
    modules_.Note(*context);
    context->AddInitialMetadata("x-from-module", "hello");
    context->AddTrailingMetadata("x-at-end", "bye");
    if (request->name() == "missing") {
      return rpc::ToGrpcStatus(NotFound("TABLE_NOT_FOUND", "there is no such table"));
    }
    response->set_name(request->name());
    return grpc::Status::OK;
  }

 private:
  FakeModules& modules_;
};

class FakeModules::Query final : public query::v1::QueryService::Service {
 public:
  explicit Query(FakeModules& modules) : modules_(modules) {}
  grpc::Status ExecuteQuery(grpc::ServerContext* context,
                            const query::v1::ExecuteQueryRequest* request,
                            grpc::ServerWriter<query::v1::ResultChunk>* writer) override {
    modules_.Note(*context);
    const std::string& sql = request->statement().sql();
    query::v1::ResultChunk chunk;
    if (sql == "hang") return Hang(*context, *writer);
    int count = 0;
    std::from_chars(sql.data(), sql.data() + sql.size(), count);
    for (int i = 0; i < count; ++i) {
      chunk.mutable_rows()->set_row_count(i);
      if (!writer->Write(chunk)) return grpc::Status::CANCELLED;
    }
    if (sql.ends_with("then fail")) {
      return rpc::ToGrpcStatus(InvalidArgument("SQL_ERROR", "it failed"));
    }
    return grpc::Status::OK;
  }

 private:
  grpc::Status Hang(grpc::ServerContext& context,
                    grpc::ServerWriter<query::v1::ResultChunk>& writer) {
    query::v1::ResultChunk chunk;
    chunk.mutable_rows()->set_row_count(0);
    writer.Write(chunk);
    // The synchronous API tells of a cancellation to those who ask.
    while (!context.IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::lock_guard lock(modules_.mutex_);
    modules_.cancelled_ = true;
    modules_.changed_.notify_all();
    return grpc::Status::CANCELLED;
  }

  FakeModules& modules_;
};

class FakeModules::Ingestion final : public ingestion::v1::IngestionService::Service {
 public:
  explicit Ingestion(FakeModules& modules) : modules_(modules) {}
  grpc::Status UploadFile(grpc::ServerContext* context,
                          grpc::ServerReader<ingestion::v1::UploadFileRequest>* reader,
                          ingestion::v1::UploadFileResponse* response) override {
    modules_.Note(*context);
    if (context->client_metadata().count("refuse") > 0) {
      return rpc::ToGrpcStatus(PermissionDenied("REFUSED", "not today"));
    }
    int64_t bytes = 0;
    ingestion::v1::UploadFileRequest request;
    while (reader->Read(&request)) bytes += static_cast<int64_t>(request.chunk().size());
    std::lock_guard lock(modules_.mutex_);
    modules_.uploaded_bytes_ = bytes;
    response->set_byte_count(bytes);
    return grpc::Status::OK;
  }
  grpc::Status PutRecords(grpc::ServerContext* context,
                          const ingestion::v1::PutRecordsRequest* request,
                          ingestion::v1::PutRecordsResponse* response) override {
    modules_.Note(*context);
    if (request->stream() == "streams/full") {
      return rpc::ToGrpcStatus(ResourceExhausted("WAL_FULL", "too much waits for delivery"));
    }
    std::lock_guard lock(modules_.mutex_);
    modules_.last_records_ = request->ShortDebugString();
    response->add_results()->set_position(0);
    return grpc::Status::OK;
  }

 private:
  FakeModules& modules_;
};

class FakeModules::Auth final : public v1::AuthService::Service {
 public:
  grpc::Status ExchangeKey(grpc::ServerContext*, const v1::ExchangeKeyRequest* request,
                           v1::ExchangeKeyResponse* response) override {
    if (request->key() != "tarn_ada") {
      return rpc::ToGrpcStatus(Unauthenticated("KEY_INVALID", "there is no such key"));
    }
    response->set_token("token-of-ada");
    response->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 300);
    return grpc::Status::OK;
  }
};

class FakeModules::Echo final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    class Reactor final : public grpc::ServerGenericBidiReactor {
     public:
      Reactor() { StartRead(&message_); }
      void OnReadDone(bool ok) override {
        if (ok) {
          StartWrite(&message_);
        } else {
          Finish(grpc::Status::OK);
        }
      }
      void OnWriteDone(bool ok) override {
        if (ok) StartRead(&message_);
      }
      void OnDone() override { delete this; }

     private:
      grpc::ByteBuffer message_;
    };
    return new Reactor;
  }
};

namespace {

// The asynchronous API, one operation after the other.
class GenericEchoStream final : public EchoStream {
 public:
  GenericEchoStream(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context)
      : stub_(channel), call_(stub_.PrepareCall(context, "/tarn.ingestion.v1.Echo/Echo", &queue_)) {
    call_->StartCall(this);
    Next();
  }
  ~GenericEchoStream() override {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  bool Write(const std::string& text) override {
    grpc::Slice slice(text);
    call_->Write(grpc::ByteBuffer(&slice, 1), this);
    return Next();
  }
  std::optional<std::string> Read() override {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    if (!Next()) return std::nullopt;
    std::vector<grpc::Slice> slices;
    buffer.Dump(&slices).ok();
    std::string text;
    for (const grpc::Slice& slice : slices) {
      text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return text;
  }
  void WritesDone() override {
    call_->WritesDone(this);
    Next();
  }
  grpc::Status Finish() override {
    grpc::Status status;
    call_->Finish(&status, this);
    Next();
    return status;
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::CompletionQueue queue_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

}  // namespace

grpc::Status CallGeneric(grpc::GenericStub& stub, grpc::ClientContext& context,
                         const std::string& path, const grpc::ByteBuffer& request,
                         grpc::ByteBuffer* response) {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<grpc::Status> result;
  stub.UnaryCall(&context, path, {}, &request, response, [&](grpc::Status status) {
    std::lock_guard lock(mutex);
    result = status;
    done.notify_one();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return result.has_value(); });
  return *result;
}

FakeModules::FakeModules(bool in_process)
    : catalog_(std::make_unique<Catalog>(*this)),
      query_(std::make_unique<Query>(*this)),
      ingestion_(std::make_unique<Ingestion>(*this)),
      auth_(std::make_unique<Auth>()),
      echo_(std::make_unique<Echo>()) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(catalog_.get());
  builder.RegisterService(query_.get());
  builder.RegisterService(ingestion_.get());
  builder.RegisterService(auth_.get());
  builder.RegisterCallbackGenericService(echo_.get());
  server_ = builder.BuildAndStart();
  channel_ = in_process ? server_->InProcessChannel({})
                        : grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                              grpc::InsecureChannelCredentials());
}

FakeModules::~FakeModules() { Stop(); }

void FakeModules::Stop() {
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> FakeModules::ChannelFor(const std::string&) {
  return channel_;
}

void FakeModules::Note(grpc::ServerContext& context) {
  std::lock_guard lock(mutex_);
  metadata_.clear();
  for (const auto& [name, value] : context.client_metadata()) {
    metadata_[std::string(name.data(), name.size())] = std::string(value.data(), value.size());
  }
  deadline_ = context.deadline();
}

std::string FakeModules::last_metadata(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto it = metadata_.find(name);
  return it == metadata_.end() ? "" : it->second;
}

std::chrono::system_clock::time_point FakeModules::last_deadline() const {
  std::lock_guard lock(mutex_);
  return deadline_;
}

int64_t FakeModules::uploaded_bytes() const {
  std::lock_guard lock(mutex_);
  return uploaded_bytes_;
}

std::string FakeModules::last_records() const {
  std::lock_guard lock(mutex_);
  return last_records_;
}

bool FakeModules::WaitForCancellation() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return cancelled_; });
}

std::unique_ptr<EchoStream> FakeModules::OpenEcho(const std::shared_ptr<grpc::Channel>& channel,
                                                  grpc::ClientContext* context) {
  return std::make_unique<GenericEchoStream>(channel, context);
}

}  // namespace tarn::dashboard
