// What becomes of fields and values that a stream's table does not have a place for.
#include <chrono>
#include <string>
#include <vector>

#include "services/ingestion/testing/ingestion_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class NewFieldsPgTest : public IngestionPgTest {
 protected:
  static v1::Stream StreamTo(const std::string& id) {
    v1::Stream stream;
    stream.set_name("streams/" + id);
    stream.set_table(TableName(id));
    stream.mutable_delivery()->mutable_max_delay()->set_seconds(900);
    return stream;
  }
  static catalog::v1::Field* AddColumn(v1::Stream& stream, const std::string& name,
                                       const std::string& type) {
    auto* column = stream.add_columns();
    column->set_name(name);
    column->set_type(type);
    return column;
  }
  absl::StatusOr<v1::Stream> Create(const v1::Stream& stream) {
    v1::CreateStreamRequest request;
    *request.mutable_stream() = stream;
    return Call<v1::Stream>(&Stub::CreateStream, request);
  }
  // Delivers these records, and gives the stream as it is then.
  v1::Stream Deliver(const std::vector<std::string>& records) {
    EXPECT_OK(ingestion_->Put("s", records));
    auto stream = ingestion_->Flush("s", kWait);
    EXPECT_OK(stream);
    return stream.value_or(v1::Stream());
  }
  std::string TypeOf(const std::string& column) {
    const catalog::v1::Table table = catalog_.TableOf(TableName("s"));
    for (const auto& field : table.schema().fields()) {
      if (field.name() == column) return table_schema::DisplayTypeOf(field);
    }
    return "";
  }
};

TEST_F(NewFieldsPgTest, ATableGrowsInsideItsStructsAndIntegersBecomeDouble) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  Deliver({R"({"a":1,"s":{"x":1},"l":[{"k":1}]})", R"({"a":2})"});
  EXPECT_EQ(TypeOf("a"), "long");
  const v1::Stream stream =
      Deliver({R"({"a":1.5,"s":{"x":2e0,"y":{"z":"t"}},"l":[{"k":2},{"m":true}],"n":7})"});
  EXPECT_EQ(stream.statistics().dead_letter_records(), 0);
  EXPECT_EQ(TypeOf("a"), "double");
  EXPECT_EQ(TypeOf("s"), "struct<x: double, y: struct<z: string>>");
  EXPECT_EQ(TypeOf("l"), "list<struct<k: long, m: boolean>>");
  EXPECT_THAT(Rows("s", "concat_ws(' ', a, s, l, n)"),
              ElementsAre("1.0 {'x': 1.0, 'y': NULL} [{'k': 1, 'm': NULL}]",
                          "1.5 {'x': 2.0, 'y': {'z': t}} [{'k': 2, 'm': NULL}, {'k': NULL, 'm': "
                          "true}] 7",
                          "2.0"));
  EXPECT_THAT(
      Rows("s", "CAST(count(*) FILTER (WHERE a > 1.2::DOUBLE AND a < 1.9::DOUBLE) AS VARCHAR)"),
      ElementsAre("1"));
}

TEST_F(NewFieldsPgTest, GrowthSurvivesALostAnswerAndFieldsOfAnotherWriter) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  Deliver({R"({"a":1,"s":{"x":1}})"});
  catalog_.SetLastFieldId(40);  // columns were added and dropped meanwhile
  catalog_.LoseNextAnswer();
  Deliver({R"({"a":2.5,"s":{"x":1,"y":1}})"});
  {
    const failpoint::ScopedFailpoint cut("ingestion.deliver.before_commit", "error(UNAVAILABLE)*1");
    Deliver({R"({"a":3,"s":{"z":1}})"});
  }
  EXPECT_THAT(Rows("s", "concat_ws(' ', a, s)"),
              ElementsAre("1.0 {'x': 1, 'y': NULL, 'z': NULL}", "2.5 {'x': 1, 'y': 1, 'z': NULL}",
                          "3.0 {'x': NULL, 'y': NULL, 'z': 1}"));
  EXPECT_EQ(ingestion_->DeadLetters("s")->total_size(), 0);
}

TEST_F(NewFieldsPgTest, IntegersThatADoubleWouldBendStayAndTheFractionIsADeadLetter) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  Deliver({R"({"a":9007199254740993})"});
  const v1::Stream stream = Deliver({R"({"a":1.5})", R"({"a":2,"b":3})"});
  EXPECT_EQ(stream.statistics().delivery_error(), "");
  EXPECT_EQ(TypeOf("a"), "long");
  EXPECT_THAT(Rows("s", "concat_ws(' ', a, b)"), ElementsAre("2 3", "9007199254740993"));
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.total_size(), 1);
  EXPECT_EQ(letters.dead_letters(0).reason(), "TYPE_MISMATCH");
  EXPECT_EQ(letters.dead_letters(0).payload(), R"({"a":1.5})");
  // Also the next time, and for a module that has just started.
  Start();
  Deliver({R"({"a":2.5,"c":1})", R"({"a":4})"});
  EXPECT_EQ(TypeOf("a"), "long");
  EXPECT_EQ(ingestion_->DeadLetters("s")->total_size(), 2);
}

