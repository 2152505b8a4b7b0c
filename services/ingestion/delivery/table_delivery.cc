#include "services/ingestion/delivery/table_delivery.h"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/failpoint/failpoint.h"
#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/lake/parquet_writer.h"
#include "common/logging/logging.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/delivery/data_file.h"
#include "services/ingestion/stream/stream_pipeline.h"
#include "services/ingestion/wal/log_id.h"

namespace tarn::ingestion {
namespace {

using catalog::v1::Table;

// A delivery of at least so many files, with fewer rows each on average, is worth a warning.
constexpr size_t kManyFiles = 64;
constexpr int64_t kFewRows = 100;
constexpr absl::Duration kWarningTime = absl::Hours(1);

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

}  // namespace

TableDelivery::TableDelivery(const DeliveryDependencies& dependencies, Lane lane, std::string table)
    : deps_(dependencies),
      lane_(std::move(lane)),
      key_{lane_.stream_uid, LogIdOf(deps_.wal.uuid(), lane_.key), std::move(table)},
      table_(deps_.catalog) {}

std::filesystem::path TableDelivery::SeenFolder(const DeliveryDependencies& dependencies,
                                                const Lane& lane, std::string_view table) {
  return dependencies.seen_folder / lane.stream_uid /
         LogIdOf(lane.key, table);  // a name of its own for each
}

std::string TableDelivery::warning() const {
  if (deps_.clock.Now() - small_files_.time > kWarningTime) return "";
  return absl::StrCat(
      "PARTITIONS_TOO_MANY: the delivery of ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", small_files_.time, absl::UTCTimeZone()), " wrote ",
      small_files_.rows, " rows into ", small_files_.files,
      " partitions, each a file: slow to write, and to query. Deliver to a table that is divided "
      "more coarsely (a day instead of an hour, truncate[…] of a text, fewer columns), or let more "
      "records come together (delivery.max_delay, delivery.max_bytes)");
}

absl::StatusOr<bool> TableDelivery::DeliverBatch(const Stream& stream) {
  TARN_ASSIGN_OR_RETURN(const int destination, FindDestination(stream));
  if (!resumed_) TARN_RETURN_IF_ERROR(Resume(stream));
  if (!prepared_) {
    const int64_t max_bytes = std::min(batch_bytes_, LimitsOf(stream, lane_).max_bytes);
    TARN_ASSIGN_OR_RETURN(WalRecords batch,
                          deps_.wal.Read(lane_.key, position_, static_cast<uint64_t>(max_bytes)));
    if (batch.records.empty()) return false;
    if (lane_.kind == LaneKind::kReplay) {
      for (WalRecord& record : batch.records) DecodeReplayedRecord(record);
    }
    TARN_RETURN_IF_ERROR(EnsurePipeline(stream, destination));
    TARN_RETURN_IF_ERROR(table_.Ensure(
        stream, destination_,
        pipeline_ != nullptr ? pipeline_->output() : stream.definition.columns(), batch));
    TARN_ASSIGN_OR_RETURN(const uint64_t end, Prepare(stream, batch));
    if (!prepared_) {
      TARN_RETURN_IF_ERROR(Advance(end, false));
      return true;
    }
  }
  TARN_RETURN_IF_ERROR(CommitPrepared(stream));
  return true;
}

std::optional<uint64_t> TableDelivery::position() const {
  if (!resumed_) return std::nullopt;
  return position_;
}

absl::StatusOr<int> TableDelivery::FindDestination(const Stream& stream) {
  const std::vector<v1::Destination> destinations = DestinationsOf(stream.definition);
  for (size_t i = 0; i < destinations.size(); ++i) {
    if (destinations[i].table() != key_.destination) continue;
    destination_ = destinations[i];
    return static_cast<int>(i);
  }
  return FailedPrecondition(
      "DESTINATION_REMOVED",
      absl::StrCat(stream.name(), " does not deliver to ", key_.destination, " any more"));
}

absl::Status TableDelivery::EnsurePipeline(const Stream& stream, int destination) {
  if (pipeline_revision_ == stream.revision) return absl::OkStatus();
  absl::StatusOr<std::shared_ptr<const ActivityPipeline>> pipeline = CompilePipeline(
      stream.definition, destination, stream.workspace, stream.owner, deps_.activities);
  if (!pipeline.ok()) return Annotate(pipeline.status(), "compiling the activities");
  std::unique_ptr<SeenKeys> seen;
  if (*pipeline != nullptr && (*pipeline)->deduplicates()) {
    TARN_ASSIGN_OR_RETURN(const std::filesystem::path folder, OwnSeenFolder());
    seen = std::make_unique<SeenKeys>(folder);
  }
  pipeline_ = *std::move(pipeline);
  seen_ = std::move(seen);
  pipeline_revision_ = stream.revision;
  return absl::OkStatus();
}

