// The child's side: runs users' SQL in an engine of its own, shut but for the folders that it was
// opened with. One request at a time; a second thread reads the socket, so that a cancel reaches
// the engine while it works. The process ends when the socket closes, so that no worker outlives
// its service.
#pragma once

namespace tarn::query {

// The hidden first argument with which the binary runs itself as a worker: `--query-worker=<fd>`.
inline constexpr char kWorkerFlag[] = "--query-worker=";

// Whether argv asks for a worker; if so, `main` returns RunWorker's value before anything else is
// set up.
bool IsWorkerCommand(int argc, char** argv);

// Serves requests until the socket closes. Returns the process's exit code.
int RunWorker(int argc, char** argv);

}  // namespace tarn::query
