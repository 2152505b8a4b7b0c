// The process that kill tests kill (kill_fixture.h): feeds the module and writes down what was
// acknowledged. What was not written down is sent again by the next run, as a client does. Told
// what to use by the environment (TEST_CATALOG, TEST_DSN, TEST_DIR) and how to feed by TEST_FEED:
//   one, two     records under request ids, to one destination or two
//   ingest       one producer of an Ingest call
//   deduplicate  the same numbers several times, to a stream that deduplicates them
//   raw          as one, to a stream that keeps raw copies
//   reprocess    nothing: works until the stream's newest reprocess has ended
//   replay       records that are dead letters until their stream is mended
// Exits with 0 when it came to its end.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>

#include "tarn/ingestion/v1/reprocess_service.grpc.pb.h"

#include "common/rpc/client.h"
#include "common/status/status_macros.h"
#include "services/ingestion/testing/test_ingestion.h"

namespace tarn::ingestion {
namespace {

using Stub = v1::IngestionService::Stub;

constexpr int kBatches = 6;
constexpr int kRecords = 5;
constexpr absl::Duration kWait = absl::Seconds(30);

// The file with the numbers of the batches that were acknowledged.
class Acknowledged {
 public:
  explicit Acknowledged(const std::filesystem::path& path) {
    std::ifstream in(path);
    for (int batch = 0; in >> batch;) last_ = batch;
    out_.open(path, std::ios::app);
  }
  // -1 before the first.
  int last() const { return last_; }
  void Add(int batch) {
    last_ = batch;
    out_ << batch << std::endl;
  }

