// Device messages to load a stream with: JSON objects of about 275 bytes as sensors send them, in
// batches of JSON lines that are made beforehand, so that making them takes no time from what is
// measured. Pure functions of the seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tarn::bench {

struct MessageBatch {
  std::string lines;  // one message a line, each with its '\n'
  int64_t count = 0;
};

// `batches` batches of `count` messages each; no two messages are alike. Every message has a
// `sent_ms`, whose digits SetSentTime replaces.
std::vector<MessageBatch> MakeBatches(size_t batches, int64_t count, uint64_t seed);

// Puts a time (milliseconds since 1970, 13 digits) into every message of the batch.
void SetSentTime(MessageBatch& batch, int64_t epoch_ms);

}  // namespace tarn::bench
