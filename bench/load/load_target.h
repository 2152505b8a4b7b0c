// What the load is put on: Tarn as six processes of their own, started for the measurement in a
// folder that goes with it, over a private PostgreSQL that flushes its commits, as in operation.
//
// The calls block. Their errors end the program with a message: a benchmark has nothing to go on
// with. Any thread, once Start has returned.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "common/auth/remote_token_provider.h"
#include "common/clock/clock.h"
#include "common/rpc/credentials.h"
#include "tests/e2e/deployment.h"

namespace grpc {
class Channel;
}

namespace tarn::bench {

// When one compaction of a table ran.
struct Compaction {
  absl::Time begin;
  absl::Time end;
};

class LoadTarget {
 public:
  // The programs get these `flags` beside their defaults.
  explicit LoadTarget(const std::map<std::string, std::string>& flags = {});

  // Straight to a program, each on a connection of its own.
  std::shared_ptr<grpc::Channel> NewChannel(const std::string& program) const;
  // Through the way in that clients use.
  const std::shared_ptr<grpc::Channel>& dashboard() const { return dashboard_; }
  // "127.0.0.1:1234": ingestion's HTTP listener.
  const std::string& ingestion_http_address() const { return http_address_; }
  rpc::Credentials credentials();
  // Where files are put down for crawlers.
  std::filesystem::path landing() const {
    return std::filesystem::path(tarn_.lake()) / "default/landing";
  }

  // A stream that delivers to bench.<name>, with the columns of device_messages.h and the defaults
  // of streams. Returns its max_delay.
  absl::Duration CreateStream(const std::string& name);
  // Records that the stream has acknowledged.
  int64_t Acknowledged(const std::string& stream);
  // Waits until everything acknowledged is delivered.
  void Flush(const std::string& stream);
  // The single value of a statement; 0 for NULL and for a table that is not there yet.
  int64_t QueryNumber(const std::string& sql);
  // Live files of bench.<name>.
  int64_t LiveFiles(const std::string& name);
  // Waits until no compaction of bench.<name> runs or is about to begin; all that there were.
  std::vector<Compaction> AwaitCompactions(const std::string& name);

  // Resident memory of each of the six processes, in MiB.
  std::map<std::string, double> Memory() const;
  // The most that one program's has been so far.
  double PeakMemory(const std::string& program) const;

 private:
  e2e::Deployment tarn_;
  std::string http_address_;
  std::map<std::string, pid_t> pids_;
  std::shared_ptr<grpc::Channel> dashboard_;
  std::unique_ptr<auth::RemoteTokenProvider> tokens_;
};

// Ends the program with the error, if it is one.
void DieUnlessOk(const absl::Status& status, const std::string& doing);

}  // namespace tarn::bench
