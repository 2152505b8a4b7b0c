// PutRecords: checks each record, stores the good ones in the write-ahead log, and answers each in
// its order. Thread safe; blocking until the records are durable.
#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/stream/stream.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

class RecordWriter {
 public:
  RecordWriter(WriteAheadLog& wal, IngestionMetrics& metrics) : wal_(wal), metrics_(metrics) {}

  // INVALID_ARGUMENT (INVALID_FIELD) for no records or too many, REQUEST_TOO_LARGE; the errors of
  // WriteAheadLog::Append, in all of which nothing is stored.
  absl::StatusOr<v1::PutRecordsResponse> Put(const Stream& stream,
                                             const v1::PutRecordsRequest& request);

 private:
  WriteAheadLog& wal_;
  IngestionMetrics& metrics_;
};

}  // namespace tarn::ingestion
