#include "services/ingestion/raw/raw_reader.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/status/status_macros.h"

namespace tarn::ingestion {

RawReader::RawReader(RawFolder folder, std::string stream_uid, RawRange range)
    : folder_(std::move(folder)),
      uid_(std::move(stream_uid)),
      range_(std::move(range)),
      hour_(HourOf(range_.start)) {}

bool RawReader::IsWanted(const RawRecord& record) const {
  if (record.arrival < range_.start || record.arrival >= range_.end) return false;
  if (record.position >= range_.limits.at(record.log_id)) return false;
  const auto ranges = read_.find(record.log_id);
  if (ranges == read_.end()) return true;
  const auto next = ranges->second.upper_bound(record.position);
  return next == ranges->second.begin() || std::prev(next)->second <= record.position;
}

void RawReader::MarkRead(const RawFileName& name) {
  std::map<uint64_t, uint64_t>& ranges = read_[name.log_id];
  uint64_t from = name.from;
  uint64_t to = name.to;
  // Joined with those that it touches, so that there are few of them.
  auto range = ranges.upper_bound(from);
  if (range != ranges.begin() && std::prev(range)->second >= from) --range;
  while (range != ranges.end() && range->first <= to) {
    from = std::min(from, range->first);
    to = std::max(to, range->second);
    range = ranges.erase(range);
  }
  ranges[from] = to;
}

absl::Status RawReader::Advance(Log& log) {
  log.head.reset();
  while (true) {
    if (!log.reader) {
      if (log.files.empty()) return absl::OkStatus();
      TARN_ASSIGN_OR_RETURN(log.reader, RawFileReader::Open(log.files.front().path));
    }
    TARN_ASSIGN_OR_RETURN(std::optional<RawRecord> record, log.reader->Next());
    if (!record) {
      MarkRead(log.files.front().name);
      log.reader.reset();
      log.files.pop_front();
      continue;
    }
    if (record->log_id == log.files.front().name.log_id && IsWanted(*record)) {
      log.head = std::move(record);
      return absl::OkStatus();
    }
  }
}

absl::StatusOr<bool> RawReader::NextHour() {
  logs_.clear();
  while (hour_ < range_.end) {
    TARN_ASSIGN_OR_RETURN(std::vector<RawFile> files, folder_.FilesOfHour(hour_, uid_));
    hour_ += absl::Hours(1);
    for (RawFile& file : files) {
      const auto limit = range_.limits.find(file.name.log_id);
      if (limit == range_.limits.end() || file.name.from >= limit->second) continue;
      logs_[file.name.log_id].files.push_back(std::move(file));
    }
    if (logs_.empty()) continue;
    for (auto& [id, log] : logs_) TARN_RETURN_IF_ERROR(Advance(log));
    return true;
  }
  return false;
}

absl::StatusOr<std::optional<RawRecord>> RawReader::Next() {
  while (true) {
    Log* first = nullptr;
    for (auto& [id, log] : logs_) {
      if (!log.head) continue;
      if (first == nullptr || log.head->arrival < first->head->arrival) first = &log;
    }
    if (first != nullptr) {
      std::optional<RawRecord> record = std::move(first->head);
      TARN_RETURN_IF_ERROR(Advance(*first));
      return record;
    }
    TARN_ASSIGN_OR_RETURN(const bool more, NextHour());
    if (!more) return std::nullopt;
  }
}

}  // namespace tarn::ingestion
