#include "services/ingestion/delivery/destination_table.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/schema_growth.h"
#include "common/table_schema/system_columns.h"
#include "services/ingestion/record/schema_learner.h"
#include "services/ingestion/stream/stream_definition.h"

namespace tarn::ingestion {
namespace {

using catalog::v1::Table;

// The system columns for which `present` has room, behind `fields`. A column that somebody gave
// such a name keeps it.
void AddSystemColumns(const table_schema::Fields& present, table_schema::Fields& fields) {
  for (const std::string_view name :
       {table_schema::kIngestedAtColumn, table_schema::kCommittedAtColumn}) {
    const bool taken =
        std::any_of(present.begin(), present.end(), [&](const table_schema::Field& field) {
          return absl::EqualsIgnoreCase(field.name(), absl::string_view(name.data(), name.size()));
        });
    if (taken) continue;
    table_schema::Field& field = *fields.Add();
    field.set_name(std::string(name));
    field.set_type(std::string(table_schema::kSystemColumnType));
  }
}

const table_schema::Field* FindColumn(const table_schema::Fields& fields, const std::string& name) {
  const auto found = std::find_if(
      fields.begin(), fields.end(),
      [&](const table_schema::Field& field) { return absl::EqualsIgnoreCase(field.name(), name); });
  return found == fields.end() ? nullptr : &*found;
}

// What is declared, and integers that are known to stay such, are learnt no more of.
void KeepDeclared(const table_schema::Fields& declared, const std::set<int>& integers,
                  table_schema::Fields& fields) {
  for (table_schema::Field& field : fields) {
    const table_schema::Field* declaration = FindColumn(declared, field.name());
    if (declaration != nullptr || integers.contains(field.id())) field.set_learnt(false);
    KeepDeclared(declaration == nullptr ? table_schema::Fields() : declaration->fields(), integers,
                 *field.mutable_fields());
  }
}

// The columns of a table that is to be made: a field called like the column that captures is
// captured.
table_schema::Fields LearntColumns(const v1::Stream& definition, const SchemaLearner& learner) {
  const std::optional<table_schema::Field> capture = CaptureColumn(definition);
  table_schema::Fields columns;
  for (table_schema::Field& field : learner.Columns()) {
    if (!capture || !absl::EqualsIgnoreCase(field.name(), capture->name())) {
      *columns.Add() = std::move(field);
    }
  }
  return columns;
}

}  // namespace

bool IsMissingTable(const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  return reason == "TABLE_NOT_FOUND" || reason == "DATABASE_NOT_FOUND";
}

absl::Status DestinationTable::Ensure(const Stream& stream, const v1::Destination& destination,
                                      const table_schema::Fields& columns,
                                      const WalRecords& batch) {
  if (table_) return absl::OkStatus();
  absl::StatusOr<Table> table = catalog_.GetTable(stream, destination.table());
  if (IsMissingTable(table.status())) {
    Table wanted;
    wanted.set_name(destination.table());
    wanted.set_type(catalog::v1::TABLE_TYPE_MANAGED);
    wanted.set_comment(stream.definition.comment());
    *wanted.mutable_partition_fields() = destination.partition_fields();
    *wanted.mutable_sort_fields() = destination.sort_fields();
    *wanted.mutable_schema()->mutable_fields() = columns;
    if (columns.empty()) {
      SchemaLearner learner;
      for (const WalRecord& record : batch.records) learner.Observe(record.payload);
      *wanted.mutable_schema()->mutable_fields() = LearntColumns(stream.definition, learner);
    }
    if (wanted.schema().fields().empty()) return absl::OkStatus();
    const table_schema::Fields present = wanted.schema().fields();
    AddSystemColumns(present, *wanted.mutable_schema()->mutable_fields());
    table = catalog_.CreateTable(stream, wanted);
    if (table.status().code() == absl::StatusCode::kAlreadyExists) {
      table = catalog_.GetTable(stream, destination.table());
    }
    if (!table.ok()) return Annotate(table.status(), "making the table");
  }
  if (!table.ok()) return Annotate(table.status(), "reading the table");
  if (table->type() != catalog::v1::TABLE_TYPE_MANAGED) {
    return FailedPrecondition("TABLE_NOT_MANAGED",
                              absl::StrCat(table->name(),
                                           " is no managed table; a stream delivers to "
                                           "managed tables only"));
  }
  table_ = *std::move(table);
  return absl::OkStatus();
}

void DestinationTable::AssignIds() {
  const int taken = table_schema::LargestFieldId(table_->schema().fields());
  table_schema::AssignFieldIds(grown_, std::max(taken, field_id_floor_));
}

void DestinationTable::BeginBatch(const table_schema::Fields& declared) {
  grown_ = table_->schema().fields();
  if (integers_of_ != table_->uid()) integers_.clear();
  integers_of_ = table_->uid();
  KeepDeclared(declared, integers_, grown_);
  AddSystemColumns(table_->schema().fields(), grown_);
  AssignIds();
}

absl::Status DestinationTable::AddCaptureColumn(const table_schema::Field& column) {
  const table_schema::Field* present = FindColumn(grown_, column.name());
  if (present == nullptr) {
    *grown_.Add() = column;
    AssignIds();
    return absl::OkStatus();
  }
  if (present->name() == column.name() && table_schema::SameType(*present, column)) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "CAPTURE_COLUMN_TYPE",
      absl::StrCat("the stream keeps unknown fields in a column \"", column.name(),
                   "\" of type string, but ", table_->name(), " has a column \"", present->name(),
                   "\" of type ", table_schema::DisplayTypeOf(*present),
                   "; name another as the stream's capture_column"));
}

