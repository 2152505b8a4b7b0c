#include "services/query/worker/worker_process.h"

#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <vector>

#include <absl/strings/str_cat.h>
#include <linux/close_range.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/query/worker/frame_io.h"
#include "services/query/worker/worker_protocol.pb.h"
#include "services/query/worker/worker_session.h"

namespace tarn::query {
namespace {

namespace wire = worker;

// How long a worker may take to answer a cancel before it is killed.
constexpr absl::Duration kCancelGrace = absl::Milliseconds(200);
constexpr int kPollMilliseconds = 10;
// A worker has this long to open its engine.
constexpr absl::Duration kStartTimeout = absl::Seconds(30);

absl::Status FailureStatus(const wire::Failure& failure) {
  const auto code = static_cast<absl::StatusCode>(failure.code());
  if (code == absl::StatusCode::kCancelled) {
    return MakeError(code, "QUERY_CANCELLED", "the query was cancelled");
  }
  return MakeError(code, failure.reason(), failure.message(),
                   {failure.metadata().begin(), failure.metadata().end()});
}

// Runs in the child between fork and exec: only what is safe there.
[[noreturn]] void ExecWorker(int fd, const char* flag) {
  // Listeners and connections that some library opened to be inherited are not for users' SQL.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::fcntl(fd, F_SETFD, 0);
  const char* const arguments[] = {"tarn-worker", flag, nullptr};
  // No environment: nothing in it is for users' SQL.
  const char* const environment[] = {nullptr};
  ::execve("/proc/self/exe", const_cast<char* const*>(arguments),
           const_cast<char* const*>(environment));
  ::_exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(const WorkerLimits& limits,
                                                                    const WorkerFolders& folders) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    return ResourceExhausted("WORKER_START_FAILED",
                             "no socket for a worker process; raise the limit of open files");
  }
  const std::string flag = absl::StrCat(kWorkerFlag, fds[1]);
  const pid_t pid = ::fork();
  if (pid == 0) ExecWorker(fds[1], flag.c_str());
  ::close(fds[1]);
  if (pid < 0) {
    ::close(fds[0]);
    return ResourceExhausted("WORKER_START_FAILED",
                             "no process for a worker; raise the limit of processes");
  }
  std::unique_ptr<WorkerProcess> process(new WorkerProcess(pid, fds[0]));
  wire::WorkerRequest request;
  wire::Open* open = request.mutable_open();
  open->set_memory_limit_bytes(limits.memory_limit_bytes);
  open->set_threads(limits.threads);
  open->set_temp_directory(folders.temp_directory);
  for (const std::string& directory : folders.allowed_directories)
    open->add_allowed_directories(directory);
  TARN_RETURN_IF_ERROR(process->Send(request));
  StopConditions stop;
  stop.deadline = absl::Now() + kStartTimeout;
  TARN_ASSIGN_OR_RETURN(wire::WorkerResponse response, process->Receive(stop));
  if (response.has_failure()) return FailureStatus(response.failure());
  return process;
}

WorkerProcess::~WorkerProcess() {
  if (alive_) Kill();
  ::close(fd_);
}

void WorkerProcess::Kill() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  alive_ = false;
}

