// Records over HTTP, as ingestion takes them at its own port: POST /v1/streams/{stream}/records
// with JSON lines, a JSON array, CSV or plain lines, as they are or compressed, by a key or a
// token. They go on to ingestion as PutRecords.
//
// Thread safe; never blocks but in Stop.
#pragma once

#include <memory>
#include <string>

#include "common/auth/key_exchanger.h"
#include "common/http/http_exchange.h"

namespace tarn::dashboard {

class ConnectHandler;

class RecordsForwarder {
 public:
  // `dashboard` is where keys are exchanged. All that is referred to outlives it.
  RecordsForwarder(ConnectHandler& connect, auth::KeyExchanger::ChannelSource dashboard,
                   const Clock& clock)
      : connect_(connect), keys_(std::move(dashboard), clock) {}

  // A POST to the records of `stream`, "streams/{stream}".
  void Handle(const std::string& stream, HttpRequest request,
              std::shared_ptr<HttpResponder> responder);

  // Ends the exchanges of keys under way. Before ConnectHandler's.
  void Stop() { keys_.Stop(); }

 private:
  void Forward(const std::string& stream, HttpRequest request,
               std::shared_ptr<HttpResponder> responder);

  ConnectHandler& connect_;
  auth::KeyExchanger keys_;
};

}  // namespace tarn::dashboard
