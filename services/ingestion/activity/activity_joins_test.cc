#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include <absl/strings/str_cat.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "tarn/ingestion/v1/function_service.grpc.pb.h"

#include "common/clock/fake_clock.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/ingestion/activity/function_caller.h"
#include "services/ingestion/activity/relation_tables.h"
#include "services/ingestion/activity/testing/activity_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class FakeRelations : public RelationSource {
 public:
  absl::StatusOr<table_schema::Fields> DescribeTable(
      const std::string&, const std::string& owner, const std::string& table,
      const std::vector<std::string>& columns) override {
    if (!status.ok()) return status;
    if (table != "databases/d/tables/rooms" || owner != "owner") {
      return NotFound("TABLE_NOT_FOUND", absl::StrCat("table ", table, " does not exist"));
    }
    table_schema::Fields fields;
    for (const std::string& column : columns) {
      if (!types.contains(column)) {
        return InvalidArgument("SQL_ERROR", absl::StrCat("there is no column ", column));
      }
      fields.Add()->set_name(column);
      fields[fields.size() - 1].set_type(types.at(column));
    }
    return fields;
  }
  absl::StatusOr<RelationRows> ReadTable(const std::string& workspace, const std::string& owner,
                                         const std::string& table,
                                         const std::vector<std::string>& columns) override {
    ++reads;
    RelationRows result;
    TARN_ASSIGN_OR_RETURN(result.fields, DescribeTable(workspace, owner, table, columns));
    result.batches = {rows};
    return result;
  }
  absl::StatusOr<DeviceSnapshotPtr> Devices(const std::string&) override {
    if (!status.ok()) return status;
    return devices;
  }
  void SetDevices(std::vector<RegisteredDevice> list) {
    auto snapshot = std::make_shared<DeviceSnapshot>();
    snapshot->version = devices == nullptr ? 1 : devices->version + 1;
    for (RegisteredDevice& device : list) {
      auto entry = std::make_shared<const RegisteredDevice>(std::move(device));
      snapshot->devices[entry->id] = entry;
    }
    devices = snapshot;
  }

  std::map<std::string, std::string> types = {{"room", "string"},        {"floor", "long"},
                                              {"area", "decimal(10,2)"}, {"open", "boolean"},
                                              {"since", "timestamptz"},  {"raw", "binary"}};
  std::string rows = "[\"a\",1,\"12.50\",\"2020-01-01T00:00:00Z\"]\n[\"b\",null,null,null]\n";
  absl::Status status;
  int reads = 0;
  DeviceSnapshotPtr devices;
};

class Function : public v1::FunctionService::Service {
 public:
  grpc::Status TransformBatch(grpc::ServerContext*, const v1::TransformBatchRequest* request,
                              v1::TransformBatchResponse* response) override {
    ++calls;
    requests.push_back(*request);
    if (failures > 0) {
      --failures;
      return failure;
    }
    for (const std::string& row : request->rows()) {
      v1::TransformResult& result = *response->add_results();
      if (row.find("drop") != std::string::npos) {
        result.set_drop(true);
      } else if (row.find("refuse") != std::string::npos) {
        result.set_refusal("it is not liked");
      } else {
        result.set_row(answer.empty() ? row : answer);
      }
    }
    return grpc::Status::OK;
  }
  int calls = 0;
  int failures = 0;
  grpc::Status failure;
  std::string answer;
  std::vector<v1::TransformBatchRequest> requests;
};

class ActivityJoinsTest : public ActivityFixture {
 protected:
  ActivityJoinsTest() {
    environment_.relations = &tables_;
    environment_.functions = &functions_;
  }
  FakeClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  FakeRelations source_;
  RelationTables tables_{engine_, source_, clock_};
  FunctionCaller functions_{{"127.0.0.1:*"}, clock_};
};

constexpr char kLookup[] =
    R"(lookup { table: 'databases/d/tables/rooms' keys { column: 'room' }
                columns { table_column: 'floor' } columns { table_column: 'area' column: 'size' }
                columns { table_column: 'since' } refresh_interval { seconds: 60 } )";
const std::vector<std::string> kRooms = {R"({"room":"a"})", R"({"room":"b"})", R"({"room":"c"})",
                                         R"({"room":null})"};

TEST_F(ActivityJoinsTest, LookupAddsColumnsOfTheRowWithTheKey) {
  ASSERT_OK(Run("room: string", kRooms, absl::StrCat(kLookup, "}")));
  EXPECT_EQ(OutputTypes(), "room string, floor long, size decimal(10,2), since timestamptz");
  EXPECT_EQ(
      RowsOf("*"),
      R"(["a",1,"12.50","2020-01-01T00:00:00Z"] ["b",null,null,null] ["c",null,null,null] [null,null,null,null])");
}

