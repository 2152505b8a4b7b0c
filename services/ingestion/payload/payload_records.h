// The records of one request, ready for the write-ahead log: one text, and where in it each record
// stands. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "common/wal/wal_format.h"

namespace tarn::ingestion {

// What of a record is looked at before it is acknowledged.
enum class RecordChecks {
  kWhole,  // that it is a JSON object, to the last character
  kShape,  // its size, and the braces around it; delivery finds the rest
};

struct RefusedRecord {
  int index = 0;  // among the records of the payload, from 0
  std::string reason;
  std::string message;
};

struct PayloadRecords {
  std::string text;
  std::vector<wal::RecordSpan> records;  // those that may be stored, in order
  std::vector<RefusedRecord> refused;    // the others, in order

  int total() const { return static_cast<int>(records.size() + refused.size()); }
  std::string_view record(size_t i) const {
    return std::string_view(text).substr(records[i].offset, records[i].bytes);
  }
};

// Sorts a payload's records into those two lists. Not thread safe.
class RecordSorter {
 public:
  // `into.text` must hold a record when it is given to Add.
  RecordSorter(RecordChecks checks, PayloadRecords& into) : checks_(checks), into_(into) {}

  // White space around the record is left out; nothing is left of an empty one, which does not
  // count. False when the payload has too many records: then Overflow says so.
  bool Add(size_t offset, size_t bytes);
  bool Refuse(std::string reason, std::string message);

  // INVALID_ARGUMENT REQUEST_TOO_LARGE.
  static absl::Status Overflow();

 private:
  bool HasRoom() const;

  const RecordChecks checks_;
  PayloadRecords& into_;
};

}  // namespace tarn::ingestion
