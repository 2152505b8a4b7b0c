// The gRPC library's own life within the process.
#pragma once

namespace tarn::rpc {

// Keeps gRPC initialized until the process ends. Without it, the end of the last channel or server
// shuts the library down, which now and then waits ten seconds for a thread of its own that sleeps
// in epoll. Whoever makes channels or servers calls it first; any thread, any number of times.
void KeepGrpcInitialized();

}  // namespace tarn::rpc
