#include "services/ingestion/reprocess/raw_conversion.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/ids/ids.h"
#include "common/lake/parquet_writer.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/delivery/batch_converter.h"
#include "services/ingestion/delivery/data_file.h"
#include "services/ingestion/reprocess/reprocess_run.h"
#include "services/ingestion/stream/stream_pipeline.h"

namespace tarn::ingestion {
namespace {

// Large, for large files; all of it is in memory at once.
constexpr size_t kBatchBytes = 32u << 20;
constexpr size_t kBatchRecords = 200'000;

}  // namespace

RawConversion::RawConversion(const RawConversionDependencies& dependencies, const Stream& stream,
                             std::string destination, DestinationTable& table)
    : deps_(dependencies),
      stream_(stream),
      destination_name_(std::move(destination)),
      seen_folder_(deps_.work_folder / absl::StrCat("reprocess-", NewUuid())),
      table_(table) {}

RawConversion::~RawConversion() {
  std::error_code ignored;
  std::filesystem::remove_all(seen_folder_, ignored);
}

absl::Status RawConversion::Begin() {
  const std::vector<v1::Destination> destinations = DestinationsOf(stream_.definition);
  const auto found =
      std::find_if(destinations.begin(), destinations.end(),
                   [&](const v1::Destination& each) { return each.table() == destination_name_; });
  if (found == destinations.end()) {
    return FailedPrecondition(
        "DESTINATION_REMOVED",
        absl::StrCat(stream_.name(), " does not deliver to ", destination_name_, " any more"));
  }
  destination_ = *found;
  TARN_ASSIGN_OR_RETURN(
      pipeline_, CompilePipeline(stream_.definition, static_cast<int>(found - destinations.begin()),
                                 stream_.workspace, stream_.owner, deps_.activities));
  if (pipeline_ != nullptr && pipeline_->deduplicates()) {
    seen_ = std::make_unique<SeenKeys>(seen_folder_);
  }
  return absl::OkStatus();
}

absl::Status RawConversion::Convert(const RawRange& range,
                                    const std::function<absl::Status(const Progress&)>& report) {
  RawRange to_read = range;
  if (seen_ != nullptr) to_read.start -= DeduplicationWindow(stream_.definition, destination_);
  RawReader reader(RawFolder(deps_.lake, stream_.workspace, stream_.id), stream_.uid,
                   std::move(to_read));
  Progress progress;
  Batch batch;
  const auto convert = [&]() -> absl::Status {
    if (batch.records.empty()) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(ConvertBatch(batch, range.start, progress));
    progress.read_until = batch.records.back().arrival;
    batch = {};
    TARN_RETURN_IF_ERROR(report(progress));
    progress.dead_letters.clear();
    return absl::OkStatus();
  };
  while (true) {
    TARN_ASSIGN_OR_RETURN(std::optional<RawRecord> record, reader.Next());
    if (!record) return convert();
    // What only fills the window is in batches of its own.
    const bool is_other = !batch.records.empty() && (batch.records.back().arrival < range.start) !=
                                                        (record->arrival < range.start);
    if (is_other || batch.bytes >= kBatchBytes || batch.records.size() >= kBatchRecords) {
      TARN_RETURN_IF_ERROR(convert());
    }
    batch.bytes += record->payload.size();
    batch.records.push_back(*std::move(record));
  }
}

absl::Status RawConversion::ConvertBatch(const Batch& batch, absl::Time range_start,
                                         Progress& progress) {
  const uint64_t first = next_number_;
  next_number_ += batch.records.size();
  WalRecords records;
  for (size_t i = 0; i < batch.records.size(); ++i) {
    records.records.push_back(
        {first + i, batch.records[i].arrival, batch.records[i].payload, false});
  }
  TARN_RETURN_IF_ERROR(Annotate(
      table_.Ensure(stream_, destination_,
                    pipeline_ != nullptr ? pipeline_->output() : stream_.definition.columns(),
                    records),
      "the table"));
  const catalog::v1::Table* const table = table_.known();
  if (table != nullptr && !has_begun_) {
    table_.BeginBatch(stream_.definition.columns());
    has_begun_ = true;
  }
  const bool counts = batch.records.front().arrival >= range_start;
  if (counts) progress.records_read += static_cast<int64_t>(batch.records.size());
  std::filesystem::path staging;
  if (table != nullptr) {
    TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(table->name()));
    TARN_ASSIGN_OR_RETURN(staging, deps_.lake.Join(lake::LakePaths::TableStaging(
                                       stream_.workspace, id.database, id.table, table->uid(),
                                       absl::StrCat("reprocess-", NewUuid()))));
  }
  const BatchConverter converter(deps_.converter, stream_, pipeline_.get(), seen_.get(), table_);
  while (!records.records.empty()) {
    const absl::StatusOr<ConvertedBatch> converted =
        converter.Convert(records.records, records.records.front().position, next_number_, staging);
    if (!converted.ok()) {
      if (!staging.empty()) lake::RemoveStaging(staging);
      return Annotate(converted.status(), "writing Parquet");
    }
    if (counts) {
      std::vector<lake::WrittenFile> files = converted->files;
      auto published = files.empty() ? absl::StatusOr<std::vector<catalog::v1::DataFile>>(
                                           std::vector<catalog::v1::DataFile>())
                                     : PublishDataFiles(deps_.lake, table_.TableToWrite(), files);
      if (!staging.empty()) lake::RemoveStaging(staging);
      TARN_RETURN_IF_ERROR(published.status());
      for (catalog::v1::DataFile& file : *published) {
        *commit_.add_added_files() = std::move(file);
      }
      progress.rows_written += converted->rows;
      for (const NewDeadLetter& letter : converted->dead) {
        const RawRecord& record = batch.records[letter.position - first];
        progress.dead_letters.push_back({record.log_id, record.position, record.payload,
                                         letter.reason, letter.field, letter.message,
                                         record.arrival});
      }
    } else if (!staging.empty()) {
      lake::RemoveStaging(staging);
    }
    // The rest of a batch that had to be divided.
    std::erase_if(records.records, [&](const WalRecord& record) {
      return record.position < converted->end_position;
    });
  }
  return absl::OkStatus();
}

catalog::v1::CommitTableRequest RawConversion::TakeCommit() {
  if (table_.known() != nullptr && has_begun_) {
    table_.DescribeGrowth(commit_);
    commit_.set_schema_id(table_.known()->schema().schema_id());
  }
  return std::move(commit_);
}

}  // namespace tarn::ingestion
