// Sends records {"device": …, "n": 0}, {"n": 1}, … into a stream from a thread of its own, by any
// way (record_way.h), and remembers which of them were acknowledged: what a fault must neither lose
// nor double.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <absl/time/time.h>

#include "tests/e2e/record_way.h"

namespace tarn::e2e {

struct NumberedProducerOptions {
  // Where PutRecords goes (WayTarget); another way knows by itself.
  std::string address;
  std::string key_file;
  std::string stream;
  // The value of `device`.
  std::string device = "d";
  // Batches have 1 to so many records, of about so many bytes each, by the seed.
  int max_records_per_batch = 8;
  int record_bytes = 40;
  uint64_t seed = 1;
  // A batch that was not acknowledged is sent again under its id, 1 to so many times; then it is
  // given up, and it is not known whether it is stored. 0: until it is acknowledged.
  int max_attempts = 0;
};

enum class RecordFate : unsigned char {
  kUnknown,       // sent, and no answer: at most once in the table
  kAcknowledged,  // exactly once
};

class NumberedProducer {
 public:
  // By PutRecords.
  explicit NumberedProducer(NumberedProducerOptions options);
  NumberedProducer(NumberedProducerOptions options, std::unique_ptr<RecordWay> way);
  ~NumberedProducer();  // stops
  NumberedProducer(const NumberedProducer&) = delete;
  NumberedProducer& operator=(const NumberedProducer&) = delete;

  // Any thread.
  int64_t acknowledged() const { return acknowledged_; }
  // Waits until `more` records are acknowledged beyond those that are now.
  bool WaitForMore(int64_t more, absl::Duration timeout = absl::Minutes(2)) const;
  // The reason of the last call that failed, such as DISK_FULL; "" after one that succeeded.
  std::string last_error() const;
  // Takes no new batch until Resume. Waits for the one at hand, which is given up after two
  // minutes; `fates` then has every record that was sent so far.
  void Pause(std::vector<RecordFate>* fates);
  void Resume();
  // Pause for good.
  std::vector<RecordFate> Stop();

 private:
  void Run();
  void SendBatch(std::mt19937_64& random);
  // False when the producer is to end.
  bool WaitForTurn();

  const NumberedProducerOptions options_;
  const std::unique_ptr<RecordWay> way_;
  std::atomic<bool> giving_up_ = false;
  std::atomic<int64_t> acknowledged_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool pausing_ = false;
  bool sending_ = true;  // until it waits for its turn
  std::string last_error_;
  std::vector<RecordFate> fates_;  // while it is sending, of the sending thread
  std::thread thread_;
};

}  // namespace tarn::e2e
