// put, upload, query and run against a server.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include "tarn/ingestion/v1/ingestion_service.pb.h"
#include "tarn/query/v1/query_service.pb.h"
#include "tarn/transform/v1/transform_service.pb.h"

#include "common/digest/sha256.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/cli/cli.h"
#include "services/cli/testing/command_test.h"

namespace tarn::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kPutRecords[] = "/tarn.ingestion.v1.IngestionService/PutRecords";
constexpr char kIngest[] = "/tarn.ingestion.v1.IngestionService/Ingest";
constexpr char kGetUpload[] = "/tarn.ingestion.v1.IngestionService/GetUpload";
constexpr char kUploadFile[] = "/tarn.ingestion.v1.IngestionService/UploadFile";
constexpr char kExecuteQuery[] = "/tarn.query.v1.QueryService/ExecuteQuery";

std::string HashOf(const std::string& text) {
  Sha256 hash;
  hash.Update(text);
  return hash.Hex();
}

// A stream that keeps what is put, once for each request_id or sequence of a producer, and refuses
// what is no object.
class PutTest : public CommandTest {
 protected:
  PutTest() {
    tarn_.On<ingestion::v1::PutRecordsRequest, ingestion::v1::PutRecordsResponse>(
        kPutRecords, [this](const auto& requests, auto* responses) {
          responses->push_back(Store(requests[0]));
          return absl::OkStatus();
        });
    tarn_.OnEach<ingestion::v1::IngestRequest, ingestion::v1::IngestResponse>(
        kIngest, [this](const auto& request, auto* responses) {
          return Ingest(request, &responses->emplace_back());
        });
  }

  static bool IsObject(const std::string& record) {
    return record.front() == '{' && record.back() == '}';
  }
  static std::vector<std::string> RecordsOf(const ingestion::v1::IngestBatch& batch) {
    std::vector<std::string> records(batch.records().begin(), batch.records().end());
    std::istringstream lines(batch.payload());
    bool open = false;  // within the quotes of CSV
    for (std::string line; std::getline(lines, line);) {
      if (open) {
        records.back() += "\n" + line;
      } else {
        records.push_back(line);
      }
      const bool csv = records.back().front() != '{';
      open = csv && std::count(records.back().begin(), records.back().end(), '"') % 2 == 1;
    }
    return records;
  }

  ingestion::v1::PutRecordsResponse Store(const ingestion::v1::PutRecordsRequest& request) {
    std::lock_guard lock(mutex_);
    puts_.push_back(request);
    auto [seen, is_new] = seen_.try_emplace(request.request_id());
    if (!is_new) {
      seen->second.set_replayed(true);
      return seen->second;
    }
    ingestion::v1::IngestBatch batch;
    batch.set_payload(request.payload());
    *batch.mutable_records() = request.records();
    for (const std::string& record : RecordsOf(batch)) {
      auto* result = seen->second.add_results();
      if (request.has_format() || IsObject(record)) {
        result->set_position(static_cast<int64_t>(records_.size()));
        records_.push_back(record);
      } else {
        result->set_error_reason("INVALID_JSON");
        result->set_error_message("it ends too early");
      }
    }
    return seen->second;
  }

  absl::Status Ingest(const ingestion::v1::IngestRequest& request,
                      ingestion::v1::IngestResponse* response) {
    std::lock_guard lock(mutex_);
    if (request.has_open()) {
      opened_ = request.open();
      response->mutable_opened()->set_last_sequence(last_[opened_.producer_id()]);
      return absl::OkStatus();
    }
    if (break_after_ > 0 && --break_after_ == 0) {
      return Unavailable("MODULE_NOT_SERVING", "stopping");
    }
    int64_t& last = last_[opened_.producer_id()];
    auto* ack = response->add_acks();
    ack->set_sequence(request.batch().sequence());
    ack->set_duplicate(request.batch().sequence() <= last);
    EXPECT_LE(request.batch().sequence(), last + 1);
    last = std::max(last, request.batch().sequence());
    int index = 0;
    for (const std::string& record : RecordsOf(request.batch())) {
      if (opened_.format().format() != ingestion::v1::RECORD_FORMAT_JSON_LINES ||
          IsObject(record)) {
        ack->set_record_count(ack->record_count() + 1);
        if (!ack->duplicate()) records_.push_back(record);
      } else {
        auto* refused = ack->add_refused();
        refused->set_index(index);
        refused->set_reason("NOT_AN_OBJECT");
        ack->set_refused_count(ack->refused_count() + 1);
      }
      ++index;
    }
    // The answer to this one is lost on its way.
    if (lose_answer_ == request.batch().sequence()) {
      lose_answer_ = 0;
      response->Clear();
      return Unavailable("CONNECTION_LOST", "the connection broke");
    }
    return absl::OkStatus();
  }

