#include "services/ingestion/delivery/stream_delivery.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

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
#include "services/ingestion/record/record_matcher.h"
#include "services/ingestion/record/schema_learner.h"
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

// How many dead letters that only the engine finds are looked for one by one.
constexpr size_t kMaxEngineRefusals = 10'000;

}  // namespace

StreamDelivery::StreamDelivery(const DeliveryDependencies& dependencies, std::string stream_uid)
    : deps_(dependencies), uid_(std::move(stream_uid)), log_id_(LogIdOf(deps_.wal.uuid(), uid_)) {}

absl::StatusOr<bool> StreamDelivery::DeliverBatch(const Stream& stream) {
  if (!resumed_) TARN_RETURN_IF_ERROR(Resume(stream));
  if (!prepared_) {
    TARN_ASSIGN_OR_RETURN(
        const WalRecords batch,
        deps_.wal.Read(uid_, position_, static_cast<uint64_t>(stream.max_bytes())));
    if (batch.records.empty()) return false;
    const uint64_t end = batch.records.back().position + 1;
    TARN_RETURN_IF_ERROR(EnsureTable(stream, batch));
    Sorted sorted = Sort(stream, batch);
    if (!sorted.good.empty()) TARN_RETURN_IF_ERROR(Prepare(stream, batch, sorted));
    if (!sorted.dead.empty()) {
      TARN_FAILPOINT("ingestion.deliver.before_dead_letters");
      if (absl::Status kept = deps_.store.AddDeadLetters(deps_.lease, stream, log_id_, sorted.dead);
          !kept.ok()) {
        prepared_.reset();  // never committed without its dead letters
        return Annotate(kept, "storing dead letters");
      }
      for (const NewDeadLetter& letter : sorted.dead) dead_.insert(letter.position);
      deps_.metrics.records_dead.Increment(static_cast<double>(sorted.dead.size()));
    }
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
      *wanted.mutable_partition_fields() = stream.definition.partition_fields();
      *wanted.mutable_schema()->mutable_fields() = stream.definition.columns();
      if (stream.definition.columns().empty()) {
        SchemaLearner learner(SchemaLearner::Scope::kWholeRecord, {});
        for (const WalRecord& record : batch.records) learner.Observe(record.payload);
        *wanted.mutable_schema()->mutable_fields() = learner.Columns();
      }
      if (wanted.schema().fields().empty()) return absl::OkStatus();
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
  LearnColumns(stream, batch);
  return absl::OkStatus();
}

void StreamDelivery::LearnColumns(const Stream& stream, const WalRecords& batch) {
  added_columns_.Clear();
  if (!stream.adds_columns()) return;
  SchemaLearner learner(SchemaLearner::Scope::kNewFields, table_->schema().fields());
  for (const WalRecord& record : batch.records) {
    if (!dead_.contains(record.position)) learner.Observe(record.payload);
  }
  added_columns_ = learner.Columns();
  table_schema::AssignFieldIds(added_columns_,
                               std::max(LargestId(table_->schema().fields()), field_id_floor_));
}

Table StreamDelivery::TableToWrite() const {
  Table table = *table_;
  table.mutable_schema()->mutable_fields()->MergeFrom(added_columns_);
  return table;
}

StreamDelivery::Sorted StreamDelivery::Sort(const Stream& stream, const WalRecords& batch) const {
  Sorted sorted;
  std::optional<RecordMatcher> matcher;
  if (table_) {
    matcher.emplace(TableToWrite().schema().fields(), stream.adds_columns()
                                                          ? RecordMatcher::UnknownNull::kIgnore
                                                          : RecordMatcher::UnknownNull::kRefuse);
  }
  for (const WalRecord& record : batch.records) {
    if (dead_.contains(record.position)) continue;
    std::optional<RecordError> error;
    if (record.lost) {
      error = RecordError{kWalDamaged, "",
                          "the record stood in a damaged part of the write-ahead log; what is left "
                          "of it is in the log's folder quarantine/. Send it again"};
    } else if (!matcher) {
      error = RecordError{kNoFields, "",
                          "the table does not exist, and no column can be learnt from an empty "
                          "record; declare the stream's columns"};
    } else {
      error = matcher->Match(record.payload);
    }
    if (!error) {
      sorted.good.push_back(record.payload);
    } else {
      sorted.dead.push_back({record.position, record.payload, std::move(error->reason),
                             std::move(error->field), std::move(error->message), record.time});
    }
  }
  return sorted;
}

absl::Status StreamDelivery::RefuseInconvertible(const Table& table, const WalRecords& batch,
                                                 Sorted& sorted) const {
  // Halves until the culprits are found.
  std::set<const char*> culprits;
  std::function<absl::Status(size_t, size_t)> search = [&](size_t begin,
                                                           size_t end) -> absl::Status {
    const std::vector<std::string_view> part(sorted.good.begin() + static_cast<int64_t>(begin),
                                             sorted.good.begin() + static_cast<int64_t>(end));
    const absl::Status status = deps_.converter.CheckConvertible(table, part);
    if (status.ok()) return absl::OkStatus();
    if (ErrorReason(status) != duckdb::kSqlError || culprits.size() > kMaxEngineRefusals) {
      return status;
    }
    if (end - begin == 1) {
      culprits.insert(part[0].data());
      return absl::OkStatus();
    }
    const size_t middle = begin + (end - begin) / 2;
    TARN_RETURN_IF_ERROR(search(begin, middle));
    return search(middle, end);
  };
  TARN_RETURN_IF_ERROR(search(0, sorted.good.size()));
  logging::Warn("ingestion", "the engine refused records that fit their table",
                {{"table", table.name()}, {"records", culprits.size()}});
  Sorted rest;
  rest.dead = std::move(sorted.dead);
  for (const WalRecord& record : batch.records) {
    if (culprits.contains(record.payload.data()) && !record.lost) {
      rest.dead.push_back({record.position, record.payload, kConversionFailed, "",
                           "the engine cannot convert the record", record.time});
    }
  }
  for (std::string_view good : sorted.good) {
    if (!culprits.contains(good.data())) rest.good.push_back(good);
  }
  sorted = std::move(rest);
  return absl::OkStatus();
}

absl::Status StreamDelivery::Prepare(const Stream& stream, const WalRecords& batch,
                                     Sorted& sorted) {
  const Table table = TableToWrite();
  TARN_ASSIGN_OR_RETURN(const auto table_id, names::ParseTable(table.name()));
  const std::string writer = absl::StrCat("ingest-", NewUuid());
  TARN_ASSIGN_OR_RETURN(const auto staging, deps_.lake.Join(lake::LakePaths::TableStaging(
                                                stream.workspace, table_id.database, table_id.table,
                                                table.uid(), writer)));
  const std::string data = table.location() + "/data";
  TARN_ASSIGN_OR_RETURN(const auto data_folder, deps_.lake.Join(data));
  struct Cleanup {
    const std::filesystem::path& folder;
    ~Cleanup() { lake::RemoveStaging(folder); }
  } cleanup{staging};

  absl::StatusOr<std::vector<lake::WrittenFile>> files =
      deps_.converter.Convert(table, sorted.good, staging);
  if (!files.ok() && ErrorReason(files.status()) == duckdb::kSqlError) {
    TARN_RETURN_IF_ERROR(RefuseInconvertible(table, batch, sorted));
    if (sorted.good.empty()) return absl::OkStatus();
    lake::RemoveStaging(staging);
    files = deps_.converter.Convert(table, sorted.good, staging);
  }
  if (!files.ok()) return Annotate(files.status(), "writing Parquet");
  int64_t rows = 0;
  for (const lake::WrittenFile& file : *files) rows += static_cast<int64_t>(file.row_count);
  if (rows != static_cast<int64_t>(sorted.good.size())) {
    return Internal("ROWS_MISSING", absl::StrCat("the engine wrote ", rows, " rows of ",
                                                 sorted.good.size(), " records"));
  }
  TARN_FAILPOINT("ingestion.deliver.before_publish");
  TARN_RETURN_IF_ERROR(lake::PublishWrittenFiles(*files, data_folder));
  TARN_FAILPOINT("ingestion.deliver.after_publish");

  std::unordered_map<std::string, int> ids;
  std::vector<std::string> path;
  CollectIds(table.schema().fields(), path, ids);
  Prepared prepared;
  prepared.end_position = batch.records.back().position + 1;
  prepared.rows = rows;
  prepared.oldest = batch.records.front().time;
  catalog::v1::CommitTableRequest& commit = prepared.commit;
  commit.set_table(table.name());
  commit.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  for (const lake::WrittenFile& file : *files) {
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