absl::StatusOr<std::filesystem::path> TableDelivery::OwnSeenFolder() const {
  std::filesystem::path folder = SeenFolder(deps_, lane_, key_.destination);
  // An older release knew one destination and one lane, whose keys lie in the folder above.
  const bool is_heir = lane_.kind == LaneKind::kLive && !destination_.has_create_time();
  std::error_code error;
  if (!is_heir || !std::filesystem::exists(folder.parent_path(), error)) return folder;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.parent_path(), error)) {
    if (entry.path().extension() == ".keys") files.push_back(entry.path());
  }
  if (error) return lake::FileError(error.value(), "read", folder.parent_path());
  if (files.empty()) return folder;
  std::filesystem::create_directories(folder, error);
  if (error) return lake::FileError(error.value(), "make", folder);
  for (const std::filesystem::path& file : files) {
    std::filesystem::rename(file, folder / file.filename(), error);
    if (error) return lake::FileError(error.value(), "move", file);
  }
  return folder;
}

absl::Status TableDelivery::Resume(const Stream& stream) {
  const absl::Time begin = BeginOf(destination_);
  const uint64_t start = begin == absl::InfinitePast() ? 0 : deps_.wal.PositionAt(lane_.key, begin);
  TARN_ASSIGN_OR_RETURN(DeliveryState state,
                        deps_.store.Resume(deps_.lease, key_, deps_.wal.uuid(), start));
  absl::StatusOr<std::optional<uint64_t>> committed =
      deps_.catalog.GetLogPosition(stream, key_.destination, key_.log_id);
  if (!committed.ok() && !IsMissingTable(committed.status())) {
    return Annotate(committed.status(), "asking the catalog for the log's position");
  }
  // Neither table nor position: the first range of a table begins at 0, and covers what the
  // destination does not get because it was added later.
  committed_position_ = committed.ok() ? committed->value_or(0) : 0;
  position_ = std::max(state.delivered_position, committed_position_);
  if (position_ > state.delivered_position) {
    TARN_RETURN_IF_ERROR(deps_.store.SetDelivered(deps_.lease, key_, position_, true));
  }
  has_stale_prepared_ = state.has_prepared && position_ == state.delivered_position;
  dead_ = std::move(state.dead_letters);
  dead_.erase(dead_.begin(), dead_.lower_bound(position_));
  deps_.wal.ReservePositions(stream.workspace, lane_.key, position_);
  table_.Forget();
  prepared_.reset();
  resumed_ = true;
  return absl::OkStatus();
}

absl::StatusOr<ConvertedBatch> TableDelivery::Convert(const Stream& stream, const WalRecords& batch,
                                                      const std::filesystem::path& staging) {
  std::vector<WalRecord> records;
  records.reserve(batch.records.size());
  for (const WalRecord& record : batch.records) {
    if (!dead_.contains(record.position)) records.push_back(record);
  }
  return BatchConverter(deps_.converter, stream, pipeline_.get(), seen_.get(), table_)
      .Convert(records, batch.records.front().position, batch.records.back().position + 1, staging);
}

