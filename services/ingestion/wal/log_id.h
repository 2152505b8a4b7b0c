// The log that a stream's records have towards the catalog. Pure function; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tarn::ingestion {

// The UUID of the sequence of positions that write-ahead log `wal_uuid` gives to stream
// `stream_uid`. It follows from the two, so that it needs no storing: the same stream taken up by
// another log (a second instance, a new volume after the old one was lost) begins a sequence of its
// own at position 0, and the catalog never mistakes its records for ones that it already has.
std::string LogIdOf(std::string_view wal_uuid, std::string_view stream_uid);

}  // namespace tarn::ingestion