  static std::string Lines(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "{\"n\":" + std::to_string(i) + "}\n";
    return text;
  }

  std::mutex mutex_;
  std::map<std::string, ingestion::v1::PutRecordsResponse> seen_;
  std::vector<ingestion::v1::PutRecordsRequest> puts_;
  std::map<std::string, int64_t> last_;  // by producer
  ingestion::v1::IngestOpen opened_;
  int break_after_ = 0;      // so many batches the call breaks
  int64_t lose_answer_ = 0;  // of the batch with this sequence
  std::vector<std::string> records_;
};

TEST_F(PutTest, AnArraysRecordsArriveAsTheyWereWritten) {
  const std::string file = dir_.WriteFile("a.json", "[{\"a\": 1.50},\n {\"a\":2}]").string();
  const CommandResult result = Run({"put", "device_messages", file});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out, "device_messages: 2 records stored\n");
  EXPECT_THAT(records_, ElementsAre("{\"a\": 1.50}", "{\"a\":2}"));
}

TEST_F(PutTest, HistoryIsFilledInWhereItIsToldTo) {
  const std::string file = dir_.WriteFile("a.jsonl", Lines(2500)).string();
  EXPECT_EQ(Run({"put", "s", file, "--backfill"}).code, kExitOk);
  EXPECT_TRUE(opened_.backfill());
  EXPECT_EQ(Run({"put", "s", "--backfill"}, "{}").code, kExitOk);
  EXPECT_EQ(Run({"put", "s"}, "{\"a\":1}").code, kExitOk);
  ASSERT_EQ(puts_.size(), 2u);
  EXPECT_TRUE(puts_[0].backfill());
  EXPECT_FALSE(puts_[1].backfill());
}

TEST_F(PutTest, AFileThatIsPutAgainChangesNothing) {
  const std::string text = Lines(2500);
  const std::string file = dir_.WriteFile("a.jsonl", text).string();
  EXPECT_EQ(Run({"put", "s", file}).out, "s: 2,500 records stored\n");
  EXPECT_EQ(Run({"put", "s", file}).out, "s: 0 records stored, 2,500 had been put before\n");
  EXPECT_EQ(records_.size(), 2500u);
  // The same text from elsewhere is the same text; --again says otherwise.
  EXPECT_EQ(Run({"put", "s"}, text).out, "s: 0 records stored, 2,500 had been put before\n");
  EXPECT_EQ(Run({"put", "s", file, "--again"}).out, "s: 2,500 records stored\n");
  EXPECT_EQ(records_.size(), 5000u);
  EXPECT_EQ(Run({"put", "s"}, "{}").out, "s: 1 record stored\n");
  EXPECT_EQ(Run({"put", "s"}, "{}").out, "s: 0 records stored, 1 had been put before\n");
}

TEST_F(PutTest, APutThatBrokeOffIsGoneOnWith) {
  const std::string file = dir_.WriteFile("a.jsonl", Lines(3500)).string();
  EXPECT_EQ(Run({"put", "s", file}).code, kExitOk);
  records_.resize(2000);
  last_.begin()->second = 2;
  EXPECT_EQ(Run({"put", "s", file}).out, "s: 1,500 records stored, 2,000 had been put before\n");
  EXPECT_EQ(records_.size(), 3500u);
  EXPECT_EQ(records_.back(), "{\"n\":3499}");
}

TEST_F(PutTest, ACallThatBreaksIsMadeAgain) {
  const std::string file = dir_.WriteFile("a.jsonl", Lines(9500)).string();
  break_after_ = 3;
  lose_answer_ = 5;
  const CommandResult result = Run({"put", "s", file});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out, "s: 8,500 records stored, 1,000 had been put before\n");
  ASSERT_EQ(records_.size(), 9500u);
  for (int i = 0; i < 9500; ++i) EXPECT_EQ(records_[i], "{\"n\":" + std::to_string(i) + "}");
  EXPECT_GE(tarn_.CallsOf(kIngest), 3);
}

