// A reprocess as the store has it. A plain value.
#pragma once

#include <string>
#include <vector>

#include <absl/time/time.h>

#include "tarn/ingestion/v1/reprocess.pb.h"

namespace tarn::ingestion {

struct ReprocessJob {
  std::string id;  // a UUID that ascends with time
  std::string workspace;
  std::string stream_id;
  std::string stream_uid;
  absl::Time range_start;
  absl::Time range_end;
  // Raw records from here on are read: the start, or a deduplication's window before it.
  absl::Time read_from;
  std::vector<std::string> destinations;  // names of tables
  // As callers see it.
  v1::Reprocess resource;

  bool ended() const {
    return resource.state() != common::v1::EXECUTION_STATE_QUEUED &&
           resource.state() != common::v1::EXECUTION_STATE_RUNNING;
  }
};

}  // namespace tarn::ingestion
