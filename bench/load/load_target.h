// What the load is put on: Tarn as six processes of their own, started for the measurement in a
// folder that goes with it, over a private PostgreSQL whose commits survive its kill but that does
// not flush: what is acknowledged is flushed by the log.
//
// The calls block. Their errors end the program with a message: a benchmark has nothing to go on
// with. Any thread, once Start has returned.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <absl/time/time.h>

#include "common/auth/remote_token_provider.h"
#include "common/clock/clock.h"
#include "common/rpc/credentials.h"
#include "tests/e2e/deployment.h"

namespace grpc {
class Channel;
}

namespace tarn::bench {

class LoadTarget {
 public:
  LoadTarget();

  // Straight to ingestion, each on a connection of its own.
  std::shared_ptr<grpc::Channel> NewIngestionChannel() const;
  // "127.0.0.1:1234": ingestion's HTTP listener.
  const std::string& ingestion_http_address() const { return http_address_; }
  rpc::Credentials credentials();

  // A stream that delivers to bench.<name>, with the columns of device_messages.h, what is
  // `max_delay` old (the default of streams where it is not said).
  void CreateStream(const std::string& name, absl::Duration max_delay = absl::Seconds(1));
  // Waits until everything acknowledged is delivered.
  void Flush(const std::string& stream);
  // The single value of a statement; 0 for NULL and for a table that is not there yet.
  int64_t QueryNumber(const std::string& sql);
  // Live files of bench.<name>.
  int64_t LiveFiles(const std::string& name);

  // Resident memory of the ingestion process, in MiB: now, and the most so far.
  double IngestionMemory() const;
  double IngestionPeakMemory() const;

 private:
  e2e::Deployment tarn_{e2e::Form::kSixProcesses, {.postgres_survives_kill = true}};
  std::string http_address_;
  pid_t ingestion_pid_ = 0;
  std::shared_ptr<grpc::Channel> dashboard_;
  std::unique_ptr<auth::RemoteTokenProvider> tokens_;
};

// Ends the program with the error, if it is one.
void DieUnlessOk(const absl::Status& status, const std::string& doing);

}  // namespace tarn::bench
