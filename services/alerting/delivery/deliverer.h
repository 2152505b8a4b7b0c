// Posts pending deliveries to their channels.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/alerting/delivery/delivery_store.h"
#include "services/alerting/delivery/http_sender.h"

namespace tarn {
class Clock;
class PostgresPool;
}  // namespace tarn

namespace tarn::alerting {

struct AlertingMetrics;

// Thread safe.
class Deliverer {
 public:
  struct Options {
    std::string holder;                             // of leases: unique to the process
    absl::Duration lease_time = absl::Seconds(30);  // longer than a post may take
    std::string secret_folder;                      // empty for no files of secrets
  };
  // All outlive it.
  Deliverer(PostgresPool& pool, Clock& clock, const HttpSender& sender, AlertingMetrics& metrics,
            Options options)
      : pool_(pool),
        clock_(clock),
        sender_(sender),
        metrics_(metrics),
        options_(std::move(options)) {}

  // Makes one attempt of a delivery that is due; false when none is. A receiver that fails is no
  // error here.
  absl::StatusOr<bool> DeliverNext();

 private:
  // What a post came to, for the delivery's record.
  struct Attempt {
    bool delivered = false;
    bool try_again = false;
    std::string result;
    std::optional<absl::Duration> retry_after;
  };

  absl::StatusOr<HttpPost> PostOf(const ClaimedDelivery& delivery,
                                  const v1::Channel& channel) const;
  absl::StatusOr<std::string> ReadSecret(const std::string& path) const;
  Attempt Try(const ClaimedDelivery& delivery, const v1::Channel& channel) const;
  void Count(const ClaimedDelivery& delivery, const AttemptOutcome& outcome);

  PostgresPool& pool_;
  Clock& clock_;
  const HttpSender& sender_;
  AlertingMetrics& metrics_;
  const Options options_;
};

}  // namespace tarn::alerting
