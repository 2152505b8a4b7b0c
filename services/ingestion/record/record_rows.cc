#include "services/ingestion/record/record_rows.h"

#include <algorithm>
#include <iterator>

#include "common/table_schema/system_columns.h"

namespace tarn::ingestion {
namespace {

// Records that a reader takes at a time: a few of the engine's chunks.
constexpr size_t kSlice = 4096;

}  // namespace

table_schema::Fields WrittenFields(const table_schema::Fields& fields) {
  table_schema::Fields written;
  for (const table_schema::Field& field : fields) {
    const bool committed_at =
        table_schema::IsSystemColumn(field) && field.name() == table_schema::kCommittedAtColumn;
    if (!committed_at) *written.Add() = field;
  }
  return written;
}

class RecordRows::Reader : public duckdb::RowReader {
 public:
  Reader(RecordRows& rows, RecordMatcher::Scratch& scratch) : rows_(rows), scratch_(scratch) {}

  ~Reader() override {
    std::lock_guard lock(rows_.mutex_);
    std::move(misfits_.begin(), misfits_.end(), std::back_inserter(rows_.misfits_));
  }

  absl::Status Read(duckdb::ChunkWriter& chunk) override {
    while (!chunk.full()) {
      if (at_ == end_) {
        at_ = rows_.next_.fetch_add(kSlice);
        end_ = std::min(at_ + kSlice, rows_.records_.size());
        if (at_ >= end_) {
          at_ = end_ = 0;
          return absl::OkStatus();
        }
      }
      ReadOne(chunk);
      ++at_;
    }
    return absl::OkStatus();
  }

 private:
  void ReadOne(duckdb::ChunkWriter& chunk) {
    const ArrivedRecord& record = rows_.records_[at_];
    if (auto error = rows_.matcher_.Read(record.payload, scratch_, chunk)) {
      chunk.AbandonRow();
      misfits_.push_back({at_, *std::move(error)});
      return;
    }
    if (rows_.ingested_at_ >= 0) {
      chunk.column(static_cast<size_t>(rows_.ingested_at_))
          .SetInt64(chunk.row(), absl::ToUnixMicros(record.time));
    }
    if (rows_.position_ >= 0) {
      chunk.column(static_cast<size_t>(rows_.position_))
          .SetInt64(chunk.row(), static_cast<int64_t>(record.position));
    }
    chunk.FinishRow();
  }

  RecordRows& rows_;
  RecordMatcher::Scratch& scratch_;
  size_t at_ = 0;
  size_t end_ = 0;
  std::vector<Misfit> misfits_;
};

RecordRows::RecordRows(const table_schema::Fields& fields, const UnknownFields& unknown,
                       std::span<const ArrivedRecord> records, bool with_position)
    : fields_(WrittenFields(fields)), matcher_(fields_, unknown), records_(records) {
  for (const table_schema::Field& field : fields_) {
    if (table_schema::IsSystemColumn(field)) ingested_at_ = static_cast<int>(schema_.size());
    schema_.push_back({field.name(), table_schema::LogicalTypeOf(field)});
  }
  if (with_position) {
    position_ = static_cast<int>(schema_.size());
    duckdb::LogicalType type;
    type.kind = duckdb::TypeKind::kBigInt;
    schema_.push_back({std::string(kPositionColumn), type});
  }
}

int RecordRows::max_readers() const {
  return static_cast<int>(std::min<size_t>(records_.size() / kSlice + 1, 64));
}

std::unique_ptr<duckdb::RowReader> RecordRows::NewReader() {
  std::lock_guard lock(mutex_);
  return std::make_unique<Reader>(*this, scratches_.emplace_back());
}

std::vector<Misfit> RecordRows::TakeMisfits() {
  std::lock_guard lock(mutex_);
  std::sort(misfits_.begin(), misfits_.end(),
            [](const Misfit& a, const Misfit& b) { return a.index < b.index; });
  return std::move(misfits_);
}

}  // namespace tarn::ingestion
