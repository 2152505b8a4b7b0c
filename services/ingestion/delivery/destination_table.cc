#include "services/ingestion/delivery/destination_table.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/system_columns.h"
#include "services/ingestion/record/record_matcher.h"
#include "services/ingestion/record/schema_learner.h"

namespace tarn::ingestion {
namespace {

using catalog::v1::Table;

int LargestId(const table_schema::Fields& fields) {
  int largest = 0;
  for (const table_schema::Field& field : fields) {
    largest = std::max({largest, field.id(), LargestId(field.fields())});
  }
  return largest;
}

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
      SchemaLearner learner(SchemaLearner::Scope::kWholeRecord, {});
      for (const WalRecord& record : batch.records) learner.Observe(record.payload);
      *wanted.mutable_schema()->mutable_fields() = learner.Columns();
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
  table_schema::AssignFieldIds(added_columns_,
                               std::max(LargestId(table_->schema().fields()), field_id_floor_));
}

void DestinationTable::BeginBatch() {
  added_columns_.Clear();
  AddSystemColumns(table_->schema().fields(), added_columns_);
  AssignIds();
}

absl::Status DestinationTable::AddColumns(const table_schema::Fields& columns) {
  for (const table_schema::Field& wanted : columns) {
    const table_schema::Field* present = nullptr;
    for (const table_schema::Field& field : table_->schema().fields()) {
      if (field.name() == wanted.name()) present = &field;
    }
    if (present == nullptr) {
      *added_columns_.Add() = wanted;
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

bool DestinationTable::Learn(const std::vector<ArrivedRecord>& records,
                             const std::vector<Misfit>& misfits) {
  SchemaLearner learner(SchemaLearner::Scope::kNewFields, TableToWrite().schema().fields());
  for (const Misfit& misfit : misfits) {
    if (misfit.error.reason == kUnknownField) learner.Observe(records[misfit.index].payload);
  }
  table_schema::Fields learnt = learner.Columns();
  if (learnt.empty()) return false;
  added_columns_.MergeFrom(learnt);
  AssignIds();
  return true;
}

Table DestinationTable::TableToWrite() const {
  Table table = *table_;
  table.mutable_schema()->mutable_fields()->MergeFrom(added_columns_);
  return table;
}

void DestinationTable::IdsAreTaken(const table_schema::Fields& added) {
  field_id_floor_ = std::max(field_id_floor_, LargestId(added)) + 16;
  Forget();
}

}  // namespace tarn::ingestion