 private:
  int last_ = -1;
  std::ofstream out_;
};

absl::Status UnlessThere(const absl::Status& created) {
  return created.code() == absl::StatusCode::kAlreadyExists ? absl::OkStatus() : created;
}

template <typename Response, typename Method, typename Request>
absl::StatusOr<Response> Call(TestIngestion& ingestion, Method method, const Request& request) {
  grpc::ClientContext context;
  ingestion.Prepare(context);
  Response response;
  const grpc::Status status = (ingestion.stub().*method)(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  return response;
}

// {"n": …} with the numbers of a batch.
std::vector<std::string> Numbers(int batch) {
  std::vector<std::string> records;
  for (int i = 0; i < kRecords; ++i) {
    records.push_back(absl::StrCat("{\"n\":", batch * kRecords + i, "}"));
  }
  return records;
}

// To the tables s, as the records are, and even, through a filter. A third of the batches is
// backfilled.
absl::StatusOr<v1::Stream> CreateStreamOfTwo(TestIngestion& ingestion) {
  v1::CreateStreamRequest request;
  v1::Stream& stream = *request.mutable_stream();
  stream.set_name("streams/s");
  stream.mutable_delivery()->mutable_max_delay()->set_seconds(900);
  auto* column = stream.add_columns();
  column->set_name("n");
  column->set_type("long");
  stream.add_destinations()->set_table(TableName("s"));
  auto* even = stream.add_destinations();
  even->set_table(TableName("even"));
  even->add_activities()->mutable_filter()->set_expression("n % 2 = 0");
  return ingestion.CreateStream(request);
}

// Batches under their own request ids, each with one record more that becomes a dead letter.
absl::Status FeedPut(TestIngestion& ingestion, Acknowledged& acknowledged, bool backfills) {
  const int first = acknowledged.last() + 1;
  for (int batch = first; batch < first + kBatches; ++batch) {
    std::vector<std::string> records = Numbers(batch);
    records.push_back(absl::StrCat("{\"n\":\"dead ", batch, "\"}"));
    v1::PutRecordsRequest put;
    put.set_stream("streams/s");
    put.set_request_id(absl::StrCat("batch-", batch));
    put.mutable_records()->Assign(records.begin(), records.end());
    put.set_backfill(backfills && batch % 3 == 2);
    TARN_RETURN_IF_ERROR(ingestion.PutRecords(put).status());
    acknowledged.Add(batch);
    if (batch % 2 == 1) TARN_RETURN_IF_ERROR(ingestion.Flush("s", kWait).status());
  }
  return ingestion.Flush("s", kWait).status();
}

// One producer, several batches on their way at a time.
absl::Status FeedIngest(TestIngestion& ingestion, Acknowledged& acknowledged) {
  TARN_RETURN_IF_ERROR(UnlessThere(ingestion.CreateStream("s").status()));
  grpc::ClientContext context;
  ingestion.Prepare(context);
  const auto call = ingestion.stub().Ingest(&context);
  v1::IngestRequest request;
  request.mutable_open()->set_stream("streams/s");
  request.mutable_open()->set_producer_id("p");
  v1::IngestResponse response;
  if (!call->Write(request) || !call->Read(&response)) {
    return rpc::FromGrpcStatus(call->Finish());
  }
  const int stored = static_cast<int>(response.opened().last_sequence());
  if (stored < acknowledged.last()) {
    return absl::DataLossError(absl::StrCat("sequence ", acknowledged.last(),
                                            " was acknowledged, and the log is at ", stored));
  }
  // What the call before did not live to acknowledge comes again, under its sequence.
  int next = std::max(acknowledged.last(), 0) + 1;
  const int end = next + kBatches;
  for (int half = 0; half < 2; ++half) {
    const int last = half == 0 ? next + kBatches / 2 : end;
    for (int sequence = next; sequence < last; ++sequence) {
      request.mutable_batch()->set_sequence(sequence);
      request.mutable_batch()->clear_records();
      for (const std::string& record : Numbers(sequence - 1)) {
        request.mutable_batch()->add_records(record);
      }
      if (!call->Write(request)) return rpc::FromGrpcStatus(call->Finish());
    }
    while (next < last) {
      if (!call->Read(&response)) return rpc::FromGrpcStatus(call->Finish());
      for (const v1::IngestAck& ack : response.acks()) {
        if (ack.sequence() != next++) return absl::DataLossError("acknowledged out of order");
        acknowledged.Add(static_cast<int>(ack.sequence()));
      }
    }
    TARN_RETURN_IF_ERROR(ingestion.Flush("s", kWait).status());
  }
  call->WritesDone();
  return rpc::FromGrpcStatus(call->Finish());
}

// Each number comes three times: twice in its batch, and in the next. One record of each batch is
// refused behind the deduplication.
absl::Status FeedDeduplicate(TestIngestion& ingestion, Acknowledged& acknowledged) {
  v1::CreateStreamRequest create;
  v1::Stream& stream = *create.mutable_stream();
  stream.set_name("streams/s");
  stream.mutable_delivery()->mutable_max_delay()->set_seconds(900);
  for (const auto& [name, type] : {std::pair("n", "long"), std::pair("v", "string")}) {
    auto* column = stream.add_columns();
    column->set_name(name);
    column->set_type(type);
  }
  auto* destination = stream.add_destinations();
  destination->set_table(TableName("s"));
  auto* deduplicate = destination->add_activities()->mutable_deduplicate();
  deduplicate->add_key("n");
  deduplicate->mutable_window()->set_seconds(3600);
  auto* compute = destination->add_activities()->mutable_compute();
  compute->set_column("v");
  compute->set_expression("CAST(v AS INTEGER)");
  TARN_RETURN_IF_ERROR(
      UnlessThere(Call<v1::Stream>(ingestion, &Stub::CreateStream, create).status()));
  const int first = acknowledged.last() + 1;
  for (int batch = first; batch < first + kBatches; ++batch) {
    std::vector<std::string> records;
    for (const int again : {batch - 1, batch, batch}) {
      if (again < 0) continue;
      for (std::string& record : Numbers(again)) records.push_back(std::move(record));
    }
    records.push_back(absl::StrCat("{\"n\":", -1 - batch, ",\"v\":\"none\"}"));
    TARN_RETURN_IF_ERROR(ingestion.Put("s", records, absl::StrCat("batch-", batch)).status());
    acknowledged.Add(batch);
    if (batch % 2 == 1) TARN_RETURN_IF_ERROR(ingestion.Flush("s", kWait).status());
  }
  return ingestion.Flush("s", kWait).status();
}

absl::Status SetNewFieldPolicy(TestIngestion& ingestion, v1::NewFieldPolicy policy) {
  v1::UpdateStreamRequest update;
  update.mutable_stream()->set_name("streams/s");
  update.mutable_stream()->set_new_field_policy(policy);
  update.mutable_update_mask()->add_paths("new_field_policy");
  return Call<v1::Stream>(ingestion, &Stub::UpdateStream, update).status();
}

// Mends the stream, puts all dead letters back and waits until they are delivered.
absl::Status Replay(TestIngestion& ingestion) {
  TARN_RETURN_IF_ERROR(SetNewFieldPolicy(ingestion, v1::NEW_FIELD_POLICY_ADD_COLUMN));
  v1::ReplayDeadLettersRequest replay;
  replay.set_parent("streams/s");
  TARN_RETURN_IF_ERROR(
      Call<v1::ReplayDeadLettersResponse>(ingestion, &Stub::ReplayDeadLetters, replay).status());
  return ingestion.Flush("s", kWait).status();
}

// Batches with a field that their stream does not take, until it is told to and they are put back.
absl::Status FeedReplay(TestIngestion& ingestion, Acknowledged& acknowledged) {
  TARN_RETURN_IF_ERROR(UnlessThere(ingestion.CreateStream("s").status()));
  TARN_RETURN_IF_ERROR(Replay(ingestion));
  const int first = acknowledged.last() + 1;
  for (int batch = first; batch < first + kBatches / 2; ++batch) {
    TARN_RETURN_IF_ERROR(SetNewFieldPolicy(ingestion, v1::NEW_FIELD_POLICY_REJECT));
    std::vector<std::string> records = Numbers(batch);
    for (std::string& record : records) {
      record.pop_back();
      absl::StrAppend(&record, ",\"field_", batch, "\":1}");
    }
    TARN_RETURN_IF_ERROR(ingestion.Put("s", records, absl::StrCat("batch-", batch)).status());
    acknowledged.Add(batch);
    TARN_RETURN_IF_ERROR(ingestion.Flush("s", kWait).status());
    TARN_RETURN_IF_ERROR(Replay(ingestion));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Stream> CreateStreamWithRawCopies(TestIngestion& ingestion) {
  v1::CreateStreamRequest request;
  v1::Stream& stream = *request.mutable_stream();
  stream.set_name("streams/s");
  stream.set_table(TableName("s"));
  stream.mutable_delivery()->mutable_max_delay()->set_seconds(900);
  stream.mutable_raw_copy();
  return ingestion.CreateStream(request);
}

// Until the newest reprocess of the stream has ended well.
absl::Status AwaitReprocess(TestIngestion& ingestion) {
  const auto stub = v1::ReprocessService::NewStub(ingestion.channel());
  while (true) {
    grpc::ClientContext context;
    ingestion.Prepare(context);
    v1::ListReprocessesRequest request;
    request.set_parent("streams/s");
    v1::ListReprocessesResponse response;
    const grpc::Status listed = stub->ListReprocesses(&context, request, &response);
    if (!listed.ok()) return rpc::FromGrpcStatus(listed);
    const auto state = response.reprocesses(0).state();
    if (state == common::v1::EXECUTION_STATE_SUCCEEDED) return absl::OkStatus();
    if (state != common::v1::EXECUTION_STATE_QUEUED &&
        state != common::v1::EXECUTION_STATE_RUNNING) {
      return absl::InternalError(response.reprocesses(0).ShortDebugString());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

absl::Status Feed() {
  const std::filesystem::path dir(std::getenv("TEST_DIR"));
  IngestionOptions options;
  options.reprocess_lease = absl::Seconds(1);
  TestIngestion ingestion(
      {std::getenv("TEST_DSN"), dir / "lake", dir / "state",
       rpc::CreateChannelTo(std::getenv("TEST_CATALOG"), *rpc::ClientCredentials(false, ""))},
      options);
  ingestion.WaitUntilReady();
  Acknowledged acknowledged(dir / "acknowledged");
  const std::string feed = std::getenv("TEST_FEED");
  if (feed == "one" || feed == "two") {
    TARN_RETURN_IF_ERROR(UnlessThere(
        (feed == "two" ? CreateStreamOfTwo(ingestion) : ingestion.CreateStream("s")).status()));
    return FeedPut(ingestion, acknowledged, feed == "two");
  }
  if (feed == "raw") {
    TARN_RETURN_IF_ERROR(UnlessThere(CreateStreamWithRawCopies(ingestion).status()));
    return FeedPut(ingestion, acknowledged, /*backfills=*/true);
  }
  if (feed == "reprocess") return AwaitReprocess(ingestion);
  if (feed == "ingest") return FeedIngest(ingestion, acknowledged);
  if (feed == "deduplicate") return FeedDeduplicate(ingestion, acknowledged);
  if (feed == "replay") return FeedReplay(ingestion, acknowledged);
  return absl::InvalidArgumentError("there is no feed " + feed);
}

}  // namespace
}  // namespace tarn::ingestion

int main() {
  const absl::Status status = tarn::ingestion::Feed();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
