// Records as rows that the engine reads: each is parsed once, on one of the engine's threads, into
// its vectors. What does not fit is left out and kept with its reason.
//
// Columns: those of the table, of which _ingested_at is the time of arrival (where the table has
// it) and _committed_at is left out, and behind them, if asked for, kPositionColumn (BIGINT).
//
// For one statement. The records and the table outlive it. Misfits are asked for afterwards, by one
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

#include "common/duckdb/row_source.h"
#include "common/table_schema/engine_types.h"
#include "services/ingestion/record/record_matcher.h"

namespace tarn::ingestion {

// No field of a record can have such a name (IsUsableFieldName).
inline constexpr std::string_view kPositionColumn = "__tarn_position";

struct ArrivedRecord {
  uint64_t position = 0;
  absl::Time time;
  std::string_view payload;
};

struct Misfit {
  size_t index = 0;  // among the records
  RecordError error;
};

// The table's columns as records fill them: without _committed_at.
table_schema::Fields WrittenFields(const table_schema::Fields& fields);

class RecordRows : public duckdb::RowSource {
 public:
  RecordRows(const table_schema::Fields& fields, const UnknownFields& unknown,
             std::span<const ArrivedRecord> records, bool with_position);

  const duckdb::Schema& schema() const override { return schema_; }
  uint64_t row_estimate() const override { return records_.size(); }
  int max_readers() const override;
  std::unique_ptr<duckdb::RowReader> NewReader() override;

  // By index.
  std::vector<Misfit> TakeMisfits();

 private:
  class Reader;

  const table_schema::Fields fields_;
  const RecordMatcher matcher_;
  const std::span<const ArrivedRecord> records_;
  duckdb::Schema schema_;
  // Columns beside those of the matcher; -1: none.
  int ingested_at_ = -1;
  int position_ = -1;

  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  std::deque<RecordMatcher::Scratch> scratches_;  // one a reader; they stay until the end
  std::vector<Misfit> misfits_;
};

}  // namespace tarn::ingestion
