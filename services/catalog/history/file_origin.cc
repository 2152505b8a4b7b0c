#include "services/catalog/history/file_origin.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace tarn::catalog {
namespace {

absl::Time TimeOf(const FileOrigin& origin) {
  return origin.first_commit_time.value_or(absl::InfinitePast());
}

// Days since 1970 in UTC; the same for all origins whose time is not known.
int64_t DayOf(const FileOrigin& origin) {
  if (!origin.first_commit_time) return std::numeric_limits<int64_t>::min();
  return absl::ToCivilDay(*origin.first_commit_time, absl::UTCTimeZone()) - absl::CivilDay();
}

std::string LogOf(const FileOrigin& origin) {
  return origin.log_range ? origin.log_range->log_id : "";
}

// What origins that may become one have in common.
auto GroupOf(const FileOrigin& origin) {
  return std::make_tuple(DayOf(origin), origin.kind, origin.source, origin.cause,
                         origin.committed_by, LogOf(origin));
}

bool Before(const FileOrigin& a, const FileOrigin& b) {
  const auto from = [](const FileOrigin& origin) {
    return origin.log_range ? origin.log_range->from : 0;
  };
  return std::make_tuple(GroupOf(a), from(a)) < std::make_tuple(GroupOf(b), from(b));
}

bool Older(const FileOrigin& a, const FileOrigin& b) { return TimeOf(a) < TimeOf(b); }

// Rows and times of both; the time of a part that is not known is not known of the whole.
void AddRows(FileOrigin& into, const FileOrigin& origin) {
  const bool counted = *into.row_count >= 0 && *origin.row_count >= 0;
  into.row_count = counted ? *into.row_count + *origin.row_count : -1;
  const bool timed = into.first_commit_time && origin.first_commit_time;
  if (timed) {
    into.first_commit_time = std::min(*into.first_commit_time, *origin.first_commit_time);
    into.last_commit_time = std::max(*into.last_commit_time, *origin.last_commit_time);
  } else {
    into.first_commit_time.reset();
    into.last_commit_time.reset();
  }
}

// Of `into` what it has in common with `origin`.
void KeepCommon(FileOrigin& into, const FileOrigin& origin) {
  if (into.kind != origin.kind) into.kind = OriginKind::kUnknown;
  if (into.source != origin.source) into.source.clear();
  if (into.cause != origin.cause) into.cause.clear();
  if (into.committed_by != origin.committed_by) into.committed_by.clear();
  into.log_range.reset();
  AddRows(into, origin);
}

}  // namespace

std::vector<FileOrigin> MergeOrigins(std::vector<FileOrigin> origins) {
  std::sort(origins.begin(), origins.end(), Before);
  std::vector<FileOrigin> merged;
  for (FileOrigin& origin : origins) {
    FileOrigin* last = merged.empty() ? nullptr : &merged.back();
    const bool joins = last != nullptr && GroupOf(*last) == GroupOf(origin) &&
                       (!origin.log_range || origin.log_range->from <= last->log_range->to);
    if (!joins) {
      merged.push_back(std::move(origin));
      continue;
    }
    if (origin.log_range) {
      last->log_range->to = std::max(last->log_range->to, origin.log_range->to);
    }
    AddRows(*last, origin);
  }
  std::stable_sort(merged.begin(), merged.end(), Older);
  if (merged.size() > kMaxOrigins) {
    const size_t folded = merged.size() - kMaxOrigins + 1;
    for (size_t i = 1; i < folded; ++i) KeepCommon(merged[0], merged[i]);
    merged.erase(merged.begin() + 1, merged.begin() + static_cast<std::ptrdiff_t>(folded));
  }
  return merged;
}

}  // namespace tarn::catalog
