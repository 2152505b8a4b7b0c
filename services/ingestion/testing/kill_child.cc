// The process that the kill test kills: puts numbered records, each batch under its own request id,
// and writes down what was acknowledged. A batch whose acknowledgement was not written down is put
// again under the same id by the next run, as a client does. Told what to use by the environment
// (TEST_CATALOG, TEST_DSN, TEST_DIR; TEST_STREAM: "one" destination, or "two"); exits with 0 when
// it came to its end.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <absl/strings/str_cat.h>

#include "common/status/status_macros.h"
#include "services/ingestion/testing/test_ingestion.h"

namespace tarn::ingestion {
namespace {

constexpr int kBatches = 6;
constexpr int kRecords = 5;
constexpr absl::Duration kWait = absl::Seconds(30);

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

absl::Status Feed() {
  const std::filesystem::path dir(std::getenv("TEST_DIR"));
  TestIngestion ingestion(
      {std::getenv("TEST_DSN"), dir / "lake", dir / "state",
       rpc::CreateChannelTo(std::getenv("TEST_CATALOG"), *rpc::ClientCredentials(false, ""))});
  ingestion.WaitUntilReady();
  const bool two = std::string_view(std::getenv("TEST_STREAM")) == "two";
  const absl::Status created =
      (two ? CreateStreamOfTwo(ingestion) : ingestion.CreateStream("s")).status();
  if (created.code() != absl::StatusCode::kAlreadyExists) TARN_RETURN_IF_ERROR(created);
  int next = 0;
  {
    std::ifstream in(dir / "acknowledged");
    for (int batch = 0; in >> batch;) next = batch + 1;
  }
  std::ofstream acknowledged(dir / "acknowledged", std::ios::app);
  for (const int end = next + kBatches; next < end; ++next) {
    std::vector<std::string> records;
    for (int i = 0; i < kRecords; ++i) {
      records.push_back(absl::StrCat("{\"n\":", next * kRecords + i, "}"));
    }
    records.push_back(absl::StrCat("{\"n\":\"dead ", next, "\"}"));
    v1::PutRecordsRequest put;
    put.set_stream("streams/s");
    put.set_request_id(absl::StrCat("batch-", next));
    put.mutable_records()->Assign(records.begin(), records.end());
    put.set_backfill(two && next % 3 == 2);
    TARN_RETURN_IF_ERROR(ingestion.PutRecords(put).status());
    acknowledged << next << std::endl;
    if (next % 2 == 1) TARN_RETURN_IF_ERROR(ingestion.Flush("s", kWait).status());
  }
  return ingestion.Flush("s", kWait).status();
}

}  // namespace
}  // namespace tarn::ingestion

int main() {
  const absl::Status status = tarn::ingestion::Feed();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