TEST_F(PutTest, AnErrorThatStaysIsToldWithWhatIsStored) {
  tarn_.Fail(kIngest, NotFound("STREAM_NOT_FOUND", "stream s does not exist"), 1);
  const std::string file = dir_.WriteFile("a.jsonl", Lines(2500)).string();
  const CommandResult result = Run({"put", "s", file});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("stream s does not exist"));
  EXPECT_THAT(result.err, HasSubstr("0 records stored"));
}

TEST_F(PutTest, RefusedRecordsOfALongFileAreToldWithTheirLines) {
  const CommandResult result = Run({"put", "s"}, Lines(1500) + "\nseven\n" + Lines(10));
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_EQ(result.out, "s: 1,510 records stored, 1 refused\n");
  EXPECT_EQ(result.err, "tarn: line 1502: NOT_AN_OBJECT\n");
}

TEST_F(PutTest, RecordsOfSeveralLinesStayWhole) {
  std::string text = "[";
  for (int i = 0; i < 1500; ++i)
    text += (i == 0 ? "{\n\"n\":" : ",\n{\n\"n\":") + std::to_string(i) + "}";
  EXPECT_EQ(Run({"put", "s"}, text + "]").out, "s: 1,500 records stored\n");
  EXPECT_EQ(records_[7], "{\n\"n\":7}");
}

TEST_F(PutTest, CsvGoesWithItsHeader) {
  std::string csv = "\xEF\xBB\xBFname;\"the \"\"n\"\"\"\r\n\r\n";
  for (int i = 0; i < 1200; ++i) csv += "a;" + std::to_string(i) + "\r\n";
  const std::string file = dir_.WriteFile("a.csv", csv).string();
  EXPECT_EQ(Run({"put", "s", file, "--format", "csv", "--delimiter", ";"}).out,
            "s: 1,200 records stored\n");
  EXPECT_EQ(opened_.format().format(), ingestion::v1::RECORD_FORMAT_CSV);
  EXPECT_THAT(opened_.format().csv_header(), ElementsAre("name", "the \"n\""));
  EXPECT_EQ(opened_.format().csv_delimiter(), ";");
  EXPECT_EQ(records_[1199], "a;1199");
  // A short one in one request; text has no header.
  EXPECT_EQ(Run({"put", "s", "--format", "csv"}, "a,b\n1,\"x\ny\"\n").out, "s: 1 record stored\n");
  EXPECT_EQ(puts_.back().payload(), "1,\"x\ny\"\n");
  EXPECT_THAT(puts_.back().format().csv_header(), ElementsAre("a", "b"));
  EXPECT_EQ(Run({"put", "s", "--format", "text"}, "one\n\n two \n").out, "s: 2 records stored\n");
  EXPECT_EQ(puts_.back().payload(), "one\n two \n");
  EXPECT_EQ(Run({"put", "s", "--format", "xml"}, "x").code, kExitUsage);
  EXPECT_EQ(Run({"put", "s", "--delimiter", "ab"}, "x").code, kExitUsage);
}

TEST_F(PutTest, RefusedRecordsAreToldWithTheirLines) {
  const CommandResult result = Run({"put", "s", "-"}, "{\"a\":1}\n\n{\"a\":\n{\"a\":2}\n");
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_EQ(result.out, "s: 2 records stored, 1 refused\n");
  EXPECT_EQ(result.err, "tarn: line 3: INVALID_JSON: it ends too early\n");
}

TEST_F(PutTest, NothingIsPutOfATruncatedArray) {
  const CommandResult result = Run({"put", "s", "-"}, "[{\"a\":1},\n{\"a\"");
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("line 2: the text ends within the array"));
  EXPECT_THAT(records_, IsEmpty());
}

TEST_F(PutTest, ARestartingServerIsWaitedFor) {
  tarn_.Fail(kPutRecords, Unavailable("MODULE_NOT_SERVING", "starting"), 2);
  EXPECT_EQ(Run({"put", "s"}, "{}").code, kExitOk);
  EXPECT_EQ(records_.size(), 1u);
  tarn_.Fail(kIngest, Unavailable("MODULE_NOT_SERVING", "starting"), 2);
  EXPECT_EQ(Run({"put", "s"}, Lines(1500)).code, kExitOk);
  EXPECT_EQ(records_.size(), 1501u);
}

