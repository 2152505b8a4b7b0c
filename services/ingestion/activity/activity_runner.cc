#include "services/ingestion/activity/activity_runner.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/activity/function_caller.h"
#include "services/ingestion/activity/record_table.h"
#include "services/ingestion/activity/seen_keys.h"
#include "services/ingestion/activity/time_limit.h"

namespace tarn::ingestion {
namespace {

using duckdb::QuoteIdentifier;

// Of so many refused rows of a batch, for each activity, the engine is asked what was wrong.
constexpr size_t kMaxExplained = 200;
constexpr size_t kMaxRefusalBytes = 1000;
// Bytes of rows that go to a function in one call.
constexpr size_t kMaxCallBytes = 4u << 20;

int64_t Int(const duckdb::QueryResult& result, uint64_t row, size_t column) {
  const duckdb::Value value = result.At(row, column);
  const auto* number = value.As<int64_t>();
  return number == nullptr ? 0 : *number;
}

}  // namespace

std::string ActivityRunner::NextTable() {
  return QuoteIdentifier(absl::StrCat(output_, "__", ++tables_));
}

absl::StatusOr<ActivityOutcome> ActivityRunner::Run(const std::string& input,
                                                    const std::vector<ActivityColumn>& columns,
                                                    const std::vector<ActivityStep>& steps,
                                                    bool folded) {
  source_ = absl::StrCat("(SELECT *, 0 AS __tarn_state FROM ", QuoteIdentifier(input), ")");
  TARN_RETURN_IF_ERROR(RunSteps(columns, steps, folded));
  const std::vector<ActivityColumn>& last = steps.empty() ? columns : steps.back().columns;
  TARN_RETURN_IF_ERROR(connection_.Execute(
      absl::StrCat("CREATE OR REPLACE TEMP VIEW ", QuoteIdentifier(output_), " AS SELECT ",
                   ColumnList(last), " FROM ", source_, " AS \"__tarn_row\"")));
  TARN_ASSIGN_OR_RETURN(
      const duckdb::QueryResult count,
      connection_.Query(absl::StrCat("SELECT count(*) FROM ", QuoteIdentifier(output_))));
  outcome_.rows = Int(count, 0, 0);
  std::sort(outcome_.refused.begin(), outcome_.refused.end(),
            [](const RefusedRow& a, const RefusedRow& b) { return a.position < b.position; });
  return std::move(outcome_);
}

absl::Status ActivityRunner::RunSteps(const std::vector<ActivityColumn>& columns,
                                      const std::vector<ActivityStep>& steps, bool folded) {
  const std::vector<ActivityColumn>* before = &columns;
  std::vector<const ActivityStep*> segment;
  const auto finish = [&]() -> absl::Status {
    if (segment.empty()) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(RunSegment(*before, segment));
    before = &segment.back()->columns;
    segment.clear();
    return absl::OkStatus();
  };
  for (const ActivityStep& step : steps) {
    if (std::holds_alternative<SqlStep>(step.work)) {
      segment.push_back(&step);
      if (!folded) TARN_RETURN_IF_ERROR(finish());
      continue;
    }
    TARN_RETURN_IF_ERROR(finish());
    if (const auto* deduplicate = std::get_if<DeduplicateStep>(&step.work)) {
      TARN_RETURN_IF_ERROR(Deduplicate(*before, *deduplicate));
    } else {
      TARN_RETURN_IF_ERROR(Call(*before, step, std::get<CallStep>(step.work)));
      before = &step.columns;
    }
  }
  return finish();
}

absl::Status ActivityRunner::RunSegment(const std::vector<ActivityColumn>& columns,
                                        const std::vector<const ActivityStep*>& steps) {
  std::vector<RelationTablePtr> held;
  std::vector<StepToRun> run;
  for (const ActivityStep* step : steps) {
    StepToRun next{.step = step, .sql = &std::get<SqlStep>(step->work)};
    if (next.sql->relation) {
      TARN_ASSIGN_OR_RETURN(
          RelationTablePtr table,
          environment_.relations->Get(scope_.workspace, scope_.owner, *next.sql->relation));
      next.relation_table = table->name();
      held.push_back(std::move(table));
    }
    run.push_back(std::move(next));
  }
  // Here alone users' expressions run.
  const TimeLimit limit(connection_, environment_.time_limit);
  return limit.Explain(RunFolded(columns, run));
}

absl::Status ActivityRunner::RunFolded(const std::vector<ActivityColumn>& columns,
                                       const std::vector<StepToRun>& run) {
  const std::string table = NextTable();
  TARN_RETURN_IF_ERROR(connection_.Execute(absl::StrCat("CREATE OR REPLACE TEMP TABLE ", table,
                                                        " AS ", FoldedSql(source_, columns, run))));
  TARN_ASSIGN_OR_RETURN(
      const duckdb::QueryResult states,
      connection_.Query(absl::StrCat("SELECT __tarn_state::BIGINT, count(*) FROM ", table,
                                     " WHERE __tarn_state <> 0 GROUP BY ALL ORDER BY ALL")));
  for (uint64_t row = 0; row < states.row_count(); ++row) {
    const int64_t state = Int(states, row, 0);
    if (state == kDropped) {
      outcome_.dropped += Int(states, row, 1);
      continue;
    }
    for (size_t i = 0; i < run.size(); ++i) {
      if (FailedState(*run[i].step) == state) TARN_RETURN_IF_ERROR(Explain(table, columns, run, i));
    }
  }
  source_ = states.row_count() == 0
                ? table
                : absl::StrCat("(SELECT * FROM ", table, " WHERE __tarn_state = 0)");
  return absl::OkStatus();
}

absl::Status ActivityRunner::Explain(const std::string& segment,
                                     const std::vector<ActivityColumn>& columns,
                                     const std::vector<StepToRun>& steps, size_t failed) {
  const StepToRun& step = steps[failed];
  TARN_ASSIGN_OR_RETURN(const duckdb::QueryResult rows,
                        connection_.Query(absl::StrCat(
                            "SELECT \"__tarn_position\" FROM ", segment,
                            " WHERE __tarn_state = ", FailedState(*step.step), " ORDER BY 1")));
  // The rows as they came to the activity.
  const std::string suspects = NextTable();
  TARN_RETURN_IF_ERROR(connection_.Execute(absl::StrCat(
      "CREATE OR REPLACE TEMP TABLE ", suspects, " AS SELECT * FROM (",
      FoldedSql(
          source_, columns,
          std::vector<StepToRun>(steps.begin(), steps.begin() + static_cast<int64_t>(failed))),
      ") AS \"__tarn_row\" WHERE \"__tarn_position\" IN (SELECT \"__tarn_position\" FROM ", segment,
      " WHERE __tarn_state = ", FailedState(*step.step), " ORDER BY 1 LIMIT ", kMaxExplained,
      ")")));
  std::string message = "the activity failed for this record as it did for others of its batch";
  for (uint64_t row = 0; row < rows.row_count(); ++row) {
    const int64_t position = Int(rows, row, 0);
    if (row < kMaxExplained) {
      TARN_ASSIGN_OR_RETURN(message, MessageOf(suspects, step, position));
    } else if (row == kMaxExplained) {
      message = absl::StrCat("as other records of its batch, the last of which: ", message);
    }
    outcome_.refused.push_back({position, step.step->index, step.step->label, kActivityFailed,
                                absl::StrCat(step.step->label, ": ", message)});
  }
  return connection_.Execute("DROP TABLE " + suspects);
}

absl::StatusOr<std::string> ActivityRunner::MessageOf(const std::string& suspects,
                                                      const StepToRun& step, int64_t position) {
  if (step.sql->relation || !step.sql->check.empty()) {
    TARN_ASSIGN_OR_RETURN(const duckdb::QueryResult reason,
                          connection_.Query(CulpritReasonSql(suspects, step, position)));
    const auto is_true = [&](size_t column) {
      const duckdb::Value value = reason.At(0, column);
      return value.As<bool>() != nullptr && *value.As<bool>();
    };
    if (reason.row_count() > 0 && is_true(0)) {
      return step.sql->relation->table.empty()
                 ? std::string("the device registry does not know the device")
                 : absl::StrCat("no row of ", step.sql->relation->table, " has the key");
    }
    if (reason.row_count() > 0 && is_true(1)) return step.sql->check_message;
  }
  const absl::Status status = connection_.Query(CulpritSql(suspects, step, position)).status();
  if (status.code() == absl::StatusCode::kInvalidArgument) return std::string(status.message());
  TARN_RETURN_IF_ERROR(status);
  return std::string("the expression failed");
}

absl::Status ActivityRunner::Deduplicate(const std::vector<ActivityColumn>& columns,
                                         const DeduplicateStep& step) {
  if (range_.seen == nullptr) {
    return Internal("NO_DEDUPLICATE_STATE", "a deduplicate activity needs its state");
  }
  std::string parts;
  std::string known;
  for (const std::string& name : step.key) {
    const std::string column = QuoteIdentifier(name);
    absl::StrAppend(&parts, parts.empty() ? "" : ", ", column, " := ", column);
    absl::StrAppend(&known, " AND ", column, " IS NOT NULL");
  }
  std::vector<SeenKeys::Row> rows;
  {
    TARN_ASSIGN_OR_RETURN(
        duckdb::ResultStream stream,
        connection_.Stream(absl::StrCat("SELECT \"__tarn_position\", epoch_us(\"_ingested_at\"), "
                                        "md5_number(CAST(to_json(struct_pack(",
                                        parts, ")) AS VARCHAR)) FROM ", source_,
                                        " AS \"__tarn_row\" WHERE true", known)));
    while (true) {
      TARN_ASSIGN_OR_RETURN(const std::optional<duckdb::Chunk> chunk, stream.Next());
      if (!chunk) break;
      for (uint64_t row = 0; row < chunk->size(); ++row) {
        rows.push_back({static_cast<uint64_t>(chunk->column(0).Int64(row)),
                        chunk->column(1).Int64(row), chunk->column(2).Uint128(row)});
      }
    }
  }
  std::sort(rows.begin(), rows.end(),
            [](const SeenKeys::Row& a, const SeenKeys::Row& b) { return a.position < b.position; });
  TARN_ASSIGN_OR_RETURN(const std::vector<int64_t> duplicates,
                        range_.seen->Filter(rows, range_.from, range_.to, step.window));
  if (duplicates.empty()) return absl::OkStatus();
  outcome_.dropped += static_cast<int64_t>(duplicates.size());
  const std::string gone = NextTable();
  TARN_RETURN_IF_ERROR(connection_.Execute(
      absl::StrCat("CREATE OR REPLACE TEMP TABLE ", gone, " (position BIGINT)")));
  for (size_t begin = 0; begin < duplicates.size(); begin += 100'000) {
    std::string list = "[";
    for (size_t i = begin; i < std::min(begin + 100'000, duplicates.size()); ++i) {
      absl::StrAppend(&list, i == begin ? "" : ",", duplicates[i]);
    }
    TARN_RETURN_IF_ERROR(connection_
                             .Query(absl::StrCat("INSERT INTO ", gone,
                                                 " SELECT unnest(CAST($1::VARCHAR AS BIGINT[]))"),
                                    {duckdb::Value(list + "]")})
                             .status());
  }
  source_ = absl::StrCat(
      "(SELECT ", ColumnList(columns), ", __tarn_state FROM ", source_,
      " AS \"__tarn_row\" WHERE \"__tarn_position\" NOT IN (SELECT position FROM ", gone, "))");
  return absl::OkStatus();
}

void ActivityRunner::Refuse(const ActivityStep& step, uint64_t position, const char* reason,
                            const std::string& message) {
  outcome_.refused.push_back({static_cast<int64_t>(position), step.index, step.label, reason,
                              absl::StrCat(step.label, ": ", message)});
}

absl::Status ActivityRunner::Call(const std::vector<ActivityColumn>& columns,
                                  const ActivityStep& step, const CallStep& call) {
  std::string list;
  for (const ActivityColumn& column : columns) {
    absl::StrAppend(&list, ", ", QuoteIdentifier(column.field.name()));
  }
  Exchange exchange;
  {
    TARN_ASSIGN_OR_RETURN(
        duckdb::ResultStream stream,
        connection_.Stream(absl::StrCat("SELECT \"__tarn_position\", epoch_us(\"_ingested_at\")",
                                        list, " FROM ", source_,
                                        " AS \"__tarn_row\" ORDER BY \"__tarn_position\"")));
    while (true) {
      TARN_ASSIGN_OR_RETURN(const std::optional<duckdb::Chunk> chunk, stream.Next());
      if (!chunk) break;
      for (uint64_t row = 0; row < chunk->size(); ++row) {
        std::string json = RowAsJson(*chunk, row, 2);
        if (!exchange.sent.empty() &&
            (static_cast<int>(exchange.sent.size()) >= call.call.max_rows() ||
             exchange.bytes + json.size() > kMaxCallBytes)) {
          TARN_RETURN_IF_ERROR(Send(step, call, exchange));
        }
        exchange.bytes += json.size();
        exchange.request.add_rows(std::move(json));
        exchange.sent.push_back({static_cast<uint64_t>(chunk->column(0).Int64(row)),
                                 absl::FromUnixMicros(chunk->column(1).Int64(row)),
                                 {}});
      }
    }
  }
  if (!exchange.sent.empty()) TARN_RETURN_IF_ERROR(Send(step, call, exchange));
  table_schema::Fields fields;
  for (const ActivityColumn& column : step.columns) *fields.Add() = column.field;
  const std::string table = NextTable();
  TARN_ASSIGN_OR_RETURN(const std::vector<Misfit> misfits,
                        LoadRecords(connection_, table, fields, exchange.returned));
  for (const Misfit& misfit : misfits) {
    Refuse(step, exchange.returned[misfit.index].position, kFunctionRefused,
           absl::StrCat("the row that the function gave does not fit: ", misfit.error.message));
  }
  source_ = absl::StrCat("(SELECT *, 0 AS __tarn_state FROM ", table, ")");
  return absl::OkStatus();
}

absl::Status ActivityRunner::Send(const ActivityStep& step, const CallStep& call,
                                  Exchange& exchange) {
  v1::TransformBatchRequest request = std::move(exchange.request);
  const std::vector<ArrivedRecord> sent = std::move(exchange.sent);
  exchange.request.Clear();
  exchange.sent.clear();
  exchange.bytes = 0;
  request.set_workspace(scope_.workspace);
  request.set_stream(scope_.stream);
  request.set_activity(step.label);
  *request.mutable_columns() = call.input;
  absl::StatusOr<v1::TransformBatchResponse> response =
      environment_.functions->Transform(call.call, request);
  if (!response.ok()) {
    if (!IsRefusal(response.status())) return response.status();
    for (const ArrivedRecord& record : sent) {
      Refuse(step, record.position, kFunctionRefused, std::string(response.status().message()));
    }
    return absl::OkStatus();
  }
  for (size_t row = 0; row < sent.size(); ++row) {
    v1::TransformResult& result = *response->mutable_results(static_cast<int>(row));
    if (result.result_case() == v1::TransformResult::kDrop) {
      ++outcome_.dropped;
    } else if (result.result_case() == v1::TransformResult::kRefusal) {
      Refuse(step, sent[row].position, kFunctionRefused,
             result.refusal().substr(0, kMaxRefusalBytes));
    } else if (result.result_case() != v1::TransformResult::kRow) {
      Refuse(step, sent[row].position, kFunctionRefused, "the function gave no result for the row");
    } else {
      exchange.bodies.push_back(std::move(*result.mutable_row()));
      exchange.returned.push_back({sent[row].position, sent[row].time, exchange.bodies.back()});
    }
  }
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
