// Divides a payload into records: JSON lines, a JSON array, CSV or plain lines. Memory is bounded
// by a small multiple of the payload; nothing recurses.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/record_format.pb.h"
#include "tarn/ingestion/v1/stream.pb.h"

#include "services/ingestion/payload/csv_reader.h"
#include "services/ingestion/payload/payload_records.h"

namespace tarn::ingestion {

// Whether the parts of a format make sense: INVALID_ARGUMENT (INVALID_FIELD) lists those that do
// not; `path` is where the format stands in the request ("stream.format").
absl::Status CheckPayloadFormat(std::string_view path, const v1::PayloadFormat& format);

// Immutable; any thread.
class PayloadReader {
 public:
  // `wanted` decides, and where it says nothing, the stream does. `path` as above.
  static absl::StatusOr<PayloadReader> Create(std::string_view path,
                                              const v1::PayloadFormat& wanted,
                                              const v1::Stream& stream);

  // INVALID_ARGUMENT: REQUEST_TOO_LARGE, PAYLOAD_INVALID; whatever is wrong with one record alone
  // is among the refused. A byte order mark is passed over.
  absl::StatusOr<PayloadRecords> Read(std::string payload, RecordChecks checks) const;

 private:
  explicit PayloadReader(v1::RecordFormat format) : format_(format) {}

  v1::RecordFormat format_;
  std::optional<CsvReader> csv_;
};

// The records of a request that gives them one by one. INVALID_ARGUMENT REQUEST_TOO_LARGE.
absl::StatusOr<PayloadRecords> JoinRecords(
    const google::protobuf::RepeatedPtrField<std::string>& records, RecordChecks checks);

}  // namespace tarn::ingestion
