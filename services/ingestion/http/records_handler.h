// Records over HTTP: POST /v1/streams/{stream}/records with JSON lines, a JSON array, CSV or plain
// lines, as they are or compressed, to be backfilled with ?backfill=true; GET /healthz and /readyz.
// The README has headers and answers.
//
// Thread safe; never blocks but in Stop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>

#include "common/auth/key_exchanger.h"
#include "common/http/http_exchange.h"
#include "common/rpc/call_handler.h"

namespace tarn {
class StorageOpener;
}

namespace tarn::ingestion {

class RecordWriter;
class StreamFinder;

class RecordsHandler {
 public:
  // `ready` must not block. All that is referred to outlives the handler.
  RecordsHandler(rpc::CallHandlerOptions options, auth::KeyExchanger::ChannelSource dashboard,
                 const Clock& clock, const StorageOpener& storage, StreamFinder& finder,
                 RecordWriter& writer, std::function<absl::Status()> ready)
      : handler_(std::move(options)),
        keys_(std::move(dashboard), clock),
        storage_(storage),
        finder_(finder),
        writer_(writer),
        ready_(std::move(ready)) {}

  void Handle(HttpRequest request, std::shared_ptr<HttpResponder> responder);

  // When no more requests come: ends the exchanges of keys under way.
  void Stop() { keys_.Stop(); }

 private:
  class Put;

  const rpc::CallHandler handler_;
  auth::KeyExchanger keys_;
  const StorageOpener& storage_;
  StreamFinder& finder_;
  RecordWriter& writer_;
  const std::function<absl::Status()> ready_;
};

}  // namespace tarn::ingestion
