#include <algorithm>
#include <array>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/duckdb/sql_text.h"
#include "common/names/names.h"
#include "common/status/status_macros.h"
#include "services/ingestion/activity/activity_compiler.h"
#include "services/ingestion/record/stream_columns.h"

// The activities that bring in something from outside of the row: the registry, tables, the rows
// before, functions.
namespace tarn::ingestion {
namespace {

using duckdb::QuoteIdentifier;
using duckdb::QuoteLiteral;
using table_schema::LogicalTypeOf;

// The value of the step's guarded expression.
constexpr char kValue[] = "struct_extract(__tarn_try, 'v')";

constexpr absl::Duration kDefaultRefresh = absl::Minutes(5);
constexpr absl::Duration kDefaultWindow = absl::Hours(1);
constexpr absl::Duration kDefaultCallTimeout = absl::Seconds(10);

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// Whether values of the two are equal or not without a cast that may fail.
bool AreComparable(const duckdb::LogicalType& a, const duckdb::LogicalType& b) {
  if (a.IsNumeric() && b.IsNumeric()) return true;
  return a.kind == b.kind && !a.IsNested();
}

}  // namespace

absl::Duration WindowOf(const v1::DeduplicateActivity& deduplicate) {
  return deduplicate.has_window() ? DurationOf(deduplicate.window()) : kDefaultWindow;
}

absl::Status ActivityCompiler::Enrich(const v1::EnrichActivity& enrich, SqlStep& step) {
  TARN_ASSIGN_OR_RETURN(const size_t device, Find("device", enrich.device()));
  if (columns_[device].field.type() != "string") {
    return Bad("device", absl::StrCat("is no text, but ",
                                      table_schema::DisplayTypeOf(columns_[device].field)));
  }
  if (enrich.columns().empty() || enrich.columns_size() > 100) {
    return Bad("columns", "1 to 100 columns are needed");
  }
  TARN_RETURN_IF_ERROR(CheckMissing("missing", enrich.missing()));
  if (relations_ == nullptr) return Bad("", "there is no device registry here");
  static constexpr auto kTypes = std::to_array<std::string_view>(
      {"string", "long", "double", "boolean", "timestamptz", "date"});
  PassAll(step);
  std::string values;
  for (int i = 0; i < enrich.columns_size(); ++i) {
    const v1::EnrichedColumn& wanted = enrich.columns(i);
    const std::string field = absl::StrCat("columns[", i, "]");
    TARN_RETURN_IF_ERROR(CheckNewName(absl::StrCat(field, ".column"), wanted.column(), next_));
    const std::string type = wanted.type().empty() ? "string" : wanted.type();
    if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
      return Bad(absl::StrCat(field, ".type"),
                 "must be string, long, double, boolean, timestamptz or date");
    }
    std::vector<std::string> path = absl::StrSplit(wanted.from(), '.');
    const bool has_blank =
        std::any_of(path.begin(), path.end(), [](const std::string& part) { return part.empty(); });
    std::string text;
    if (path.size() == 1 && path[0] == "type") {
      text = "\"__tarn_r1\"";
    } else if (path.size() > 1 && !has_blank && wanted.from().find('"') == std::string::npos &&
               wanted.from().size() <= 255 && path[0] == "attributes") {
      std::string pointer = "$";
      for (size_t part = 1; part < path.size(); ++part) {
        absl::StrAppend(&pointer, ".\"", path[part], "\"");
      }
      text = absl::StrCat("json_extract_string(\"__tarn_r2\", ", QuoteLiteral(pointer), ")");
    } else {
      return Bad(absl::StrCat(field, ".from"), "must be type or attributes.<name>");
    }
    ActivityColumn column = MakeColumn(wanted.column(), type);
    absl::StrAppend(&values, values.empty() ? "" : ", ", "c", i, " := CAST(", text, " AS ",
                    table_schema::EngineTypeOf(column.field), ")");
    next_.push_back(std::move(column));
    step.select.push_back(absl::StrCat("struct_extract(", kValue, ", 'c", i, "')"));
  }
  step.guarded = absl::StrCat("struct_pack(", values, ")");
  step.relation = JoinedRelation{.key_count = 1,
                                 .row_keys = {QuoteIdentifier(columns_[device].field.name())},
                                 .missing = enrich.missing() == v1::MISSING_POLICY_UNSPECIFIED
                                                ? v1::MISSING_POLICY_NULLS
                                                : enrich.missing()};
  return absl::OkStatus();
}