TEST_F(ActivityJoinsTest, LookupRefusesOrDropsWhatHasNoRow) {
  ASSERT_OK(Run("room: string", kRooms, absl::StrCat(kLookup, "missing: MISSING_POLICY_REFUSE }")));
  EXPECT_EQ(Refusals(), "2/0 3/0");
  EXPECT_THAT(outcome_.refused[0].message, HasSubstr("no row of databases/d/tables/rooms"));
  EXPECT_EQ(RowsOf("room"), R"(["a"] ["b"])");
  ASSERT_OK(Run("room: string", kRooms, absl::StrCat(kLookup, "missing: MISSING_POLICY_DROP }")));
  EXPECT_EQ(outcome_.dropped, 2);
  EXPECT_THAT(outcome_.refused, SizeIs(0));
}

TEST_F(ActivityJoinsTest, LookupReadsAgainWhenItsTimeIsOverAndKeepsWhatItHasWhileItCannot) {
  ASSERT_OK(Run("room: string", kRooms, absl::StrCat(kLookup, "}")));
  ASSERT_OK(Run("room: string", kRooms, absl::StrCat(kLookup, "}")));
  EXPECT_EQ(source_.reads, 1);
  source_.rows = "[\"c\",7,null,null]\n";
  clock_.Advance(absl::Seconds(61));
  ASSERT_OK(Run("room: string", kRooms, absl::StrCat(kLookup, "}")));
  EXPECT_EQ(RowsOf("floor"), "[null] [null] [7] [null]");
  clock_.Advance(absl::Seconds(61));
  ASSERT_OK(Compile("room: string", absl::StrCat(kLookup, "}")));
  source_.rows = "[\"c\",7,null,null]\n[\"c\",8,null,null]\n";
  ASSERT_OK(Run("room: string", kRooms, absl::StrCat(kLookup, "}")));
  EXPECT_EQ(RowsOf("floor"), "[null] [null] [7] [null]");
  EXPECT_EQ(source_.reads, 3);
  ASSERT_OK_AND_ASSIGN(
      const duckdb::QueryResult left,
      connection_.Query("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'tarn_rel%'"));
  EXPECT_EQ(left.At(0, 0), duckdb::Value(int64_t{1}));
}

TEST_F(ActivityJoinsTest, LookupWithoutRowsYetIsAnErrorOfTheBatch) {
  source_.rows =
      "[\"c\",7,null,null]\n[\"c\",8,null,null]\n[null,8,null,null]\n[null,8,null,null]\n";
  EXPECT_THAT(Run("room: string", kRooms, absl::StrCat(kLookup, "}")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "LOOKUP_KEY_NOT_UNIQUE"));
  ASSERT_OK(Compile("room: string", absl::StrCat(kLookup, "}")));
  source_.status = Unavailable("X", "query is away");
  EXPECT_THAT(Compile("room: string", absl::StrCat(kLookup, "}")),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ActivityJoinsTest, MistakesInLookupsAreNamed) {
  const auto lookup = [](const std::string& rest) {
    return "lookup { table: 'databases/d/tables/rooms' " + rest + " }";
  };
  ExpectMistake("lookup { table: 'rooms' }", "[0].lookup.table", "databases/");
  ExpectMistake(lookup(""), "[0].lookup.keys", "1 to 10");
  ExpectMistake(lookup("keys { column: 'device' }"), "[0].lookup.columns", "1 to 100");
  ExpectMistake(lookup("keys { column: 'x' } columns { table_column: 'floor' }"),
                "[0].lookup.keys[0].column", "no column");
  ExpectMistake(
      lookup("keys { column: 'device' table_column: 'z' } columns { table_column: 'floor' }"),
      "[0].lookup.table", "there is no column z");
  ExpectMistake(
      lookup("keys { column: 'device' table_column: 'floor' } columns { table_column: 'area' }"),
      "[0].lookup.keys[0]", "the table's long");
  ExpectMistake(
      lookup("keys { column: 'device' table_column: 'room' } columns { table_column: 'raw' }"),
      "[0].lookup.columns[0].table_column", "plain");
  ExpectMistake(
      lookup("keys { column: 'device' table_column: 'room' } columns { table_column: 'floor' "
             "column: 'ts' }"),
      "[0].lookup.columns[0].column", "already");
  ExpectMistake(
      lookup("keys { column: 'device' table_column: 'room' } columns { table_column: 'floor' } "
             "refresh_interval { seconds: 1 }"),
      "[0].lookup.refresh_interval", "10s");
  ExpectMistake(
      "lookup { table: 'databases/d/tables/other' keys { column: 'device' } columns { "
      "table_column: 'floor' } }",
      "[0].lookup.table", "does not exist");
}

constexpr char kEnrich[] =
    R"(enrich { device: 'device' columns { column: 'kind' from: 'type' }
                columns { column: 'longitude' from: 'attributes.longitude' type: 'double' }
                columns { column: 'room' from: 'attributes.place.room' } )";
