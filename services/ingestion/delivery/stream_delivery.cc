#include "services/ingestion/delivery/stream_delivery.h"

#include <algorithm>
#include <unordered_map>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/duckdb/database.h"
#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/lake/parquet_writer.h"
#include "common/logging/logging.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/system_columns.h"
#include "services/ingestion/record/record_matcher.h"
#include "services/ingestion/record/schema_learner.h"
#include "services/ingestion/stream/stream_pipeline.h"
#include "services/ingestion/wal/log_id.h"

namespace tarn::ingestion {
namespace {

using catalog::v1::DataFile;
using catalog::v1::Table;

int LargestId(const table_schema::Fields& fields) {
  int largest = 0;
  for (const table_schema::Field& field : fields) {
    largest = std::max({largest, field.id(), LargestId(field.fields())});
  }
  return largest;
}

// Field ids of the leaves by dotted path, as the statistics of a written file name them.
void CollectIds(const table_schema::Fields& fields, std::vector<std::string>& path,
                std::unordered_map<std::string, int>& ids) {
  for (const table_schema::Field& field : fields) {
    path.push_back(field.name());
    ids[absl::StrJoin(path, "\x1f")] = field.id();
    CollectIds(field.fields(), path, ids);
    path.pop_back();
  }
}

DataFile ToDataFile(const lake::WrittenFile& file, const std::string& relative_path,
                    const std::unordered_map<std::string, int>& ids) {
  DataFile data;
  data.set_path(relative_path);
  data.set_row_count(static_cast<int64_t>(file.row_count));
  data.set_byte_count(static_cast<int64_t>(file.bytes));
  for (const lake::PartitionValue& partition : file.partition) {
    auto* value = data.add_partition();
    value->set_name(partition.name);
    if (partition.value) value->set_value(*partition.value);
  }
  for (const lake::ColumnStats& column : file.columns) {
    const auto id = ids.find(absl::StrJoin(column.path, "\x1f"));
    if (id == ids.end()) continue;
    auto* stats = data.add_columns();
    stats->set_field_id(id->second);
    if (column.null_count) stats->set_null_count(static_cast<int64_t>(*column.null_count));
    if (column.lower) stats->set_lower_bound(*column.lower);
    if (column.upper) stats->set_upper_bound(*column.upper);
  }
  return data;
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

// Whether the same request is worth sending again: nobody knows whether it was done, or the other
// side is not well.
bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return true;
    default:
      return false;
  }
}

// Not just any NOT_FOUND: the stream's owner may be what is gone.
bool IsMissingTable(const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  return reason == "TABLE_NOT_FOUND" || reason == "DATABASE_NOT_FOUND";
}

}  // namespace

StreamDelivery::StreamDelivery(const DeliveryDependencies& dependencies, std::string stream_uid)
    : deps_(dependencies), uid_(std::move(stream_uid)), log_id_(LogIdOf(deps_.wal.uuid(), uid_)) {}

absl::StatusOr<bool> StreamDelivery::DeliverBatch(const Stream& stream) {
  if (!resumed_) TARN_RETURN_IF_ERROR(Resume(stream));
  if (!prepared_) {
    TARN_ASSIGN_OR_RETURN(
        const WalRecords batch,
        deps_.wal.Read(uid_, position_,
                       static_cast<uint64_t>(std::min(batch_bytes_, stream.max_bytes()))));
    if (batch.records.empty()) return false;
    TARN_RETURN_IF_ERROR(EnsurePipeline(stream));
    TARN_RETURN_IF_ERROR(EnsureTable(stream, batch));
    TARN_ASSIGN_OR_RETURN(const uint64_t end, Prepare(stream, batch));
    if (!prepared_) {
      TARN_RETURN_IF_ERROR(Advance(stream, end, false));
      return true;
    }
  }
  TARN_RETURN_IF_ERROR(CommitPrepared(stream));
  return true;
}

