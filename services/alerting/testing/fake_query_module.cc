#include "services/alerting/testing/fake_query_module.h"

#include <chrono>

#include <grpcpp/server_builder.h>

#include "common/rpc/status_conversion.h"

namespace tarn::alerting {

void FakeQuery::AnswerWith(ResultTable table) {
  std::lock_guard lock(mutex_);
  table_ = std::move(table);
  error_ = absl::OkStatus();
}

void FakeQuery::FailWith(absl::Status error) {
  std::lock_guard lock(mutex_);
  error_ = std::move(error);
}

void FakeQuery::Hold() {
  std::lock_guard lock(mutex_);
  held_ = true;
}

void FakeQuery::Release() {
  std::lock_guard lock(mutex_);
  held_ = false;
  changed_.notify_all();
}

std::vector<FakeQuery::Call> FakeQuery::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

bool FakeQuery::WaitForCalls(size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return calls_.size() >= count; });
}

grpc::Status FakeQuery::ExecuteQuery(grpc::ServerContext* context,
                                     const query::v1::ExecuteQueryRequest* request,
                                     grpc::ServerWriter<query::v1::ResultChunk>* writer) {
  auto header = context->client_metadata().find("authorization");
  std::string bearer(header->second.data(), header->second.size());
  absl::StatusOr<auth::VerifiedToken> token = verifier_.Verify(bearer.substr(7));
  if (!token.ok()) return rpc::ToGrpcStatus(token.status());
  std::unique_lock lock(mutex_);
  calls_.push_back({token->caller.user, token->caller.workspace, request->statement()});
  changed_.notify_all();
  while (held_ && !context->IsCancelled()) {
    changed_.wait_for(lock, std::chrono::milliseconds(20));
  }
  if (!error_.ok()) return rpc::ToGrpcStatus(error_);
  query::v1::ResultChunk chunk;
  chunk.mutable_query()->set_name("queries/fake");
  writer->Write(chunk);
  for (const ResultTable::Column& column : table_.columns) {
    query::v1::ResultColumn* proto = chunk.mutable_schema()->add_columns();
    proto->set_name(column.name);
    proto->set_type(column.type);
  }
  writer->Write(chunk);
  std::string data;
  for (const std::string& row : table_.rows) data += row + "\n";
  chunk.mutable_rows()->set_data(data);
  chunk.mutable_rows()->set_row_count(static_cast<int64_t>(table_.rows.size()));
  writer->Write(chunk);
  return grpc::Status::OK;
}

void FakeQueryModule::RegisterServices(grpc::ServerBuilder& builder) {
  builder.RegisterService(&service_);
}

}  // namespace tarn::alerting