TEST_F(PutTest, FlushWaitsForDelivery) {
  constexpr char kFlush[] = "/tarn.ingestion.v1.IngestionService/FlushStream";
  tarn_.On<ingestion::v1::FlushStreamRequest, ingestion::v1::FlushStreamResponse>(
      kFlush, [](const auto& requests, auto* responses) {
        responses->emplace_back().mutable_stream()->set_name(requests[0].name());
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"put", "s", "--flush"}, "{}").out, "s: 1 record stored; all delivered\n");
  EXPECT_EQ(tarn_.CallsOf(kFlush), 1);
}

// A landing area that keeps files by table, partitions and name.
class UploadTest : public CommandTest {
 protected:
  UploadTest() {
    tarn_.On<ingestion::v1::UploadFileRequest, ingestion::v1::UploadFileResponse>(
        kUploadFile, [this](const auto& requests, auto* responses) {
          return Keep(requests, responses->emplace_back());
        });
    tarn_.On<ingestion::v1::GetUploadRequest, ingestion::v1::Upload>(
        kGetUpload, [this](const auto& requests, auto* responses) -> absl::Status {
          std::lock_guard lock(mutex_);
          upload_ids_.insert(requests.at(0).upload_id());
          if (kept_.empty()) return NotFound("UPLOAD_NOT_FOUND", "nothing is kept");
          responses->emplace_back().set_committed_bytes(static_cast<int64_t>(kept_.size()));
          return absl::OkStatus();
        });
  }

  absl::Status Keep(const std::vector<ingestion::v1::UploadFileRequest>& requests,
                    ingestion::v1::UploadFileResponse& response) {
    const auto& header = requests.at(0).header();
    std::string path = header.table() + ":";
    for (const std::string& partition : header.partitions()) path += partition + "/";
    path += header.file_name();
    std::lock_guard lock(mutex_);
    offsets_.push_back(header.offset());
    std::string text = kept_.substr(0, static_cast<size_t>(header.offset()));
    for (size_t i = 1; i < requests.size(); ++i) text += requests[i].chunk();
    if (HashOf(text) != header.sha256()) {
      kept_.clear();
      return InvalidArgument("CHECKSUM_MISMATCH", "the checksum does not fit");
    }
    const auto file = files_.find(path);
    response.set_outcome(file == files_.end()   ? "CREATED"
                         : file->second == text ? "UNCHANGED"
                                                : "REPLACED");
    files_[path] = text;
    return absl::OkStatus();
  }

  std::mutex mutex_;
  std::map<std::string, std::string> files_;
  std::string kept_;  // of an upload that broke off
  std::set<std::string> upload_ids_;
  std::vector<int64_t> offsets_;
};

TEST_F(UploadTest, AFolderGoesUpWithItsPartitions) {
  const std::string large(3 << 20, 'x');
  dir_.WriteFile("u/dt=1/a.json", large);
  dir_.WriteFile("u/dt=2/b.json", "2");
  dir_.WriteFile("u/c.json", "");
  const std::string folder = dir_ / "u";
  CommandResult result = Run({"upload", "smart_hub.usage_json", folder});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out,
            "smart_hub.usage_json: 3 files (3.0 MiB): 3 created, 0 replaced, 0 unchanged\n");
  const std::string table = "databases/smart_hub/tables/usage_json:";
  EXPECT_EQ(files_.at(table + "dt=1/a.json"), large);
  EXPECT_EQ(files_.at(table + "dt=2/b.json"), "2");
  EXPECT_EQ(files_.at(table + "c.json"), "");

  dir_.WriteFile("u/dt=2/b.json", "3");
  result = Run({"upload", "smart_hub.usage_json", folder});
  EXPECT_THAT(result.out, HasSubstr("0 created, 1 replaced, 2 unchanged"));
}

