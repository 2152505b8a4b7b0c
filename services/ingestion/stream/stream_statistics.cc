#include "services/ingestion/stream/stream_statistics.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "services/ingestion/raw/raw_copy_lanes.h"
#include "services/ingestion/stream/lane.h"
#include "services/ingestion/wal/log_id.h"

namespace tarn::ingestion {
namespace {

using google::protobuf::util::TimeUtil;

// Both messages have these fields.
template <typename Statistics>
void AddCounts(const DeliveryCounts& counts, Statistics& statistics) {
  statistics.set_delivered_records(statistics.delivered_records() + counts.delivered_records);
  statistics.set_filtered_records(statistics.filtered_records() + counts.filtered_records);
  statistics.set_dead_letter_records(statistics.dead_letter_records() + counts.dead_letter_records);
  statistics.set_waiting_dead_letters(statistics.waiting_dead_letters() +
                                      counts.waiting_dead_letters);
  if (counts.last_delivery_time == absl::InfinitePast()) return;
  const auto time =
      TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(counts.last_delivery_time));
  if (!statistics.has_last_delivery_time() || statistics.last_delivery_time() < time) {
    *statistics.mutable_last_delivery_time() = time;
  }
}

// How many records were acknowledged, in all logs: those of other instances count as far as they
// are delivered.
int64_t Acknowledged(const Stream& stream, const std::vector<DeliveryCounts>& counts,
                     const WriteAheadLog& wal) {
  std::map<std::string, int64_t> ends;  // by log
  for (const DeliveryCounts& each : counts) {
    int64_t& end = ends[each.log_id];
    end = std::max(end, each.delivered_position);
  }
  for (const Lane& lane : LanesOf(stream)) {
    int64_t& end = ends[LogIdOf(wal.uuid(), lane.key)];
    end = std::max(end, static_cast<int64_t>(wal.Backlog(lane.key).end_position));
  }
  int64_t sum = 0;
  for (const auto& [log_id, end] : ends) sum += end;
  return sum;
}

// Where a destination is that has not begun in this log: what the log has forgotten is nothing that
// it is to get.
int64_t StartOf(const StreamBacklog& backlog, int64_t end) {
  return backlog.bytes == 0 ? end : static_cast<int64_t>(backlog.delivered_position);
}

// Records of the lane that some destination does not have yet.
int64_t WaitingIn(const Lane& lane, const Stream& stream, const std::vector<DeliveryCounts>& counts,
                  const WriteAheadLog& wal) {
  const StreamBacklog backlog = wal.Backlog(lane.key);
  const auto end = static_cast<int64_t>(backlog.end_position);
  int64_t delivered = end;
  for (const v1::Destination& destination : DestinationsOf(stream.definition)) {
    int64_t own = StartOf(backlog, end);
    for (const DeliveryCounts& each : counts) {
      if (each.destination != destination.table()) continue;
      if (each.log_id == LogIdOf(wal.uuid(), lane.key)) own = each.delivered_position;
    }
    delivered = std::min(delivered, own);
  }
  return end - delivered;
}

}  // namespace

v1::StreamStatistics StatisticsOf(const Stream& stream, const std::vector<DeliveryCounts>& counts,
                                  const WriteAheadLog& wal,
                                  const std::map<std::string, DeliveryHealth>& health) {
  v1::StreamStatistics statistics;
  const std::string live_log = LogIdOf(wal.uuid(), LiveLane(stream.uid).key);
  const StreamBacklog live = wal.Backlog(LiveLane(stream.uid).key);
  auto end = static_cast<int64_t>(live.end_position);
  for (const DeliveryCounts& each : counts) {
    AddCounts(each, statistics);
    if (each.log_id == live_log) end = std::max(end, each.delivered_position);
  }
  statistics.set_acknowledged_records(Acknowledged(stream, counts, wal));
  statistics.set_waiting_backfill_records(WaitingIn(BackfillLane(stream.uid), stream, counts, wal));
  statistics.set_end_position(end);
  statistics.set_delivered_position(end);
  for (const v1::Destination& destination : DestinationsOf(stream.definition)) {
    v1::DestinationStatistics& own = *statistics.add_destinations();
    own.set_table(destination.table());
    own.set_delivered_position(StartOf(live, end));
    for (const DeliveryCounts& each : counts) {
      if (each.destination != destination.table()) continue;
      AddCounts(each, own);
      if (each.log_id == live_log) own.set_delivered_position(each.delivered_position);
    }
    statistics.set_delivered_position(
        std::min(statistics.delivered_position(), own.delivered_position()));
    const auto found = health.find(destination.table());
    if (found == health.end()) continue;
    const auto& [error, warning] = found->second;
    own.set_delivery_error(error);
    own.set_delivery_warning(warning);
    const auto of_stream = [&](const std::string& text) {
      return text.empty() || stream.definition.destinations_size() <= 1
                 ? text
                 : absl::StrCat(destination.table(), ": ", text);
    };
    if (statistics.delivery_error().empty()) statistics.set_delivery_error(of_stream(error));
    if (statistics.delivery_warning().empty()) statistics.set_delivery_warning(of_stream(warning));
  }
  const auto raw = health.find(kRawUnit);
  if (raw != health.end() && !raw->second.error.empty() && statistics.delivery_error().empty()) {
    statistics.set_delivery_error(absl::StrCat("raw copies: ", raw->second.error));
  }
  return statistics;
}

}  // namespace tarn::ingestion
