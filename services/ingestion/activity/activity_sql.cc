#include "services/ingestion/activity/activity_sql.h"

#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"

namespace tarn::ingestion {
namespace {

using duckdb::QuoteIdentifier;

constexpr char kHidden[] = "\"__tarn_position\", \"_ingested_at\"";

// The FROM of a step: its rows, joined to its relation.
std::string FromSql(const std::string& rows, const StepToRun& step) {
  if (step.relation_table.empty()) return absl::StrCat(rows, " AS \"__tarn_row\"");
  std::string on;
  for (size_t i = 0; i < step.sql->relation->key_count; ++i) {
    absl::StrAppend(&on, on.empty() ? "" : " AND ", step.sql->relation->row_keys[i],
                    " = \"__tarn_relation\".\"__tarn_r", i, "\"");
  }
  return absl::StrCat(rows, " AS \"__tarn_row\" LEFT JOIN ", step.relation_table,
                      " AS \"__tarn_relation\" ON ", on);
}

bool Misses(const StepToRun& step, v1::MissingPolicy policy) {
  return !step.relation_table.empty() && step.sql->relation->missing == policy;
}

// The condition under which the guarded expression is evaluated for a row.
std::string LiveSql(const StepToRun& step) {
  std::string live = "__tarn_state = 0";
  if (!step.relation_table.empty()) absl::StrAppend(&live, " AND __tarn_hit");
  if (!step.sql->check.empty()) absl::StrAppend(&live, " AND ", step.sql->check);
  return live;
}

std::string StateSql(const StepToRun& step) {
  const int failed = FailedState(*step.step);
  std::string sql = "CASE WHEN __tarn_state <> 0 THEN __tarn_state";
  if (!step.relation_table.empty()) {
    // No hit: refused, dropped, or through with NULLs.
    const int outcome = Misses(step, v1::MISSING_POLICY_REFUSE) ? failed
                        : Misses(step, v1::MISSING_POLICY_DROP) ? kDropped
                                                                : 0;
    absl::StrAppend(&sql, " WHEN __tarn_hit IS NULL THEN ", outcome);
  }
  absl::StrAppend(&sql, " WHEN __tarn_try IS NULL THEN ", failed);
  if (!step.sql->keep.empty()) {
    absl::StrAppend(&sql, " WHEN NOT ", step.sql->keep, " THEN ", kDropped);
  }
  return absl::StrCat(sql, " ELSE 0 END AS __tarn_state");
}

std::string StepSql(const std::string& rows, const std::vector<ActivityColumn>& before,
                    const StepToRun& step) {
  std::string select;
  for (size_t i = 0; i < step.sql->select.size(); ++i) {
    absl::StrAppend(&select, step.sql->select[i], " AS ",
                    QuoteIdentifier(step.step->columns[i].field.name()), ", ");
  }
  if (step.sql->guarded.empty()) {
    return absl::StrCat("SELECT ", select, kHidden, ", __tarn_state FROM ", rows,
                        " AS \"__tarn_row\"");
  }
  std::string hit;
  if (!step.relation_table.empty()) hit = ", \"__tarn_relation\".__tarn_hit AS __tarn_hit";
  const std::string inner =
      absl::StrCat("SELECT ", ColumnList(before), ", __tarn_state", hit, ", CASE WHEN ",
                   LiveSql(step), " THEN TRY(struct_pack(v := ", step.sql->guarded,
                   ")) END AS __tarn_try FROM ", FromSql(rows, step));
  return absl::StrCat("SELECT ", select, kHidden, ", ", StateSql(step), " FROM (", inner,
                      ") AS \"__tarn_tried\"");
}

// The one row of `source` at `position`, with its relation.
std::string CulpritRow(const std::string& source, const StepToRun& step, int64_t position) {
  return FromSql(
      absl::StrCat("(SELECT * FROM ", source, " WHERE \"__tarn_position\" = ", position, ")"),
      step);
}

}  // namespace

std::string ColumnList(const std::vector<ActivityColumn>& columns) {
  std::string list;
  for (const ActivityColumn& column : columns) {
    absl::StrAppend(&list, QuoteIdentifier(column.field.name()), ", ");
  }
  return absl::StrCat(list, kHidden);
}

std::string FoldedSql(const std::string& source, const std::vector<ActivityColumn>& columns,
                      const std::vector<StepToRun>& steps) {
  std::string rows = source;
  std::string sql = absl::StrCat("SELECT ", ColumnList(columns), ", __tarn_state FROM ", source);
  const std::vector<ActivityColumn>* before = &columns;
  for (const StepToRun& step : steps) {
    sql = StepSql(rows, *before, step);
    rows = absl::StrCat("(", sql, ")");
    before = &step.step->columns;
  }
  return sql;
}

std::string CulpritSql(const std::string& source, const StepToRun& step, int64_t position) {
  return absl::StrCat("SELECT ", step.sql->guarded, " FROM ", CulpritRow(source, step, position));
}

std::string CulpritReasonSql(const std::string& source, const StepToRun& step, int64_t position) {
  return absl::StrCat("SELECT ", step.relation_table.empty() ? "false" : "__tarn_hit IS NULL", ", ",
                      step.sql->check.empty() ? "false" : absl::StrCat("NOT ", step.sql->check),
                      " FROM ", CulpritRow(source, step, position));
}

}  // namespace tarn::ingestion