TEST_F(UploadTest, OneRefusedFileDoesNotStopTheOthers) {
  dir_.WriteFile("u/a.json", "1");
  dir_.WriteFile("u/b.json", "2");
  tarn_.Fail(kUploadFile, ResourceExhausted("DISK_FULL", "the disk is full"));
  const CommandResult result = Run({"upload", "d.t", dir_ / "u"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, AllOf(HasSubstr("the disk is full"), HasSubstr("1 file of 2")));
  EXPECT_EQ(files_.size(), 1u);
}

TEST_F(UploadTest, AFileIsSentAgainWhenTheServerWasAway) {
  const std::string file = dir_.WriteFile("a.json", "1").string();
  tarn_.Fail(kUploadFile, Unavailable("MODULE_NOT_SERVING", "starting"), 2);
  const CommandResult result = Run({"upload", "d.t", file, "--partition", "dt=1"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(files_.count("databases/d/tables/t:dt=1/a.json"), 1u);
}

TEST_F(UploadTest, ALargeFileGoesOnWhereAnEarlierCommandEnded) {
  const std::string large(5 << 20, 'x');
  const std::string file = dir_.WriteFile("a.json", large).string();
  kept_ = large.substr(0, 3 << 20);
  CommandResult result = Run({"upload", "d.t", file});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(files_.at("databases/d/tables/t:a.json"), large);
  EXPECT_THAT(offsets_, ElementsAre(3 << 20));
  // What is kept turns out to be something else: all of it is sent, and the id is the same.
  kept_ = "nonsense";
  result = Run({"upload", "d.t", file});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_THAT(offsets_, ElementsAre(3 << 20, 8, 0));
  EXPECT_EQ(upload_ids_.size(), 1u);
}

class QueryTest : public CommandTest {
 protected:
  // Answers every statement with these columns and rows.
  void Answer(const std::vector<std::pair<std::string, std::string>>& columns,
              const std::vector<std::string>& batches) {
    tarn_.On<query::v1::ExecuteQueryRequest, query::v1::ResultChunk>(
        kExecuteQuery, [=, this](const auto& requests, auto* responses) {
          request_ = requests[0];
          responses->emplace_back().mutable_query()->set_name("queries/q");
          auto* schema = responses->emplace_back().mutable_schema();
          for (const auto& [name, type] : columns) {
            auto* column = schema->add_columns();
            column->set_name(name);
            column->set_type(type);
          }
          for (const std::string& batch : batches) {
            responses->emplace_back().mutable_rows()->set_data(batch);
          }
          responses->emplace_back().mutable_query()->set_name("queries/q");
          return absl::OkStatus();
        });
  }

  query::v1::ExecuteQueryRequest request_;
};

TEST_F(QueryTest, RowsComeAsATable) {
  Answer({{"device", "string"}, {"cost", "double"}}, {"[\"a\",1.5]\n", "[\"bb\",22.25]\n"});
  const CommandResult result =
      Run({"query", "SELECT * FROM t", "--database", "d", "--param", "x=1=2", "--timeout", "1.5s"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out,
            "device   cost\n"
            "a         1.5\n"
            "bb      22.25\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(request_.statement().sql(), "SELECT * FROM t");
  EXPECT_EQ(request_.statement().default_database(), "d");
  EXPECT_EQ(request_.statement().parameters().at("x").string_value(), "1=2");
  EXPECT_EQ(request_.statement().limits().timeout().seconds(), 1);
  EXPECT_EQ(request_.statement().limits().timeout().nanos(), 500000000);
  EXPECT_EQ(request_.statement().source(), "cli");
}

TEST_F(QueryTest, CsvIsWrittenAsTheServerSendsIt) {
  Answer({{"a", "int"}}, {"a\r\n1\r\n", "2\r\n"});
  EXPECT_EQ(Run({"query", "--format", "csv"}, "SELECT a FROM t").out, "a\r\n1\r\n2\r\n");
  EXPECT_EQ(request_.format(), query::v1::RESULT_FORMAT_CSV);
}

TEST_F(QueryTest, JsonIsOneObjectALine) {
  Answer({{"a", "int"}, {"b", "string"}}, {"[1,null]\n[2,\"x\"]\n"});
  EXPECT_EQ(Run({"query", "--format", "json", "SELECT"}).out,
            "{\"a\":1,\"b\":null}\n{\"a\":2,\"b\":\"x\"}\n");
}

TEST_F(QueryTest, AWritingStatementSaysWhatItWrote) {
  tarn_.On<query::v1::ExecuteQueryRequest, query::v1::ResultChunk>(
      kExecuteQuery, [](const auto&, auto* responses) {
        auto* query = responses->emplace_back().mutable_query();
        query->set_statement_type(query::v1::STATEMENT_TYPE_INSERT);
        query->set_written_snapshot("d.t@7");
        query->mutable_statistics()->set_row_count(1200);
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"query", "INSERT INTO t SELECT 1"}).out, "1,200 rows written (d.t@7)\n");
}

TEST_F(QueryTest, AnErrorPointsIntoTheStatement) {
  tarn_.Fail(kExecuteQuery, InvalidArgument("SQL_ERROR", "there is no column nope",
                                            {{"line", "1"}, {"column", "8"}}));
  const CommandResult result = Run({"query", "SELECT nope FROM t"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "tarn: there is no column nope\n"
            "    SELECT nope FROM t\n"
            "           ^\n");
}

TEST_F(QueryTest, OnlyAReadIsSentAgain) {
  Answer({{"a", "int"}}, {"[1]\n"});
  const absl::Status away = Unavailable("MODULE_NOT_SERVING", "the module is starting");
  tarn_.Fail(kExecuteQuery, away);
  EXPECT_EQ(Run({"query", "SELECT 1"}).code, kExitOk);
  tarn_.Fail(kExecuteQuery, away);
  EXPECT_EQ(Run({"query", "INSERT INTO t SELECT 1"}).code, kExitFailed);
  EXPECT_EQ(tarn_.CallsOf(kExecuteQuery), 3);
}

class RunTest : public CommandTest {
 protected:
  using Run_ = transform::v1::Run;

  static Run_ RunIn(common::v1::ExecutionState state,
                    const std::vector<common::v1::ExecutionState>& steps) {
    Run_ run;
    run.set_name("pipelines/p/runs/r1");
    run.set_state(state);
    for (size_t i = 0; i < steps.size(); ++i) {
      auto* step = run.add_steps();
      step->set_step_id("step" + std::to_string(i + 1));
      step->set_state(steps[i]);
    }
    return run;
  }

  void Serve(const std::vector<Run_>& changes) {
    tarn_.On<transform::v1::StartRunRequest, Run_>(
        "/tarn.transform.v1.TransformService/StartRun",
        [this](const auto& requests, auto* responses) {
          request_ = requests[0];
          responses->push_back(RunIn(common::v1::EXECUTION_STATE_QUEUED, {}));
          return absl::OkStatus();
        });
    tarn_.On<transform::v1::WatchRunRequest, transform::v1::WatchRunResponse>(
        "/tarn.transform.v1.TransformService/WatchRun", [changes](const auto&, auto* responses) {
          for (const Run_& run : changes) *responses->emplace_back().mutable_run() = run;
          return absl::OkStatus();
        });
  }

  transform::v1::StartRunRequest request_;
};

TEST_F(RunTest, EachChangeOfAStepIsALineInAPipe) {
  using namespace common::v1;  // NOLINT(google-build-using-namespace): the names are long
  Serve({RunIn(EXECUTION_STATE_RUNNING, {EXECUTION_STATE_RUNNING, EXECUTION_STATE_QUEUED}),
         RunIn(EXECUTION_STATE_RUNNING, {EXECUTION_STATE_SUCCEEDED, EXECUTION_STATE_RUNNING}),
         RunIn(EXECUTION_STATE_SUCCEEDED, {EXECUTION_STATE_SUCCEEDED, EXECUTION_STATE_SUCCEEDED})});
  const CommandResult result = Run({"run", "p", "--wait", "--param", "home=x"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out,
            "p/r1 started\n"
            "step1: running\n"
            "step1: succeeded\n"
            "step2: running\n"
            "step2: succeeded\n"
            "p/r1 succeeded\n");
  EXPECT_EQ(request_.pipeline(), "pipelines/p");
  EXPECT_EQ(request_.parameters().at("home"), "x");
  EXPECT_FALSE(request_.request_id().empty());
}

TEST_F(RunTest, AFailedRunFailsTheCommand) {
  Run_ run = RunIn(common::v1::EXECUTION_STATE_FAILED, {common::v1::EXECUTION_STATE_FAILED});
  run.mutable_error()->set_message("a row lacks its rate");
  run.mutable_error()->set_code(9);
  Serve({run});
  const CommandResult result = Run({"run", "p", "--wait"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("the run p/r1 failed: a row lacks its rate"));
}

TEST_F(RunTest, WithoutWaitOnlyTheStartIsTold) {
  Serve({});
  EXPECT_EQ(Run({"run", "p"}).out, "p/r1 started\n");
}

}  // namespace
}  // namespace tarn::cli
