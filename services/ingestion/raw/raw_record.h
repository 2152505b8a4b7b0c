// One line of a raw copy: a record as it arrived, with when and where (docs/formats/raw.md).
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn::ingestion {

struct RawRecord {
  absl::Time arrival;  // whole microseconds
  std::string log_id;
  uint64_t position = 0;
  std::string payload;
};

// A record on its way into a line. The views live as long as they are used.
struct ArrivedLine {
  absl::Time arrival;
  std::string_view log_id;
  uint64_t position = 0;
  std::string_view payload;
};

// Appends the line of `record` to `out`, with its line feed.
void AppendRawLine(const ArrivedLine& record, std::string& out);

// The record of a line, without its line feed. DATA_LOSS (RAW_COPY_DAMAGED) for anything that
// AppendRawLine did not write.
absl::StatusOr<RawRecord> ParseRawLine(std::string_view line);

}  // namespace tarn::ingestion