absl::Status TableDelivery::KeepPrepared(const Stream& stream, const ConvertedBatch& converted) {
  if (converted.dead.empty() && converted.filtered == 0 && !has_stale_prepared_) {
    return absl::OkStatus();
  }
  TARN_FAILPOINT("ingestion.deliver.before_dead_letters");
  TARN_RETURN_IF_ERROR(Annotate(deps_.store.Prepare(deps_.lease, stream, key_,
                                                    {.end_position = converted.end_position,
                                                     .filtered = converted.filtered,
                                                     .dead_letters = converted.dead}),
                                "storing dead letters"));
  // Until the position moves there.
  has_stale_prepared_ = true;
  for (const NewDeadLetter& letter : converted.dead) dead_.insert(letter.position);
  deps_.metrics.records_dead.Increment(static_cast<double>(converted.dead.size()));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> TableDelivery::Prepare(const Stream& stream, const WalRecords& batch) {
  std::filesystem::path staging;
  if (const Table* table = table_.known()) {
    table_.BeginBatch(stream.definition.columns());
    TARN_ASSIGN_OR_RETURN(const auto table_id, names::ParseTable(table->name()));
    TARN_ASSIGN_OR_RETURN(staging, deps_.lake.Join(lake::LakePaths::TableStaging(
                                       stream.workspace, table_id.database, table_id.table,
                                       table->uid(), absl::StrCat("ingest-", NewUuid()))));
  }
  struct Cleanup {
    const std::filesystem::path& folder;
    ~Cleanup() {
      if (!folder.empty()) lake::RemoveStaging(folder);
    }
  } cleanup{staging};
  absl::StatusOr<ConvertedBatch> converted = Convert(stream, batch, staging);
  if (!converted.ok()) return Annotate(converted.status(), "writing Parquet");
  // A batch that was divided is not read in full again for its next part.
  const uint64_t end = converted->end_position;
  int64_t taken_bytes = 0;
  for (const WalRecord& record : batch.records) {
    if (record.position < end) taken_bytes += static_cast<int64_t>(record.payload.size());
  }
  const bool whole = end == batch.records.back().position + 1;
  if (!whole) deps_.metrics.batches_divided.Increment();
  batch_bytes_ = whole && batch_bytes_ >= LimitsOf(stream, lane_).max_bytes
                     ? std::numeric_limits<int64_t>::max()
                     : 2 * taken_bytes + 1;
  // Never committed without its dead letters.
  TARN_RETURN_IF_ERROR(KeepPrepared(stream, *converted));
  if (!converted->files.empty()) {
    TARN_RETURN_IF_ERROR(Publish(stream, batch, *converted));
  }
  return end;
}

absl::Status TableDelivery::Publish(const Stream& stream, const WalRecords& batch,
                                    ConvertedBatch& converted) {
  const Table table = table_.TableToWrite();
  TARN_FAILPOINT("ingestion.deliver.before_publish");
  TARN_ASSIGN_OR_RETURN(std::vector<catalog::v1::DataFile> files,
                        PublishDataFiles(deps_.lake, table, converted.files));
  TARN_FAILPOINT("ingestion.deliver.after_publish");

  Prepared prepared;
  prepared.end_position = converted.end_position;
  prepared.rows = converted.rows;
  prepared.oldest = batch.records.front().time;
  catalog::v1::CommitTableRequest& commit = prepared.commit;
  commit.set_table(table.name());
  commit.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  for (catalog::v1::DataFile& file : files) *commit.add_added_files() = std::move(file);
  table_.DescribeGrowth(commit);
  commit.set_schema_id(table.schema().schema_id());
  auto* range = commit.mutable_log_range();
  range->set_log_id(key_.log_id);
  range->set_from_position(static_cast<int64_t>(committed_position_));
  range->set_to_position(static_cast<int64_t>(prepared.end_position));
  commit.set_request_id(
      absl::StrCat("log:", key_.log_id, ":", committed_position_, "-", prepared.end_position));
  (*commit.mutable_summary())["stream"] = stream.name();
  prepared_ = std::move(prepared);
  return absl::OkStatus();
}

absl::Status TableDelivery::CommitPrepared(const Stream& stream) {
  TARN_RETURN_IF_FAILPOINT("ingestion.deliver.before_commit");
  absl::StatusOr<Table> table = deps_.catalog.Commit(stream, prepared_->commit);
  if (!table.ok()) {
    const std::string reason = ErrorReason(table.status());
    if (IsTransient(table.status())) return Annotate(table.status(), "committing to the table");
    // The files are garbage now, which the catalog collects: they are not removed here, since an
    // earlier attempt that seemed to fail may have committed them.
    if (reason == "SCHEMA_CHANGED") {
      table_.HasChanged();
    } else {
      resumed_ = false;  // a gap, an overlap, a table that is gone: ask how things stand
    }
    prepared_.reset();
    return Annotate(table.status(), "committing to the table");
  }
  TARN_FAILPOINT("ingestion.deliver.after_commit");
  table_.Committed(*std::move(table));
  const Prepared done = *std::move(prepared_);
  prepared_.reset();
  committed_position_ = done.end_position;
  deps_.metrics.deliveries.Increment();
  const auto files = static_cast<size_t>(done.commit.added_files_size());
  deps_.metrics.files_delivered.Increment(static_cast<double>(files));
  if (files >= kManyFiles && done.rows < kFewRows * static_cast<int64_t>(files)) {
    small_files_ = {deps_.clock.Now(), files, done.rows};
  }
  deps_.metrics.records_delivered.Increment(static_cast<double>(done.rows));
  if (lane_.kind == LaneKind::kLive) {
    deps_.metrics.delivery_lag_seconds.Observe(
        absl::ToDoubleSeconds(deps_.clock.Now() - done.oldest));
  }
  return Advance(done.end_position, true);
}

absl::Status TableDelivery::Advance(uint64_t position, bool committed) {
  position_ = position;
  dead_.erase(dead_.begin(), dead_.lower_bound(position_));
  if (absl::Status stored = deps_.store.SetDelivered(deps_.lease, key_, position, committed);
      !stored.ok()) {
    resumed_ = false;  // the catalog knows; what PostgreSQL lacks is made up for by Resume
    return Annotate(stored, "storing the delivered position");
  }
  has_stale_prepared_ = false;
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
