// The records of a stream that arrived in a span of time, from its raw copies, in the order of
// their arrival over all logs. Each record once, whatever the ranges of the files are.
//
// Blocking; one thread. Memory: one file of each log at a time, some hundred KiB each. Errors:
// those of RawFileReader.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/ingestion/raw/raw_folder.h"

namespace tarn::ingestion {

struct RawRange {
  absl::Time start;
  absl::Time end;
  // Of each log, the position before which records are read; logs that are not here are left out.
  std::map<std::string, uint64_t> limits;
};

class RawReader {
 public:
  RawReader(RawFolder folder, std::string stream_uid, RawRange range);

  // Nothing after the last.
  absl::StatusOr<std::optional<RawRecord>> Next();

 private:
  // The files of one log in the present hour, and what of it comes next.
  struct Log {
    std::deque<RawFile> files;
    std::optional<RawFileReader> reader;
    std::optional<RawRecord> head;
  };

  // Takes up the next hour that has files; false when there is none any more.
  absl::StatusOr<bool> NextHour();
  // Sets the log's head to its next record of the range, if there is one.
  absl::Status Advance(Log& log);
  // Whether the record is of the range, and of no file that was read before: two may overlap where
  // the copies of a log began anew.
  bool IsWanted(const RawRecord& record) const;
  void MarkRead(const RawFileName& name);

  const RawFolder folder_;
  const std::string uid_;
  const RawRange range_;
  absl::Time hour_;  // the next one to take up
  std::map<std::string, Log> logs_;
  // The ranges [from, to) of each log whose files were read.
  std::map<std::string, std::map<uint64_t, uint64_t>> read_;
};

}  // namespace tarn::ingestion
