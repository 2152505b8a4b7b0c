#include "bench/load/load_target.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <grpcpp/create_channel.h>
#include <nlohmann/json.hpp>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"
#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/status/error.h"

namespace tarn::bench {
namespace {

// Twice the default of catalog.compaction_interval, after which one that is due has begun.
constexpr absl::Duration kCompactionsOver = absl::Seconds(10);

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// A value of /proc/<pid>/status that is given in kB, in MiB.
double MemoryOf(pid_t pid, const char* name) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (!absl::StartsWith(line, name)) continue;
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    int64_t kilobytes = 0;
    if (words.size() >= 2 && absl::SimpleAtoi(words[1], &kilobytes)) {
      return static_cast<double>(kilobytes) / 1024;
    }
  }
  return 0;
}

}  // namespace

void DieUnlessOk(const absl::Status& status, const std::string& doing) {
  if (status.ok()) return;
  std::cerr << "tarn-bench: " << doing << ": " << status << std::endl;
  std::exit(1);
}

LoadTarget::LoadTarget(const std::map<std::string, std::string>& flags)
    : tarn_(e2e::Form::kSixProcesses, {.flags = flags, .postgres_durable = true}) {
  if (!tarn_.Start()) std::exit(1);
  dashboard_ =
      rpc::CreateChannelTo(tarn_.address("dashboard"), rpc::ClientCredentials(false, "").value());
  tokens_ = std::make_unique<auth::RemoteTokenProvider>([this] { return dashboard_; },
                                                        tarn_.admin_key_file(), SystemClock());
  for (const std::string& program : tarn_.programs()) {
    const nlohmann::json ready =
        nlohmann::json::parse(std::ifstream(tarn_.folder() + "/" + program + ".json"));
    pids_[program] = ready["pid"];
    if (program == "ingestion") http_address_ = ready["addresses"]["ingestion_http"];
  }

  const auto stub = catalog::v1::CatalogService::NewStub(dashboard_);
  catalog::v1::CreateDatabaseRequest request;
  request.mutable_database()->set_name("databases/bench");
  DieUnlessOk(
      rpc::Call(*stub, &catalog::v1::CatalogService::Stub::CreateDatabase, request, credentials())
          .status(),
      "making the database");
}

std::shared_ptr<grpc::Channel> LoadTarget::NewChannel(const std::string& program) const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(rpc::kMaxMessageBytes);
  return grpc::CreateCustomChannel(tarn_.address(program), grpc::InsecureChannelCredentials(),
                                   arguments);
}

rpc::Credentials LoadTarget::credentials() {
  absl::StatusOr<std::string> token = tokens_->ServiceToken();
  DieUnlessOk(token.status(), "signing in");
  return {.token = *std::move(token), .request_id = ""};
}

absl::Duration LoadTarget::CreateStream(const std::string& name) {
  const auto stub = ingestion::v1::IngestionService::NewStub(dashboard_);
  ingestion::v1::CreateStreamRequest request;
  request.mutable_stream()->set_name(absl::StrCat("streams/", name));
  request.mutable_stream()->set_table(absl::StrCat("databases/bench/tables/", name));
  // Learnt columns might call a first `temp` of 20.0 what it is not; these are declared.
  const auto add = [](auto* field, const char* column, const char* type) {
    field->set_name(column);
    field->set_type(type);
    return field;
  };
  auto* columns = request.mutable_stream()->mutable_columns();
  auto* data = add(columns->Add(), "data", "struct");
  for (const char* column : {"co", "humidity", "lpg", "smoke", "temp"}) {
    add(data->add_fields(), column, "double");
  }
  for (const char* column : {"light", "motion"}) add(data->add_fields(), column, "boolean");
  add(columns->Add(), "device_id", "string");
  add(columns->Add(), "ts", "double");
  add(columns->Add(), "device", "string");
  add(columns->Add(), "serial", "long");
  add(columns->Add(), "sent_ms", "long");
  const auto stream = rpc::Call(*stub, &ingestion::v1::IngestionService::Stub::CreateStream,
                                request, credentials());
  DieUnlessOk(stream.status(), "making a stream");
  const auto& delay = stream->delivery().max_delay();
  return absl::Seconds(delay.seconds()) + absl::Nanoseconds(delay.nanos());
}

