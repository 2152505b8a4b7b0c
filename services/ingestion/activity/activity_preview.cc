#include "services/ingestion/activity/activity_preview.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/duckdb/lazy_database.h"
#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/activity/activity_pipeline.h"
#include "services/ingestion/activity/record_table.h"
#include "services/ingestion/activity/relation_tables.h"
#include "services/ingestion/activity/seen_keys.h"
#include "services/ingestion/record/record_check.h"
#include "services/ingestion/record/schema_learner.h"
#include "services/ingestion/record/stream_columns.h"

namespace tarn::ingestion {
namespace {

constexpr int kMaxRunning = 4;
constexpr absl::Duration kTimeLimit = absl::Seconds(10);
// Rows of a preview that grow far beyond their records are not worth sending.
constexpr int64_t kMaxResponseBytes = 8LL << 20;

void AddRefused(v1::PreviewActivitiesResponse& response, uint64_t index, const std::string& reason,
                const std::string& message, const int* activity) {
  v1::RefusedRow& refused = *response.add_refused();
  refused.set_index(static_cast<int>(index));
  refused.set_reason(reason);
  refused.set_message(message);
  if (activity != nullptr) refused.set_activity_index(*activity);
}

absl::Status AddRows(duckdb::Connection& connection, const table_schema::Fields& fields,
                     v1::PreviewActivitiesResponse& response) {
  std::string list;
  for (const table_schema::Field& field : fields) {
    absl::StrAppend(&list, ", ", duckdb::QuoteIdentifier(field.name()));
  }
  TARN_ASSIGN_OR_RETURN(
      const duckdb::QueryResult rows,
      connection.Query(absl::StrCat("SELECT \"__tarn_position\"", list,
                                    " FROM \"output\" ORDER BY \"__tarn_position\"")));
  int64_t bytes = 0;
  for (const duckdb::Chunk& chunk : rows.chunks()) {
    for (uint64_t row = 0; row < chunk.size(); ++row) {
      v1::PreviewedRow& previewed = *response.add_rows();
      previewed.set_index(static_cast<int>(chunk.column(0).Int64(row)));
      previewed.set_row(RowAsJson(chunk, row, 1));
      bytes += static_cast<int64_t>(previewed.row().size());
      if (bytes > kMaxResponseBytes) {
        return ResourceExhausted("RESULT_TOO_LARGE",
                                 "the rows have more than 8 MiB; preview fewer records");
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PreviewActivitiesResponse> ActivityPreview::Run(
    const google::protobuf::RepeatedPtrField<v1::Activity>& activities,
    table_schema::Fields columns, const std::vector<ArrivedRecord>& records,
    const ActivityScope& scope) {
  struct Slot {
    std::atomic<int>& running;
    const bool free;
    ~Slot() { --running; }
  } slot{running_, ++running_ <= kMaxRunning};
  if (!slot.free) {
    return ResourceExhausted("OVERLOADED", "several previews run already; try again in a moment");
  }
  if (records.empty()) {
    return InvalidArgument("NO_RECORDS", "there are no records to preview; give some in `records`");
  }
  v1::PreviewActivitiesResponse response;
  // By index; positions stay below kMaxPreviewRecords, and say which record a row comes from.
  std::vector<ArrivedRecord> sound;
  for (size_t i = 0; i < records.size(); ++i) {
    if (const auto error = CheckRecord(records[i].payload)) {
      AddRefused(response, i, error->reason, error->message, nullptr);
    } else {
      sound.push_back({i, records[i].time, records[i].payload});
    }
  }
  if (columns.empty()) {
    SchemaLearner learner;
    for (const ArrivedRecord& record : sound) learner.Observe(record.payload);
    columns = learner.Columns();
  } else {
    TARN_RETURN_IF_ERROR(CheckStreamColumns("columns", columns));
  }
  *response.mutable_input_columns() = columns;

  duckdb::LazyDatabase engine(
      {.threads = 1, .memory_limit_bytes = 256LL << 20, .lock_down = true, .row_sources = true});
  RelationTables tables(engine, relations_, clock_);
  TARN_ASSIGN_OR_RETURN(const auto pipeline, ActivityPipeline::Compile(activities, columns, scope,
                                                                       {.relations = &tables,
                                                                        .functions = &functions_,
                                                                        .time_limit = kTimeLimit}));
  *response.mutable_columns() = pipeline->output();
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine.Connect());
  TARN_ASSIGN_OR_RETURN(const std::vector<Misfit> misfits,
                        LoadRecords(connection, "\"input\"", columns, sound));
  for (const Misfit& misfit : misfits) {
    AddRefused(response, sound[misfit.index].position, misfit.error.reason, misfit.error.message,
               nullptr);
  }
  SeenKeys seen;
  TARN_ASSIGN_OR_RETURN(const ActivityOutcome outcome,
                        pipeline->Run(connection, "input", "output", 0, records.size(), &seen));
  for (const RefusedRow& refused : outcome.refused) {
    AddRefused(response, static_cast<uint64_t>(refused.position), refused.reason, refused.message,
               &refused.activity);
  }
  std::sort(response.mutable_refused()->begin(), response.mutable_refused()->end(),
            [](const v1::RefusedRow& a, const v1::RefusedRow& b) { return a.index() < b.index(); });
  response.set_dropped_count(static_cast<int>(outcome.dropped));
  TARN_RETURN_IF_ERROR(AddRows(connection, pipeline->output(), response));
  return response;
}

}  // namespace tarn::ingestion