absl::Status StreamDelivery::Resume(const Stream& stream) {
  TARN_ASSIGN_OR_RETURN(DeliveryState state,
                        deps_.store.ResumeDelivery(uid_, log_id_, deps_.wal.uuid()));
  absl::StatusOr<std::optional<uint64_t>> committed = deps_.catalog.GetLogPosition(stream, log_id_);
  if (!committed.ok() && !IsMissingTable(committed.status())) {
    return Annotate(committed.status(), "asking the catalog for the log's position");
  }
  // Neither table nor position: the first range of a table begins at 0.
  committed_position_ = committed.ok() ? committed->value_or(0) : 0;
  position_ = std::max(state.delivered_position, committed_position_);
  if (position_ > state.delivered_position) {
    TARN_RETURN_IF_ERROR(deps_.store.SetDelivered(deps_.lease, uid_, log_id_, position_, true));
  }
  dead_ = std::move(state.dead_letters);
  dead_.erase(dead_.begin(), dead_.lower_bound(position_));
  deps_.wal.SetDelivered(stream.workspace, uid_, position_);
  table_.reset();
  prepared_.reset();
  resumed_ = true;
  return absl::OkStatus();
}

absl::Status StreamDelivery::EnsureTable(const Stream& stream, const WalRecords& batch) {
  if (!table_) {
    absl::StatusOr<Table> table = deps_.catalog.GetTable(stream);
    if (table.ok()) {
      table_ = *std::move(table);
    } else if (!IsMissingTable(table.status())) {
      return Annotate(table.status(), "reading the table");
    } else {
      Table wanted;
      wanted.set_name(stream.definition.table());
      wanted.set_type(catalog::v1::TABLE_TYPE_MANAGED);
      wanted.set_comment(stream.definition.comment());
      *wanted.mutable_partition_fields() = stream.partition_fields();
      *wanted.mutable_schema()->mutable_fields() =
          pipeline_ != nullptr ? pipeline_->output() : stream.definition.columns();
      if (stream.definition.columns().empty()) {
        SchemaLearner learner(SchemaLearner::Scope::kWholeRecord, {});
        for (const WalRecord& record : batch.records) learner.Observe(record.payload);
        *wanted.mutable_schema()->mutable_fields() = learner.Columns();
      }
      if (wanted.schema().fields().empty()) return absl::OkStatus();
      const table_schema::Fields present = wanted.schema().fields();
      AddSystemColumns(present, *wanted.mutable_schema()->mutable_fields());
      absl::StatusOr<Table> created = deps_.catalog.CreateTable(stream, wanted);
      if (created.status().code() == absl::StatusCode::kAlreadyExists) {
        created = deps_.catalog.GetTable(stream);
      }
      if (!created.ok()) return Annotate(created.status(), "making the table");
      table_ = *std::move(created);
    }
    if (table_->type() != catalog::v1::TABLE_TYPE_MANAGED) {
      const std::string name = table_->name();
      table_.reset();
      return FailedPrecondition("TABLE_NOT_MANAGED",
                                absl::StrCat(name,
                                             " is no managed table; a stream delivers to "
                                             "managed tables only"));
    }
  }
  return absl::OkStatus();
}

absl::Status StreamDelivery::EnsurePipeline(const Stream& stream) {
  if (pipeline_revision_ == stream.revision) return absl::OkStatus();
  absl::StatusOr<std::shared_ptr<const ActivityPipeline>> pipeline =
      CompilePipeline(stream.definition, stream.workspace, stream.owner, deps_.activities);
  if (!pipeline.ok()) return Annotate(pipeline.status(), "compiling the activities");
  pipeline_ = *std::move(pipeline);
  pipeline_revision_ = stream.revision;
  seen_.reset();
  if (pipeline_ != nullptr && pipeline_->deduplicates()) {
    seen_ = std::make_unique<SeenKeys>(deps_.seen_folder / uid_);
  }
  return absl::OkStatus();
}

