#include "services/ingestion/activity/testing/activity_fixture.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/text_format.h>

#include "common/duckdb/row_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/testing/status_matchers.h"
#include "services/ingestion/activity/record_table.h"

namespace tarn::ingestion {
namespace {

constexpr char kDeviceMessages[] =
    "device: string, ts: double, data: struct<temp: double, unit: string, more: struct<deep: "
    "long>>, "
    "count: long, hex: string";

void SkipSpace(std::string_view& text) {
  while (!text.empty() && (text[0] == ' ' || text[0] == '\n')) text.remove_prefix(1);
}

table_schema::Fields TakeFields(std::string_view& text) {
  table_schema::Fields fields;
  for (SkipSpace(text); !text.empty() && text[0] != '>'; SkipSpace(text)) {
    const size_t colon = text.find(": ");
    table_schema::Field& field = *fields.Add();
    field.set_name(std::string(text.substr(0, colon)));
    text.remove_prefix(colon + 2);
    const size_t end = std::min(text.find_first_of(",<>"), text.size());
    field.set_type(std::string(text.substr(0, end)));
    text.remove_prefix(end);
    if (!text.empty() && text[0] == '<') {
      text.remove_prefix(1);
      *field.mutable_fields() = TakeFields(text);
      text.remove_prefix(1);
    }
    if (!text.empty() && text[0] == ',') text.remove_prefix(1);
  }
  return fields;
}

}  // namespace

table_schema::Fields ParseFields(std::string_view text) { return TakeFields(text); }

google::protobuf::RepeatedPtrField<v1::Activity> ParseActivities(const std::string& text) {
  google::protobuf::RepeatedPtrField<v1::Activity> activities;
  for (const auto part : absl::StrSplit(text, "--- ")) {
    const bool parsed =
        google::protobuf::TextFormat::ParseFromString(std::string(part), activities.Add());
    EXPECT_TRUE(parsed) << part;
  }
  return activities;
}

ActivityFixture::ActivityFixture()
    : engine_({.threads = 2, .lock_down = true, .row_sources = true}),
      connection_(*engine_.Connect()) {}
ActivityFixture::~ActivityFixture() = default;

absl::Status ActivityFixture::Compile(const std::string& columns, const std::string& activities) {
  TARN_ASSIGN_OR_RETURN(
      pipeline_, ActivityPipeline::Compile(activities.empty()
                                               ? google::protobuf::RepeatedPtrField<v1::Activity>()
                                               : ParseActivities(activities),
                                           ParseFields(columns), scope_, environment_));
  return absl::OkStatus();
}

absl::Status ActivityFixture::Prepare(const std::string& columns,
                                      const std::vector<std::string>& rows,
                                      const std::string& activities, uint64_t from) {
  TARN_RETURN_IF_ERROR(Compile(columns, activities));
  const table_schema::Fields fields = ParseFields(columns);
  std::vector<ArrivedRecord> records;
  for (size_t i = 0; i < rows.size(); ++i) {
    records.push_back({from + i, absl::FromUnixMicros(ingest_micros_), rows[i]});
  }
  TARN_ASSIGN_OR_RETURN(const std::vector<Misfit> misfits,
                        LoadRecords(connection_, "\"input\"", fields, records));
  EXPECT_TRUE(misfits.empty());
  return absl::OkStatus();
}

absl::Status ActivityFixture::Run(const std::string& columns, const std::vector<std::string>& rows,
                                  const std::string& activities, uint64_t from) {
  TARN_RETURN_IF_ERROR(Prepare(columns, rows, activities, from));
  TARN_ASSIGN_OR_RETURN(outcome_, pipeline_->Run(connection_, "input", "output", from,
                                                 from + rows.size(), seen_.get()));
  return absl::OkStatus();
}

absl::Status ActivityFixture::RunUnfolded(const std::string& columns,
                                          const std::vector<std::string>& rows,
                                          const std::string& activities) {
  TARN_RETURN_IF_ERROR(Prepare(columns, rows, activities, 0));
  TARN_ASSIGN_OR_RETURN(outcome_, pipeline_->RunUnfolded(connection_, "input", "output", 0,
                                                         rows.size(), seen_.get()));
  return absl::OkStatus();
}

void ActivityFixture::ExpectMistake(const std::string& activities, const std::string& path,
                                    const std::string& description) {
  const auto compiled = ActivityPipeline::Compile(
      ParseActivities(activities), ParseFields(kDeviceMessages), scope_, environment_);
  ASSERT_THAT(compiled, StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"))
      << activities;
  const std::vector<FieldViolation> violations = FieldViolationsOf(compiled.status());
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "activities" + path) << activities;
  EXPECT_THAT(violations[0].description, ::testing::HasSubstr(description)) << activities;
}

std::string ActivityFixture::OutputTypes() const {
  std::string types;
  for (const table_schema::Field& field : pipeline_->output()) {
    absl::StrAppend(&types, types.empty() ? "" : ", ", field.name(), " ", field.type());
  }
  return types;
}

std::string ActivityFixture::RowsOf(const std::string& columns) {
  std::string list = columns;
  if (list[0] == '*') list = "* EXCLUDE (__tarn_position, _ingested_at)" + list.substr(1);
  const auto result =
      connection_.Query(absl::StrCat("SELECT ", list, " FROM \"output\" ORDER BY __tarn_position"));
  EXPECT_OK(result);
  if (!result.ok()) return "";
  std::string rows;
  for (const duckdb::Chunk& chunk : result->chunks()) {
    for (uint64_t row = 0; row < chunk.size(); ++row) {
      rows += rows.empty() ? "[" : " [";
      for (size_t i = 0; i < chunk.column_count(); ++i) {
        if (i > 0) rows += ',';
        duckdb::AppendJsonValue(chunk.column(i), row, rows);
      }
      rows += ']';
    }
  }
  return rows;
}

std::string ActivityFixture::Refusals() const {
  std::string text;
  for (const RefusedRow& refused : outcome_.refused) {
    absl::StrAppend(&text, text.empty() ? "" : " ", refused.position, "/", refused.activity);
  }
  return text;
}

std::vector<std::string> ActivityFixture::Messages() const {
  std::vector<std::string> messages;
  for (const RefusedRow& refused : outcome_.refused) messages.push_back(refused.message);
  return messages;
}

}  // namespace tarn::ingestion