int64_t LoadTarget::Acknowledged(const std::string& name) {
  const auto stub = ingestion::v1::IngestionService::NewStub(dashboard_);
  ingestion::v1::GetStreamRequest request;
  request.set_name(absl::StrCat("streams/", name));
  const auto stream =
      rpc::Call(*stub, &ingestion::v1::IngestionService::Stub::GetStream, request, credentials());
  DieUnlessOk(stream.status(), "reading a stream");
  return stream->statistics().acknowledged_records();
}

void LoadTarget::Flush(const std::string& stream) {
  const auto stub = ingestion::v1::IngestionService::NewStub(dashboard_);
  ingestion::v1::FlushStreamRequest request;
  request.set_name(absl::StrCat("streams/", stream));
  request.mutable_timeout()->set_seconds(300);
  DieUnlessOk(rpc::Call(*stub, &ingestion::v1::IngestionService::Stub::FlushStream, request,
                        credentials(), {.timeout = absl::Minutes(6)})
                  .status(),
              "waiting for delivery");
}

int64_t LoadTarget::QueryNumber(const std::string& sql) {
  const auto stub = query::v1::QueryService::NewStub(dashboard_);
  query::v1::ExecuteQueryRequest request;
  request.mutable_statement()->set_sql(sql);
  grpc::ClientContext context;
  rpc::PrepareContext(context, credentials(), absl::Minutes(5));
  const auto reader = stub->ExecuteQuery(&context, request);
  query::v1::ResultChunk chunk;
  std::string rows;
  while (reader->Read(&chunk)) {
    if (chunk.has_rows()) rows += chunk.rows().data();
  }
  const absl::Status status = rpc::FromGrpcStatus(reader->Finish());
  if (ErrorReason(status) == "TABLE_NOT_FOUND" || ErrorReason(status) == "DATABASE_NOT_FOUND") {
    return 0;
  }
  DieUnlessOk(status, sql);
  const nlohmann::json row = nlohmann::json::parse(rows, nullptr, false);
  return row.is_array() && row.size() == 1 && row[0].is_number() ? row[0].get<int64_t>() : 0;
}

int64_t LoadTarget::LiveFiles(const std::string& name) {
  const auto stub = catalog::v1::CatalogService::NewStub(dashboard_);
  catalog::v1::GetTableRequest request;
  request.set_name(absl::StrCat("databases/bench/tables/", name));
  const auto table =
      rpc::Call(*stub, &catalog::v1::CatalogService::Stub::GetTable, request, credentials());
  DieUnlessOk(table.status(), "reading the table");
  return table->statistics().file_count();
}

std::vector<Compaction> LoadTarget::AwaitCompactions(const std::string& name) {
  const auto stub = catalog::v1::CatalogService::NewStub(dashboard_);
  catalog::v1::ListMaintenanceJobsRequest request;
  request.set_parent(absl::StrCat("databases/bench/tables/", name));
  request.set_page_size(1000);
  absl::Time quiet_since = absl::Now();
  while (true) {
    const auto jobs = rpc::Call(*stub, &catalog::v1::CatalogService::Stub::ListMaintenanceJobs,
                                request, credentials());
    DieUnlessOk(jobs.status(), "listing compactions");
    std::vector<Compaction> compactions;
    for (const catalog::v1::MaintenanceJob& job : jobs->jobs()) {
      if (job.kind() != catalog::v1::MAINTENANCE_KIND_COMPACT) continue;
      const absl::Time end =
          job.times().has_end_time() ? TimeOf(job.times().end_time()) : absl::Now();
      quiet_since = std::max(quiet_since, end);
      compactions.push_back({TimeOf(job.times().start_time()), end});
    }
    if (absl::Now() - quiet_since > kCompactionsOver) return compactions;
    absl::SleepFor(absl::Milliseconds(200));
  }
}

std::map<std::string, double> LoadTarget::Memory() const {
  std::map<std::string, double> memory;
  for (const auto& [program, pid] : pids_) memory[program] = MemoryOf(pid, "VmRSS:");
  return memory;
}

double LoadTarget::PeakMemory(const std::string& program) const {
  return MemoryOf(pids_.at(program), "VmHWM:");
}

}  // namespace tarn::bench
