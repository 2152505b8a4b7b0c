// SIGTERM and SIGINT as something to wait for.
#pragma once

namespace tarn::server {

// The first signal wakes Wait; a second one ends the process at once (every promise of Tarn holds
// through a kill). Handlers and a pipe rather than a blocked mask and sigwait: child processes
// inherit a blocked mask through exec, and could then not be stopped themselves. One object a
// process, made on the main thread before others are started; SIGPIPE is ignored from then on.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Blocks until a signal came or Request was called; returns at once ever after.
  void Wait();
  // As if a signal had come. Any thread.
  void Request();
};

}  // namespace tarn::server