TEST_F(NewFieldsPgTest, DeclaredColumnsKeepTheirTypesAndGetNewFields) {
  v1::Stream stream = StreamTo("s");
  AddColumn(stream, "a", "long");
  auto* field = AddColumn(stream, "s", "struct")->add_fields();
  field->set_name("x");
  field->set_type("long");
  ASSERT_OK(Create(stream));
  Deliver({R"({"a":1.5})", R"({"s":{"x":1.5}})", R"({"a":1,"s":{"y":1}})"});
  Deliver({R"({"s":{"y":1.5}})"});
  EXPECT_EQ(TypeOf("a"), "long");
  EXPECT_EQ(TypeOf("s"), "struct<x: long, y: double>");
  EXPECT_EQ(ingestion_->DeadLetters("s")->total_size(), 2);
}

TEST_F(NewFieldsPgTest, WhatTheTableLacksIsCaptured) {
  ASSERT_OK(ingestion_->CreateStream("s"));
  Deliver({R"({"a":1,"s":{"x":1}})"});
  SetNewFieldPolicy("s", v1::NEW_FIELD_POLICY_REJECT);
  Deliver({R"({"a":2,"b":"refused"})"});
  SetNewFieldPolicy("s", v1::NEW_FIELD_POLICY_CAPTURE);
  EXPECT_EQ(ingestion_->Get("s")->capture_column(), "_extra");
  Deliver({R"({"a":3,"s":{"x":1,"y":[ 1.50 ]},"b":null,"_extra":1})", R"({"a":4})",
           R"({"a":1.5,"b":1})"});
  v1::ReplayDeadLettersRequest replay;
  replay.set_parent("streams/s");
  replay.mutable_selection()->set_reason("UNKNOWN_FIELD");
  ASSERT_OK(Call<v1::ReplayDeadLettersResponse>(&Stub::ReplayDeadLetters, replay));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "concat_ws(' ', a, _extra)"),
              ElementsAre("1", R"(2 {"b":"refused"})",
                          R"(3 {"s":{"y":[ 1.50 ]},"b":null,"_extra":1})", "4"));
  EXPECT_EQ(TypeOf("_extra"), "string");
  ASSERT_OK_AND_ASSIGN(const auto letters, ingestion_->DeadLetters("s"));
  ASSERT_EQ(letters.total_size(), 1);
  EXPECT_EQ(letters.dead_letters(0).reason(), "TYPE_MISMATCH");
}

TEST_F(NewFieldsPgTest, ActivitiesWorkOnWhatIsCaptured) {
  v1::Stream stream = StreamTo("s");
  AddColumn(stream, "a", "long");
  stream.clear_table();
  stream.set_new_field_policy(v1::NEW_FIELD_POLICY_CAPTURE);
  stream.set_capture_column("rest");
  auto* destination = stream.add_destinations();
  destination->set_table(TableName("s"));
  auto* compute = destination->add_activities()->mutable_compute();
  compute->set_column("b");
  compute->set_expression("json_extract_string(rest, '$.b')");
  ASSERT_OK(Create(stream));
  Deliver({R"({"a":1,"b":"t","c":2})", R"({"a":2})"});
  EXPECT_THAT(Rows("s", "concat_ws(' ', a, b, rest)"), ElementsAre(R"(1 t {"b":"t","c":2})", "2"));
}

TEST_F(NewFieldsPgTest, AColumnThatCannotCaptureIsNamed) {
  v1::Stream stream = StreamTo("s");
  stream.set_capture_column("rest");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.capture_column")));
  stream.set_new_field_policy(v1::NEW_FIELD_POLICY_CAPTURE);
  AddColumn(stream, "Rest", "string");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.capture_column")));
  stream.clear_columns();
  stream.set_capture_column("_ingested_at");
  EXPECT_THAT(Create(stream), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                                       HasSubstr("stream.capture_column")));
  ASSERT_OK(ingestion_->CreateStream("s"));
  Deliver({R"({"_extra":1})"});
  SetNewFieldPolicy("s", v1::NEW_FIELD_POLICY_CAPTURE);
  ASSERT_OK(ingestion_->Put("s", {R"({"_extra":2})"}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (ingestion_->Get("s")->statistics().delivery_error().empty() &&
         std::chrono::steady_clock::now() < deadline) {
    (void)ingestion_->Flush("s", absl::Milliseconds(100));
  }
  EXPECT_THAT(ingestion_->Get("s")->statistics().delivery_error(), HasSubstr("capture_column"));
  v1::UpdateStreamRequest update;
  update.mutable_stream()->set_name("streams/s");
  update.mutable_stream()->set_capture_column("rest");
  update.mutable_update_mask()->add_paths("capture_column");
  ASSERT_OK(Call<v1::Stream>(&Stub::UpdateStream, update));
  ASSERT_OK(ingestion_->Flush("s", kWait));
  EXPECT_THAT(Rows("s", "concat_ws(' ', _extra, rest)"), ElementsAre("1", "2"));
}

}  // namespace
}  // namespace tarn::ingestion
