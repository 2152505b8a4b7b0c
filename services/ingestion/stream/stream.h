// A stream as ingestion keeps it. A plain value; shared between threads as an immutable one.
#pragma once

#include <cstdint>
#include <string>

#include <absl/time/time.h>

#include "tarn/ingestion/v1/stream.pb.h"

namespace tarn::ingestion {

struct Stream {
  std::string workspace;
  std::string id;   // the last part of its name
  std::string uid;  // new with every creation
  // The input fields of the proto, defaults filled in.
  v1::Stream definition;
  std::string owner;
  int64_t revision = 1;
  absl::Time create_time;
  absl::Time update_time;

  std::string name() const { return "streams/" + id; }
  std::string etag() const { return std::string("r").append(std::to_string(revision)); }
  int64_t max_bytes() const { return definition.delivery().max_bytes(); }
  absl::Duration max_delay() const {
    return absl::Seconds(definition.delivery().max_delay().seconds()) +
           absl::Nanoseconds(definition.delivery().max_delay().nanos());
  }
  const google::protobuf::RepeatedPtrField<v1::Activity>& activities() const {
    return definition.destinations().empty() ? v1::Destination::default_instance().activities()
                                             : definition.destinations(0).activities();
  }
  bool has_activities() const { return !activities().empty(); }
  // Of a table that the stream makes.
  const google::protobuf::RepeatedPtrField<catalog::v1::PartitionField>& partition_fields() const {
    return definition.destinations().empty() ? definition.partition_fields()
                                             : definition.destinations(0).partition_fields();
  }
  bool adds_columns() const { return definition.new_field_policy() != v1::NEW_FIELD_POLICY_REJECT; }
};

// Counts of all logs that a stream ever had records in, as PostgreSQL has them.
struct StreamCounts {
  int64_t delivered_position = 0;  // of this instance's log
  int64_t other_positions = 0;  // of all others together: their records, as they are all delivered
  int64_t delivered_records = 0;
  int64_t dead_letter_records = 0;   // ever
  int64_t waiting_dead_letters = 0;  // neither replayed nor purged
  absl::Time last_delivery_time = absl::InfinitePast();
};

}  // namespace tarn::ingestion
