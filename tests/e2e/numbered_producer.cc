#include "tests/e2e/numbered_producer.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "tests/e2e/child.h"

namespace tarn::e2e {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(20);
constexpr absl::Duration kPauseAfterFailure = absl::Milliseconds(60);
constexpr absl::Duration kPatience = absl::Minutes(2);

}  // namespace

NumberedProducer::NumberedProducer(NumberedProducerOptions options)
    : NumberedProducer(options,
                       MakePutRecordsWay({options.address, options.key_file, options.stream})) {}

NumberedProducer::NumberedProducer(NumberedProducerOptions options, std::unique_ptr<RecordWay> way)
    : options_(std::move(options)), way_(std::move(way)), thread_([this] { Run(); }) {}

NumberedProducer::~NumberedProducer() {
  giving_up_ = true;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void NumberedProducer::Run() {
  std::mt19937_64 random(options_.seed);
  while (WaitForTurn()) SendBatch(random);
}

bool NumberedProducer::WaitForTurn() {
  std::unique_lock lock(mutex_);
  sending_ = false;
  changed_.notify_all();
  // A pause between batches, unless there is something to be told.
  changed_.wait_for(lock, absl::ToChronoNanoseconds(kPause),
                    [this] { return pausing_ || stopping_; });
  changed_.wait(lock, [this] { return !pausing_ || stopping_; });
  sending_ = !stopping_;
  return sending_;
}

void NumberedProducer::SendBatch(std::mt19937_64& random) {
  const auto up_to = [&random](int most) {
    return most <= 0 ? 0 : std::uniform_int_distribution<int>(1, most)(random);
  };
  RecordBatch batch{.id = NewUuid(), .records = {}};
  const size_t first = fates_.size();
  const int records = up_to(options_.max_records_per_batch);
  for (int i = 0; i < records; ++i) {
    batch.records.push_back(absl::StrCat(
        R"({"device":")", options_.device, R"(","n":)", fates_.size(), R"(,"padding":")",
        std::string(static_cast<size_t>(up_to(options_.record_bytes)), 'x'), R"("})"));
    fates_.push_back(RecordFate::kUnknown);
  }
  const int attempts = up_to(options_.max_attempts);
  for (int attempt = 1;; ++attempt) {
    const absl::Status sent = way_->Send(batch);
    {
      std::lock_guard lock(mutex_);
      last_error_ = sent.ok() ? "" : ErrorReason(sent);
    }
    if (sent.ok()) break;
    if (giving_up_) return;
    absl::SleepFor(kPauseAfterFailure);
    if (attempt == attempts) return;
  }
  std::fill(fates_.begin() + static_cast<ptrdiff_t>(first), fates_.end(),
            RecordFate::kAcknowledged);
  acknowledged_ += records;
}

bool NumberedProducer::WaitForMore(int64_t more, absl::Duration timeout) const {
  const int64_t enough = acknowledged_ + more;
  return WaitUntil([&] { return acknowledged_ >= enough; }, timeout);
}

std::string NumberedProducer::last_error() const {
  std::lock_guard lock(mutex_);
  return last_error_;
}

void NumberedProducer::Pause(std::vector<RecordFate>* fates) {
  std::unique_lock lock(mutex_);
  pausing_ = true;
  changed_.notify_all();
  const auto waits = [this] { return !sending_; };
  if (!changed_.wait_for(lock, absl::ToChronoNanoseconds(kPatience), waits)) {
    giving_up_ = true;
    changed_.wait(lock, waits);
    giving_up_ = false;
  }
  *fates = fates_;
}

void NumberedProducer::Resume() {
  {
    std::lock_guard lock(mutex_);
    pausing_ = false;
  }
  changed_.notify_all();
}

std::vector<RecordFate> NumberedProducer::Stop() {
  std::vector<RecordFate> fates;
  Pause(&fates);
  return fates;
}

}  // namespace tarn::e2e
