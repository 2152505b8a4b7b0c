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

// `errors` are those of deliveries that are not getting on, by destination.
v1::StreamStatistics StatisticsOf(const Stream& stream, const std::vector<DeliveryCounts>& counts,
                                  const WriteAheadLog& wal,
                                  const std::map<std::string, std::string>& errors);

}  // namespace tarn::ingestion
