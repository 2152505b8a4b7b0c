// The service's side of one worker process: starts it, sends it a request, reads what it answers,
// cancels, and kills it when it does not stop or grows past its memory. A worker belongs to one
// workspace for its life. One caller at a time, but for Cancel and memory, which any thread may
// use.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <sys/types.h>

namespace tarn::query {
namespace worker {
class Done;
class Execute;
class ResultSchema;
class Rows;
class WorkerRequest;
class WorkerResponse;
}  // namespace worker

struct WorkerLimits {
  int64_t memory_limit_bytes = 0;
  int threads = 1;
};

struct WorkerFolders {
  std::string temp_directory;
  std::vector<std::string> allowed_directories;
};

// What stops a request before its end. Checked every few milliseconds while a worker is silent.
struct StopConditions {
  absl::Time deadline = absl::InfiniteFuture();
  // Set by whoever wants the request cancelled.
  const std::atomic<bool>* cancelled = nullptr;
  // The resident memory beyond which the process is killed.
  int64_t max_resident_bytes = 0;
};

struct ResultSink {
  std::function<absl::Status(const worker::ResultSchema&)> on_schema;
  std::function<absl::Status(worker::Rows)> on_rows;
};

class WorkerProcess {
 public:
  // Starts this very binary as a worker and opens its engine.
  static absl::StatusOr<std::unique_ptr<WorkerProcess>> Start(const WorkerLimits& limits,
                                                              const WorkerFolders& folders);
  // Kills and reaps the process.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // The syntax tree of one SELECT, as JSON.
  absl::StatusOr<std::string> Parse(const std::string& sql, const StopConditions& stop);
  // The catalog's fields for column definitions.
  absl::StatusOr<worker::ResultSchema> ParseTypes(
      const std::vector<std::pair<std::string, std::string>>& columns, const StopConditions& stop);
  // The columns of a bound tree.
  absl::StatusOr<worker::ResultSchema> Describe(const worker::Execute& execute,
                                                const StopConditions& stop);
  // Runs a bound tree; schema and rows go to the sink. A sink's error cancels the request and is
  // returned. CANCELLED (QUERY_CANCELLED), DEADLINE_EXCEEDED (QUERY_TIMED_OUT), RESOURCE_EXHAUSTED
  // (OUT_OF_MEMORY), or the engine's error.
  absl::StatusOr<worker::Done> Execute(const worker::Execute& execute, const StopConditions& stop,
                                       const ResultSink& sink);

  // False once the process has ended or was killed; such a worker is not used again.
  bool alive() const { return alive_; }
  pid_t pid() const { return pid_; }

 private:
  WorkerProcess(pid_t pid, int fd) : pid_(pid), fd_(fd) {}

  absl::Status Send(const worker::WorkerRequest& request);
  absl::StatusOr<worker::WorkerResponse> Receive(const StopConditions& stop);
  absl::Status Stop(const absl::Status& why);
  void Kill();
  int64_t ResidentBytes() const;

  const pid_t pid_;
  const int fd_;
  bool alive_ = true;
};

}  // namespace tarn::query