absl::Status StreamDelivery::AddPipelineColumns() {
  for (const table_schema::Field& wanted : pipeline_->output()) {
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
  table_schema::AssignFieldIds(added_columns_,
                               std::max(LargestId(table_->schema().fields()), field_id_floor_));
  return absl::OkStatus();
}

void StreamDelivery::KeepRefusals(const ActivityOutcome& outcome,
                                  const std::vector<ArrivedRecord>& records, Converted& converted) {
  for (const RefusedRow& row : outcome.refused) {
    const auto position = static_cast<uint64_t>(row.position);
    if (position >= converted.end_position) continue;
    const auto record = std::lower_bound(
        records.begin(), records.end(), position,
        [](const ArrivedRecord& a, uint64_t wanted) { return a.position < wanted; });
    if (record == records.end() || record->position != position) continue;
    converted.dead.push_back(
        {position, record->payload, row.reason, "",
         absl::StrCat("activities[", row.activity, "] (", row.label, "): ", row.message),
         record->time});
  }
}

bool StreamDelivery::LearnColumns(const std::vector<ArrivedRecord>& records,
                                  const std::vector<Misfit>& misfits) {
  SchemaLearner learner(SchemaLearner::Scope::kNewFields, TableToWrite().schema().fields());
  for (const Misfit& misfit : misfits) {
    if (misfit.error.reason == kUnknownField) learner.Observe(records[misfit.index].payload);
  }
  table_schema::Fields learnt = learner.Columns();
  if (learnt.empty()) return false;
  added_columns_.MergeFrom(learnt);
  table_schema::AssignFieldIds(added_columns_,
                               std::max(LargestId(table_->schema().fields()), field_id_floor_));
  return true;
}

Table StreamDelivery::TableToWrite() const {
  Table table = *table_;
  table.mutable_schema()->mutable_fields()->MergeFrom(added_columns_);
  return table;
}

absl::StatusOr<StreamDelivery::Converted> StreamDelivery::Convert(
    const Stream& stream, const WalRecords& batch, const std::filesystem::path& staging) {
  Converted converted;
  converted.end_position = batch.records.back().position + 1;
  std::vector<ArrivedRecord> records;
  records.reserve(batch.records.size());
  for (const WalRecord& record : batch.records) {
    if (dead_.contains(record.position)) continue;
    if (record.lost) {
      converted.dead.push_back({record.position,
                                {},
                                kWalDamaged,
                                "",
                                "the record stood in a damaged part of the write-ahead log; what "
                                "is left of it is in the log's folder quarantine/. Send it again",
                                record.time});
    } else if (!table_) {
      converted.dead.push_back({record.position, record.payload, kNoFields, "",
                                "the table does not exist, and no column can be learnt from an "
                                "empty record; declare the stream's columns",
                                record.time});
    } else {
      records.push_back({record.position, record.time, record.payload});
    }
  }
  if (records.empty()) return converted;
  const auto unknown_null = stream.adds_columns() ? RecordMatcher::UnknownNull::kIgnore
                                                  : RecordMatcher::UnknownNull::kRefuse;
  Conversion conversion;
  ActivityOutcome outcome;
  if (pipeline_ != nullptr) {
    TARN_RETURN_IF_ERROR(AddPipelineColumns());
    const RowTransform transform{
        stream.definition.columns(),
        [&](duckdb::Connection& connection, const std::string& input, const std::string& output) {
          auto ran = pipeline_->Run(connection, input, output, batch.records.front().position,
                                    converted.end_position, seen_.get());
          if (ran.ok()) outcome = *std::move(ran);
          return ran.status();
        }};
    TARN_ASSIGN_OR_RETURN(conversion, deps_.converter.Convert(TableToWrite(), unknown_null, records,
                                                              staging, &transform));
  } else {
    do {
      lake::RemoveStaging(staging);
      TARN_ASSIGN_OR_RETURN(
          conversion, deps_.converter.Convert(TableToWrite(), unknown_null, records, staging));
      // With new columns everything is written anew: rare, and it ends, as each round adds some.
    } while (stream.adds_columns() && LearnColumns(records, conversion.misfits));
  }
  if (conversion.taken < records.size()) {
    converted.end_position = records[conversion.taken].position;
    std::erase_if(converted.dead, [&](const NewDeadLetter& letter) {
      return letter.position >= converted.end_position;
    });
  }
  converted.files = std::move(conversion.files);
  for (const lake::WrittenFile& file : converted.files) {
    converted.rows += static_cast<int64_t>(file.row_count);
  }
  const int64_t gone = static_cast<int64_t>(conversion.misfits.size() + outcome.refused.size());
  // Of a batch that was divided, what activities left out is not known by parts.
  const bool known = pipeline_ == nullptr || conversion.taken == records.size();
  if (known && converted.rows + gone + outcome.dropped != static_cast<int64_t>(conversion.taken)) {
    return Internal(
        "ROWS_MISSING",
        absl::StrCat("the engine wrote ", converted.rows, " rows of ",
                     static_cast<int64_t>(conversion.taken) - gone - outcome.dropped, " records"));
  }
  for (Misfit& misfit : conversion.misfits) {
    const ArrivedRecord& record = records[misfit.index];
    converted.dead.push_back({record.position, record.payload, std::move(misfit.error.reason),
                              std::move(misfit.error.field), std::move(misfit.error.message),
                              record.time});
  }
  KeepRefusals(outcome, records, converted);
  return converted;
}

absl::Status StreamDelivery::KeepDeadLetters(const Stream& stream,
                                             const std::vector<NewDeadLetter>& dead) {
  if (dead.empty()) return absl::OkStatus();
  TARN_FAILPOINT("ingestion.deliver.before_dead_letters");
  TARN_RETURN_IF_ERROR(Annotate(deps_.store.AddDeadLetters(deps_.lease, stream, log_id_, dead),
                                "storing dead letters"));
  for (const NewDeadLetter& letter : dead) dead_.insert(letter.position);
  deps_.metrics.records_dead.Increment(static_cast<double>(dead.size()));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> StreamDelivery::Prepare(const Stream& stream, const WalRecords& batch) {
  added_columns_.Clear();
  std::filesystem::path staging;
  if (table_) {
    AddSystemColumns(table_->schema().fields(), added_columns_);
    table_schema::AssignFieldIds(added_columns_,
                                 std::max(LargestId(table_->schema().fields()), field_id_floor_));
    TARN_ASSIGN_OR_RETURN(const auto table_id, names::ParseTable(table_->name()));
    TARN_ASSIGN_OR_RETURN(staging, deps_.lake.Join(lake::LakePaths::TableStaging(
                                       stream.workspace, table_id.database, table_id.table,
                                       table_->uid(), absl::StrCat("ingest-", NewUuid()))));
  }
  struct Cleanup {
    const std::filesystem::path& folder;
    ~Cleanup() {
      if (!folder.empty()) lake::RemoveStaging(folder);
    }
  } cleanup{staging};
  absl::StatusOr<Converted> converted = Convert(stream, batch, staging);
  if (!converted.ok()) return Annotate(converted.status(), "writing Parquet");
  // A batch that was divided is not read in full again for its next part.
  const uint64_t end = converted->end_position;
  int64_t taken_bytes = 0;
  for (const WalRecord& record : batch.records) {
    if (record.position < end) taken_bytes += static_cast<int64_t>(record.payload.size());
  }
  const bool whole = end == batch.records.back().position + 1;
  batch_bytes_ = whole && batch_bytes_ >= stream.max_bytes() ? std::numeric_limits<int64_t>::max()
                                                             : 2 * taken_bytes + 1;
  // Never committed without its dead letters.
  TARN_RETURN_IF_ERROR(KeepDeadLetters(stream, converted->dead));
  if (!converted->files.empty()) {
    TARN_RETURN_IF_ERROR(Publish(stream, batch, *converted));
  }
  return end;
}

absl::Status StreamDelivery::Publish(const Stream& stream, const WalRecords& batch,
                                     Converted& converted) {
  const Table table = TableToWrite();
  std::vector<lake::WrittenFile>& files = converted.files;
  const std::string data = table.location() + "/data";
  TARN_ASSIGN_OR_RETURN(const auto data_folder, deps_.lake.Join(data));
  TARN_FAILPOINT("ingestion.deliver.before_publish");
  TARN_RETURN_IF_ERROR(lake::PublishWrittenFiles(files, data_folder));
  TARN_FAILPOINT("ingestion.deliver.after_publish");

  std::unordered_map<std::string, int> ids;
  std::vector<std::string> path;
  CollectIds(table.schema().fields(), path, ids);
  Prepared prepared;
  prepared.end_position = converted.end_position;
  prepared.rows = converted.rows;
  prepared.oldest = batch.records.front().time;
  catalog::v1::CommitTableRequest& commit = prepared.commit;
  commit.set_table(table.name());
  commit.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  for (const lake::WrittenFile& file : files) {
    *commit.add_added_files() = ToDataFile(file, absl::StrCat(data, "/", file.relative_path), ids);
  }
  *commit.mutable_added_columns() = added_columns_;
  commit.set_schema_id(table_->schema().schema_id());
  auto* range = commit.mutable_log_range();
  range->set_log_id(log_id_);
  range->set_from_position(static_cast<int64_t>(committed_position_));
  range->set_to_position(static_cast<int64_t>(prepared.end_position));
  commit.set_request_id(
      absl::StrCat("log:", log_id_, ":", committed_position_, "-", prepared.end_position));
  (*commit.mutable_summary())["stream"] = stream.name();
  prepared_ = std::move(prepared);
  return absl::OkStatus();
}

absl::Status StreamDelivery::CommitPrepared(const Stream& stream) {
  TARN_RETURN_IF_FAILPOINT("ingestion.deliver.before_commit");
  absl::StatusOr<Table> table = deps_.catalog.Commit(stream, prepared_->commit);
  if (!table.ok()) {
    const std::string reason = ErrorReason(table.status());
    if (IsTransient(table.status())) return Annotate(table.status(), "committing to the table");
    // The files are garbage now, which the catalog collects: they are not removed here, since an
    // earlier attempt that seemed to fail may have committed them.
    if (reason == "SCHEMA_CHANGED") {
      field_id_floor_ =
          std::max(field_id_floor_, LargestId(prepared_->commit.added_columns())) + 16;
      table_.reset();
    } else {
      resumed_ = false;  // a gap, an overlap, a table that is gone: ask how things stand
    }
    prepared_.reset();
    return Annotate(table.status(), "committing to the table");
  }
  TARN_FAILPOINT("ingestion.deliver.after_commit");
  table_ = *std::move(table);
  const Prepared done = *std::move(prepared_);
  prepared_.reset();
  committed_position_ = done.end_position;
  deps_.metrics.deliveries.Increment();
  deps_.metrics.records_delivered.Increment(static_cast<double>(done.rows));
  deps_.metrics.delivery_lag_seconds.Observe(
      absl::ToDoubleSeconds(deps_.clock.Now() - done.oldest));
  return Advance(stream, done.end_position, true);
}

absl::Status StreamDelivery::Advance(const Stream& stream, uint64_t position, bool committed) {
  position_ = position;
  dead_.erase(dead_.begin(), dead_.lower_bound(position_));
  if (absl::Status stored =
          deps_.store.SetDelivered(deps_.lease, uid_, log_id_, position, committed);
      !stored.ok()) {
    resumed_ = false;  // the catalog knows; what PostgreSQL lacks is made up for by Resume
    return Annotate(stored, "storing the delivered position");
  }
  TARN_FAILPOINT("ingestion.deliver.before_trim");
  deps_.wal.SetDelivered(stream.workspace, uid_, position);
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
