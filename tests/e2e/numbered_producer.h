// Puts records {"device": …, "n": 0}, {"n": 1}, … into a stream over gRPC from a thread of its own,
// and remembers which of them Tarn acknowledged: what a fault must neither lose nor double.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/time/time.h>

namespace tarn::e2e {

struct NumberedProducerOptions {
  // Of dashboard, and the file of a key that may write.
  std::string address;
  std::string key_file;
  std::string stream;
  int records_per_batch = 4;
  // A batch that was not acknowledged is asked for again by its request id, so often; then it is
  // given up, and it is not known whether it is stored. 0: until it is acknowledged.
  int attempts = 0;
};

enum class RecordFate : unsigned char {
  kUnknown,       // sent, and no answer: at most once in the table
  kAcknowledged,  // exactly once
};

class NumberedProducer {
 public:
  explicit NumberedProducer(NumberedProducerOptions options);
  ~NumberedProducer();  // stops
  NumberedProducer(const NumberedProducer&) = delete;
  NumberedProducer& operator=(const NumberedProducer&) = delete;

  // Any thread.
  int64_t acknowledged() const { return acknowledged_; }
  // Waits until `more` records are acknowledged beyond those that are now.
  bool WaitForMore(int64_t more, absl::Duration timeout = absl::Minutes(2)) const;
  // Ends after the batch at hand, which is waited for (two minutes at most) where batches are never
  // given up. By number; call it once.
  std::vector<RecordFate> Stop();

 private:
  struct Sender;
  void Run();

  const NumberedProducerOptions options_;
  std::unique_ptr<Sender> sender_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> giving_up_ = false;
  std::atomic<bool> ended_ = false;
  std::atomic<int64_t> acknowledged_ = 0;
  std::vector<RecordFate> fates_;
};

}  // namespace tarn::e2e
