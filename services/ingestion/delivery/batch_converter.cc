#include "services/ingestion/delivery/batch_converter.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/duckdb/database.h"
#include "common/lake/parquet_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/stream/stream_definition.h"

namespace tarn::ingestion {
namespace {

// What refusals of the activities make of their records; how many there are.
int64_t KeepRefusals(const ActivityOutcome& outcome, const std::vector<ArrivedRecord>& records,
                     ConvertedBatch& converted) {
  int64_t kept = 0;
  for (const RefusedRow& row : outcome.refused) {
    const auto position = static_cast<uint64_t>(row.position);
    if (position >= converted.end_position) continue;
    const auto record = std::lower_bound(
        records.begin(), records.end(), position,
        [](const ArrivedRecord& a, uint64_t wanted) { return a.position < wanted; });
    if (record == records.end() || record->position != position) continue;
    converted.dead.push_back(
        {position, record->payload, row.reason, "",
         row.activity == kBeforeActivities
             ? row.message
             : absl::StrCat("activities[", row.activity, "] (", row.label, "): ", row.message),
         record->time});
    ++kept;
  }
  return kept;
}

}  // namespace

absl::StatusOr<ConvertedBatch> BatchConverter::Convert(const std::vector<WalRecord>& batch,
                                                       uint64_t from, uint64_t to,
                                                       const std::filesystem::path& staging) const {
  ConvertedBatch converted;
  converted.end_position = to;
  std::vector<ArrivedRecord> records;
  records.reserve(batch.size());
  for (const WalRecord& record : batch) {
    if (record.lost) {
      converted.dead.push_back({record.position,
                                {},
                                kWalDamaged,
                                "",
                                "the record stood in a damaged part of the write-ahead log; what "
                                "is left of it is in the log's folder quarantine/. Send it again",
                                record.time});
    } else if (table_.known() == nullptr) {
      converted.dead.push_back({record.position, record.payload, kNoFields, "",
                                "the table does not exist, and no column can be learnt from an "
                                "empty record; declare the stream's columns",
                                record.time});
    } else {
      records.push_back({record.position, record.time, record.payload});
    }
  }
  if (records.empty()) return converted;
  const UnknownFields unknown = UnknownFieldsOf(stream_.definition);
  Conversion conversion;
  ActivityOutcome outcome;
  if (pipeline_ != nullptr) {
    TARN_RETURN_IF_ERROR(table_.AddColumns(pipeline_->output()));
    const RowTransform transform{
        InputColumns(stream_.definition),
        [&](duckdb::Connection& connection, const std::string& input, const std::string& output) {
          auto ran = pipeline_->Run(connection, input, output, from, to, seen_);
          if (ran.ok()) outcome = *std::move(ran);
          return ran.status();
        }};
    TARN_ASSIGN_OR_RETURN(conversion, converter_.Convert(table_.TableToWrite(), unknown, records,
                                                         staging, &transform));
  } else {
    if (const auto capture = CaptureColumn(stream_.definition)) {
      TARN_RETURN_IF_ERROR(table_.AddCaptureColumn(*capture));
    }
    const bool learns = unknown.policy == UnknownFields::Policy::kLearn;
    for (bool again = true; again;) {
      lake::RemoveStaging(staging);
      TARN_ASSIGN_OR_RETURN(conversion,
                            converter_.Convert(table_.TableToWrite(), unknown, records, staging));
      // With more columns everything is written anew: rare, and it ends, as each round adds some.
      again = false;
      if (learns) {
        TARN_ASSIGN_OR_RETURN(again, table_.Learn(stream_, records, conversion.misfits));
      }
    }
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
  for (Misfit& misfit : conversion.misfits) {
    const ArrivedRecord& record = records[misfit.index];
    converted.dead.push_back({record.position, record.payload, std::move(misfit.error.reason),
                              std::move(misfit.error.field), std::move(misfit.error.message),
                              record.time});
  }
  const int64_t refused = KeepRefusals(outcome, records, converted);
  const auto taken = static_cast<int64_t>(conversion.taken);
  const int64_t gone = static_cast<int64_t>(conversion.misfits.size()) + refused;
  converted.filtered = taken - gone - converted.rows;
  // Of a batch that was divided, what activities left out is not known by parts.
  const bool known = pipeline_ == nullptr || conversion.taken == records.size();
  if (converted.filtered < 0 || (known && converted.filtered != outcome.dropped)) {
    return Internal("ROWS_MISSING", absl::StrCat("the engine wrote ", converted.rows, " rows of ",
                                                 taken - gone - outcome.dropped, " records"));
  }
  return converted;
}

}  // namespace tarn::ingestion