absl::Status ActivityCompiler::Lookup(const v1::LookupActivity& lookup, SqlStep& step) {
  const auto table = names::ParseTable(lookup.table());
  if (!table.ok()) return Bad("table", "must be databases/{database}/tables/{table}");
  if (lookup.keys().empty() || lookup.keys_size() > 10) {
    return Bad("keys", "1 to 10 keys are needed");
  }
  if (lookup.columns().empty() || lookup.columns_size() > 100) {
    return Bad("columns", "1 to 100 columns are needed");
  }
  TARN_RETURN_IF_ERROR(CheckMissing("missing", lookup.missing()));
  JoinedRelation relation{
      .table = lookup.table(),
      .key_count = static_cast<size_t>(lookup.keys_size()),
      .refresh_interval =
          lookup.has_refresh_interval() ? DurationOf(lookup.refresh_interval()) : kDefaultRefresh,
      .missing = lookup.missing() == v1::MISSING_POLICY_UNSPECIFIED ? v1::MISSING_POLICY_NULLS
                                                                    : lookup.missing()};
  if (relation.refresh_interval < absl::Seconds(10) ||
      relation.refresh_interval > absl::Hours(24)) {
    return Bad("refresh_interval", "must be 10s to 86400s");
  }
  if (relations_ == nullptr) return Bad("", "tables cannot be looked up here");
  std::vector<size_t> key_columns;
  for (int i = 0; i < lookup.keys_size(); ++i) {
    TARN_ASSIGN_OR_RETURN(const size_t at,
                          Find(absl::StrCat("keys[", i, "].column"), lookup.keys(i).column()));
    key_columns.push_back(at);
    relation.row_keys.push_back(QuoteIdentifier(columns_[at].field.name()));
    relation.table_columns.push_back(lookup.keys(i).table_column().empty()
                                         ? columns_[at].field.name()
                                         : lookup.keys(i).table_column());
  }
  for (const v1::LookupColumn& column : lookup.columns()) {
    relation.table_columns.push_back(column.table_column());
  }
  const auto fields = relations_->DescribeTable(scope_.workspace, scope_.owner, lookup.table(),
                                                relation.table_columns);
  switch (fields.status().code()) {
    case absl::StatusCode::kOk:
      break;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
      return Bad("table", std::string(fields.status().message()));
    default:
      return Annotate(fields.status(), absl::StrCat("asking for the columns of ", lookup.table()));
  }
  for (size_t i = 0; i < key_columns.size(); ++i) {
    const duckdb::LogicalType type = LogicalTypeOf((*fields)[static_cast<int>(i)]);
    if (!AreComparable(columns_[key_columns[i]].type, type)) {
      return Bad(absl::StrCat("keys[", i, "]"),
                 absl::StrCat("the row's column is ",
                              table_schema::DisplayTypeOf(columns_[key_columns[i]].field),
                              ", the table's ",
                              table_schema::DisplayTypeOf((*fields)[static_cast<int>(i)]),
                              "; compute a column of the same type first"));
    }
  }
  PassAll(step);
  std::string values;
  for (int i = 0; i < lookup.columns_size(); ++i) {
    const v1::LookupColumn& wanted = lookup.columns(i);
    const std::string field = absl::StrCat("columns[", i, "]");
    const std::string name = wanted.column().empty() ? wanted.table_column() : wanted.column();
    TARN_RETURN_IF_ERROR(CheckNewName(absl::StrCat(field, ".column"), name, next_));
    ActivityColumn column;
    column.field = (*fields)[lookup.keys_size() + i];
    if (!column.field.fields().empty() || column.field.type() == "binary") {
      return Bad(absl::StrCat(field, ".table_column"),
                 absl::StrCat("is ", table_schema::DisplayTypeOf(column.field),
                              "; a look-up brings plain values"));
    }
    column.field.set_name(name);
    column.field.set_id(0);
    column.field.set_required(false);
    column.type = LogicalTypeOf(column.field);
    absl::StrAppend(&values, values.empty() ? "" : ", ", "c", i, " := \"__tarn_r",
                    lookup.keys_size() + i, "\"");
    next_.push_back(std::move(column));
    step.select.push_back(absl::StrCat("struct_extract(", kValue, ", 'c", i, "')"));
  }
  step.guarded = absl::StrCat("struct_pack(", values, ")");
  step.relation = std::move(relation);
  return absl::OkStatus();
}

absl::StatusOr<DeduplicateStep> ActivityCompiler::Deduplicate(
    const v1::DeduplicateActivity& deduplicate) {
  if (deduplicate.key().empty() || deduplicate.key_size() > 20) {
    return Bad("key", "1 to 20 columns are needed");
  }
  DeduplicateStep step;
  for (int i = 0; i < deduplicate.key_size(); ++i) {
    const std::string field = absl::StrCat("key[", i, "]");
    TARN_ASSIGN_OR_RETURN(const size_t at, Find(field, deduplicate.key(i)));
    const std::string& name = columns_[at].field.name();
    if (std::find(step.key.begin(), step.key.end(), name) != step.key.end()) {
      return Bad(field, "stands twice");
    }
    step.key.push_back(name);
  }
  step.window = WindowOf(deduplicate);
  if (step.window < absl::Seconds(1) || step.window > absl::Hours(7 * 24)) {
    return Bad("window", "must be 1s to 604800s");
  }
  return step;
}

absl::StatusOr<CallStep> ActivityCompiler::Call(const v1::CallActivity& call) {
  CallStep step{.call = call};
  for (const ActivityColumn& column : columns_) *step.input.Add() = column.field;
  if (!call.has_timeout()) {
    step.call.mutable_timeout()->set_seconds(absl::ToInt64Seconds(kDefaultCallTimeout));
  }
  const absl::Duration timeout = DurationOf(step.call.timeout());
  if (timeout < absl::Milliseconds(100) || timeout > absl::Seconds(60)) {
    return Bad("timeout", "must be 0.1s to 60s");
  }
  if (call.max_attempts() == 0) step.call.set_max_attempts(3);
  if (step.call.max_attempts() < 1 || step.call.max_attempts() > 10) {
    return Bad("max_attempts", "must be 1 to 10");
  }
  if (call.max_rows() == 0) step.call.set_max_rows(1000);
  if (step.call.max_rows() < 1 || step.call.max_rows() > 10'000) {
    return Bad("max_rows", "must be 1 to 10000");
  }
  table_schema::Fields returned = call.columns();
  if (returned.empty()) returned = step.input;
  TARN_RETURN_IF_ERROR(CheckStreamColumns(absl::StrCat(at_, ".columns"), returned));
  next_.clear();
  for (int i = 0; i < returned.size(); ++i) {
    TARN_RETURN_IF_ERROR(
        CheckNewName(absl::StrCat("columns[", i, "].name"), returned[i].name(), next_));
    ActivityColumn column{.field = returned[i]};
    column.field.set_id(0);
    column.type = LogicalTypeOf(column.field);
    next_.push_back(std::move(column));
  }
  return step;
}

}  // namespace tarn::ingestion