int64_t WorkerProcess::ResidentBytes() const {
  std::ifstream statm(absl::StrCat("/proc/", pid_, "/statm"));
  int64_t total = 0;
  int64_t resident = 0;
  statm >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

absl::Status WorkerProcess::Send(const wire::WorkerRequest& request) {
  if (!alive_)
    return Unavailable("WORKER_GONE",
                       "the engine's worker process has ended; run the statement again");
  absl::Status status = WriteFrame(fd_, request);
  if (!status.ok()) Kill();
  return status;
}

absl::StatusOr<wire::WorkerResponse> WorkerProcess::Receive(const StopConditions& stop) {
  int polls = 0;
  while (!WaitReadable(fd_, kPollMilliseconds)) {
    if (stop.cancelled != nullptr && *stop.cancelled) {
      return Stop(
          MakeError(absl::StatusCode::kCancelled, "QUERY_CANCELLED", "the query was cancelled"));
    }
    if (absl::Now() >= stop.deadline) {
      return Stop(DeadlineExceeded(
          "QUERY_TIMED_OUT", "the query's time was over; narrow it, or ask for a longer timeout"));
    }
    if (stop.max_resident_bytes > 0 && ++polls % 5 == 0 &&
        ResidentBytes() > stop.max_resident_bytes) {
      Kill();
      return ResourceExhausted(
          "OUT_OF_MEMORY",
          "the query took more memory than it may; narrow it, or ask for a larger limit");
    }
  }
  wire::WorkerResponse response;
  absl::Status status = ReadFrame(fd_, &response);
  if (!status.ok()) {
    Kill();
    return status;
  }
  return response;
}

// Cancels the running request and reads on until the worker has ended it; kills a worker that does
// not.
absl::Status WorkerProcess::Stop(const absl::Status& why) {
  wire::WorkerRequest request;
  request.mutable_cancel();
  if (!Send(request).ok()) return why;
  const absl::Time killed_at = absl::Now() + kCancelGrace;
  while (true) {
    const int left = static_cast<int>(absl::ToInt64Milliseconds(killed_at - absl::Now()));
    wire::WorkerResponse response;
    if (left <= 0 || !WaitReadable(fd_, left) || !ReadFrame(fd_, &response).ok()) {
      Kill();
      return why;
    }
    if (response.has_done() || response.has_failure() || response.has_parsed()) return why;
  }
}

absl::StatusOr<std::string> WorkerProcess::Parse(const std::string& sql,
                                                 const StopConditions& stop) {
  wire::WorkerRequest request;
  request.mutable_parse()->set_sql(sql);
  TARN_RETURN_IF_ERROR(Send(request));
  TARN_ASSIGN_OR_RETURN(wire::WorkerResponse response, Receive(stop));
  if (response.has_failure()) return FailureStatus(response.failure());
  return std::move(*response.mutable_parsed()->mutable_tree_json());
}

absl::StatusOr<wire::ResultSchema> WorkerProcess::ParseTypes(
    const std::vector<std::pair<std::string, std::string>>& columns, const StopConditions& stop) {
  wire::WorkerRequest request;
  for (const auto& [name, sql_type] : columns) {
    request.mutable_parse_types()->add_names(name);
    request.mutable_parse_types()->add_sql_types(sql_type);
  }
  TARN_RETURN_IF_ERROR(Send(request));
  TARN_ASSIGN_OR_RETURN(wire::WorkerResponse response, Receive(stop));
  if (response.has_failure()) return FailureStatus(response.failure());
  return std::move(*response.mutable_schema());
}

absl::StatusOr<wire::ResultSchema> WorkerProcess::Describe(const wire::Execute& execute,
                                                           const StopConditions& stop) {
  wire::WorkerRequest request;
  *request.mutable_execute() = execute;
  request.mutable_execute()->set_describe(true);
  TARN_RETURN_IF_ERROR(Send(request));
  TARN_ASSIGN_OR_RETURN(wire::WorkerResponse response, Receive(stop));
  if (response.has_failure()) return FailureStatus(response.failure());
  return std::move(*response.mutable_schema());
}

absl::StatusOr<wire::Done> WorkerProcess::Execute(const wire::Execute& execute,
                                                  const StopConditions& stop,
                                                  const ResultSink& sink) {
  wire::WorkerRequest request;
  *request.mutable_execute() = execute;
  TARN_RETURN_IF_ERROR(Send(request));
  while (true) {
    TARN_ASSIGN_OR_RETURN(wire::WorkerResponse response, Receive(stop));
    absl::Status sunk;
    switch (response.response_case()) {
      case wire::WorkerResponse::kDone:
        return std::move(*response.mutable_done());
      case wire::WorkerResponse::kFailure:
        return FailureStatus(response.failure());
      case wire::WorkerResponse::kSchema:
        if (sink.on_schema) sunk = sink.on_schema(response.schema());
        break;
      case wire::WorkerResponse::kRows:
        if (sink.on_rows) sunk = sink.on_rows(std::move(*response.mutable_rows()));
        break;
      default:
        sunk = Internal("FRAME_MALFORMED", "an answer without content");
    }
    if (!sunk.ok()) return Stop(sunk);
    // A steady flow of rows never lets Receive wait, so limits are looked at here as well.
    if (stop.cancelled != nullptr && *stop.cancelled) {
      return Stop(
          MakeError(absl::StatusCode::kCancelled, "QUERY_CANCELLED", "the query was cancelled"));
    }
    if (absl::Now() >= stop.deadline) {
      return Stop(DeadlineExceeded(
          "QUERY_TIMED_OUT", "the query's time was over; narrow it, or ask for a longer timeout"));
    }
  }
}

}  // namespace tarn::query
