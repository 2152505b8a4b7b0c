// The statistics of a stream, from what PostgreSQL and the write-ahead log know of its deliveries.
// Thread safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tarn/ingestion/v1/stream.pb.h"

#include "services/ingestion/stream/delivery_store.h"
#include "services/ingestion/stream/stream.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

// How the delivery to a destination is doing.
struct DeliveryHealth {
  std::string error;    // why it is not getting on; empty when it is
  std::string warning;  // what made it slow of late, and what to do; empty when nothing did
};

// `health` is that of the deliveries, by destination.
v1::StreamStatistics StatisticsOf(const Stream& stream, const std::vector<DeliveryCounts>& counts,
                                  const WriteAheadLog& wal,
                                  const std::map<std::string, DeliveryHealth>& health);

}  // namespace tarn::ingestion