const std::vector<std::string> kDevices = {R"({"device":"d1"})", R"({"device":"d2"})",
                                           R"({"device":"d3"})"};

TEST_F(ActivityJoinsTest, EnrichAddsWhatTheRegistryKnows) {
  source_.SetDevices({{"d1", "sensor", R"({"longitude":-122.1513069,"place":{"room":"it's"}})"},
                      {"d2", "pump", R"({"longitude":"north"})"}});
  ASSERT_OK(Run("device: string", kDevices, absl::StrCat(kEnrich, "}")));
  EXPECT_EQ(RowsOf("*"), R"(["d1","sensor",-122.1513069,"it's"] ["d3",null,null,null])");
  EXPECT_EQ(Refusals(), "1/0");
  EXPECT_THAT(outcome_.refused[0].message, HasSubstr("Could not convert string 'north'"));
  ASSERT_OK(
      Run("device: string", kDevices, absl::StrCat(kEnrich, "missing: MISSING_POLICY_REFUSE }")));
  EXPECT_EQ(Refusals(), "1/0 2/0");
  EXPECT_THAT(outcome_.refused[1].message, HasSubstr("does not know the device"));
  // A change is seen at once.
  source_.SetDevices({{"d3", "lamp", "{}"}});
  ASSERT_OK(
      Run("device: string", kDevices, absl::StrCat(kEnrich, "missing: MISSING_POLICY_DROP }")));
  EXPECT_EQ(RowsOf("*"), R"(["d3","lamp",null,null])");
}

TEST_F(ActivityJoinsTest, MistakesInEnrichmentAreNamed) {
  ExpectMistake("enrich { device: 'ts' columns { column: 'a' from: 'type' } }", "[0].enrich.device",
                "no text");
  ExpectMistake("enrich { device: 'device' }", "[0].enrich.columns", "1 to 100");
  ExpectMistake("enrich { device: 'device' columns { column: 'a' from: 'longitude' } }",
                "[0].enrich.columns[0].from", "attributes.<name>");
  ExpectMistake("enrich { device: 'device' columns { column: 'a' from: 'type' type: 'int' } }",
                "[0].enrich.columns[0].type", "must be");
}

constexpr char kDeduplicate[] = "deduplicate { key: ['a', 'b'] window { seconds: 100 } }";

TEST_F(ActivityJoinsTest, DeduplicateDropsWhatWasThereLessThanAWindowBefore) {
  const std::string columns = "a: long, b: string";
  ASSERT_OK(Run(columns,
                {R"({"a":1,"b":"x"})", R"({"a":1,"b":"y"})", R"({"a":1,"b":"x"})",
                 R"({"a":1,"b":null})", R"({"a":1,"b":null})"},
                kDeduplicate));
  EXPECT_EQ(RowsOf("__tarn_position"), "[0] [1] [3] [4]");
  EXPECT_EQ(outcome_.dropped, 1);
  ingest_micros_ += 99'000'000;
  ASSERT_OK(Run(columns, {R"({"a":1,"b":"x"})"}, kDeduplicate, 5));
  EXPECT_EQ(outcome_.dropped, 1);
  ingest_micros_ += 1'000'000;
  ASSERT_OK(Run(columns, {R"({"a":1,"b":"x"})"}, kDeduplicate, 6));
  EXPECT_EQ(outcome_.dropped, 0);
}

TEST_F(ActivityJoinsTest, DeduplicateGivesTheSameAgainAfterARestartAndInOtherBatches) {
  const TempDir folder;
  const auto restart = [&] { seen_ = std::make_unique<SeenKeys>(folder.path() / "keys"); };
  const std::string columns = "a: long, b: string";
  const auto row = [](int a) { return absl::StrCat("{\"a\":", a, ",\"b\":\"x\"}"); };
  std::vector<std::string> rows;
  for (int i = 0; i < 60; ++i) rows.push_back(row(i % 20));
  const auto run = [&](size_t from, size_t to) {
    EXPECT_OK(
        Run(columns,
            {rows.begin() + static_cast<int64_t>(from), rows.begin() + static_cast<int64_t>(to)},
            kDeduplicate, from));
    return RowsOf("__tarn_position");
  };
  restart();
  run(0, 10);
  const std::string second = run(10, 30);
  EXPECT_EQ(run(30, 60), "");
  // The batch again, by the same process, by another, and in other parts.
  EXPECT_EQ(run(10, 30), second);
  restart();
  EXPECT_EQ(run(10, 30), second);
  restart();
  const std::string begin = run(10, 15);
  EXPECT_EQ(begin + " " + run(15, 30), second);
  restart();
  EXPECT_EQ(run(30, 31), "");
  EXPECT_EQ(run(31, 60), "");
  // A torn end loses what is torn only.
  for (const auto& file : std::filesystem::directory_iterator(folder.path() / "keys")) {
    std::ofstream(file.path(), std::ios::app | std::ios::binary) << "torn";
  }
  restart();
  EXPECT_EQ(run(30, 60), "");
}

class CallTest : public ActivityJoinsTest {
 protected:
  CallTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&function_);
    server_ = builder.BuildAndStart();
  }
  ~CallTest() override { server_->Shutdown(); }
  std::string Call(const std::string& rest) {
    return absl::StrCat("call { address: '127.0.0.1:", port_, "' ", rest, " }");
  }
  int port_ = 0;
  Function function_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(CallTest, SendsRowsAndTakesWhatTheFunctionGives) {
  const std::string columns = "a: long, b: string, t: timestamptz";
  ASSERT_OK(Run(columns,
                {R"({"a":9007199254740993,"b":"x","t":"2020-01-01T00:00:00.5Z"})",
                 R"({"a":2,"b":"drop"})", R"({"a":3,"b":"refuse"})", R"({"a":4,"b":null})"},
                Call("max_rows: 3") + " --- compute { column: 'a' expression: 'a + 1' }"));
  EXPECT_EQ(RowsOf("a::VARCHAR, b, t, __tarn_position"),
            R"(["9007199254740994","x","2020-01-01T00:00:00.5Z",0] ["5",null,null,3])");
  EXPECT_EQ(Refusals(), "2/0");
  EXPECT_EQ(outcome_.refused[0].reason, "FUNCTION_REFUSED");
  EXPECT_THAT(outcome_.refused[0].message, HasSubstr("it is not liked"));
  EXPECT_EQ(outcome_.dropped, 1);
  ASSERT_EQ(function_.calls, 2);
  EXPECT_EQ(function_.requests[0].stream(), "streams/s");
  EXPECT_EQ(function_.requests[0].columns_size(), 3);
  EXPECT_EQ(function_.requests[0].rows(0),
            R"({"a":9007199254740993,"b":"x","t":"2020-01-01T00:00:00.5Z"})");
}

TEST_F(CallTest, TheFunctionsRowsMustFitItsColumns) {
  function_.answer = R"({"n":1.5})";
  ASSERT_OK(Run("a: long", {R"({"a":1})"}, Call("columns { name: 'n' type: 'long' }")));
  EXPECT_EQ(Refusals(), "0/0");
  EXPECT_THAT(outcome_.refused[0].message, HasSubstr("does not fit"));
  ASSERT_OK(Run("a: long", {R"({"a":1})"}, Call("columns { name: 'n' type: 'double' }")));
  EXPECT_EQ(OutputTypes(), "n double");
  EXPECT_EQ(RowsOf("n"), "[1.5]");
}

TEST_F(CallTest, ItIsTriedAgainWhileItIsAwayAndRefusesAllWhenItSaysSo) {
  function_.failures = 2;
  function_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
  ASSERT_OK(Run("a: long", {R"({"a":1})"}, Call("")));
  EXPECT_EQ(function_.calls, 3);
  function_.failures = 5;
  EXPECT_THAT(Run("a: long", {R"({"a":1})"}, Call("")),
              StatusIs(absl::StatusCode::kUnavailable, "FUNCTION_UNAVAILABLE"));
  function_.failures = 1;
  function_.failure = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "I cannot read this");
  ASSERT_OK(Run("a: long", {R"({"a":1})", R"({"a":2})"}, Call("")));
  EXPECT_EQ(Refusals(), "0/0 1/0");
  EXPECT_THAT(outcome_.refused[0].message, HasSubstr("I cannot read this"));
}

TEST_F(CallTest, OnlyAllowedAddressesAreCalled) {
  ExpectMistake("call { address: 'localhost:7101' }", "[0].call.address",
                "ingestion.function_addresses");
  ExpectMistake("call { address: '127.0.0.1' }", "[0].call.address", "host:port");
  ExpectMistake("call { address: '127.0.0.1:80/x' }", "[0].call.address", "host:port");
  ExpectMistake(Call("timeout { seconds: 61 }"), "[0].call.timeout", "60s");
  ExpectMistake(Call("max_rows: -1"), "[0].call.max_rows", "10000");
  ExpectMistake(Call("columns { name: 'n' type: 'binary' }"), "[0].call.columns[0]", "cannot fill");
}

}  // namespace
}  // namespace tarn::ingestion