absl::Status DestinationTable::AddColumns(const table_schema::Fields& columns) {
  for (const table_schema::Field& wanted : columns) {
    const table_schema::Field* present = nullptr;
    for (const table_schema::Field& field : grown_) {
      if (field.name() == wanted.name()) present = &field;
    }
    if (present == nullptr) {
      *grown_.Add() = wanted;
    } else if (!table_schema::SameType(*present, wanted)) {
      return FailedPrecondition(
          "OUTPUT_TYPE_DIFFERS",
          absl::StrCat("column \"", wanted.name(), "\" comes out of the activities as ",
                       table_schema::DisplayTypeOf(wanted), ", but ", table_->name(), " has it as ",
                       table_schema::DisplayTypeOf(*present),
                       "; convert it in an activity, or call it otherwise"));
    }
  }
  AssignIds();
  return absl::OkStatus();
}

absl::StatusOr<bool> DestinationTable::Learn(const Stream& stream,
                                             const std::vector<ArrivedRecord>& records,
                                             const std::vector<Misfit>& misfits) {
  SchemaLearner learner(grown_);
  for (const Misfit& misfit : misfits) {
    if (misfit.error.teaches) learner.Observe(records[misfit.index].payload);
  }
  if (!learner.has_learnt()) return false;
  table_schema::Fields learnt = learner.Columns();
  const table_schema::SchemaGrowth growth =
      table_schema::GrowthBetween(table_->schema().fields(), learnt);
  if (!growth.widened_fields.empty()) {
    TARN_ASSIGN_OR_RETURN(const bool widened, Widen(stream, growth));
    if (!widened) {
      KeepDeclared({}, integers_, grown_);
      return true;
    }
  }
  grown_ = std::move(learnt);
  AssignIds();
  return true;
}

absl::StatusOr<bool> DestinationTable::Widen(const Stream& stream,
                                             const table_schema::SchemaGrowth& growth) {
  catalog::v1::CommitTableRequest commit;
  commit.set_table(table_->name());
  commit.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  commit.set_request_id(absl::StrCat("widen:", NewUuid()));
  (*commit.mutable_summary())["stream"] = stream.name();
  *commit.mutable_widened_fields() = growth.widened_fields;
  absl::StatusOr<Table> table = catalog_.Commit(stream, commit);
  if (ErrorReason(table.status()) == "WIDENING_INEXACT") {
    int field_id = 0;
    if (absl::SimpleAtoi(ErrorMetadataOf(table.status())["field_id"], &field_id)) {
      integers_.insert(field_id);
      return false;
    }
  }
  if (!table.ok()) {
    Forget();
    return Annotate(table.status(), "widening columns of the table");
  }
  table_ = *std::move(table);
  return true;
}

Table DestinationTable::TableToWrite() const {
  Table table = *table_;
  *table.mutable_schema()->mutable_fields() = grown_;
  return table;
}

void DestinationTable::DescribeGrowth(catalog::v1::CommitTableRequest& commit) const {
  table_schema::SchemaGrowth growth =
      table_schema::GrowthBetween(table_->schema().fields(), grown_);
  *commit.mutable_added_columns() = std::move(growth.added_columns);
  *commit.mutable_added_fields() = std::move(growth.added_fields);
  *commit.mutable_widened_fields() = std::move(growth.widened_fields);
}

void DestinationTable::HasChanged() {
  field_id_floor_ = std::max(field_id_floor_, table_schema::LargestFieldId(grown_)) + 16;
  Forget();
}

}  // namespace tarn::ingestion
