// A stream as ingestion keeps it. A plain value; shared between threads as an immutable one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "tarn/ingestion/v1/stream.pb.h"

namespace tarn::ingestion {

// Where its records go, at least one. `table` is the shorthand for one without activities.
inline std::vector<v1::Destination> DestinationsOf(const v1::Stream& definition) {
  if (!definition.destinations().empty()) {
    return {definition.destinations().begin(), definition.destinations().end()};
  }
  v1::Destination only;
  only.set_table(definition.table());
  *only.mutable_partition_fields() = definition.partition_fields();
  return {only};
}

// Since when a destination is there: always, for what the stream was made with.
inline absl::Time BeginOf(const v1::Destination& destination) {
  if (!destination.has_create_time()) return absl::InfinitePast();
  return absl::FromUnixSeconds(destination.create_time().seconds()) +
         absl::Nanoseconds(destination.create_time().nanos());
}

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
};

}  // namespace tarn::ingestion
