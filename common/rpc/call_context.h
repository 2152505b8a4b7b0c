// What a handler knows about the call that it serves.
#pragma once

#include <string>

#include <absl/time/time.h>

#include "common/auth/caller.h"
#include "common/rpc/credentials.h"

namespace grpc {
class ServerContextBase;
}

namespace tarn::rpc {

// Valid while the call lasts. Handlers read it from one thread at a time; IsCancelled from any.
struct CallContext {
  // Empty in a public call.
  auth::Caller caller;
  // The caller's own token, for calls made on the caller's behalf.
  std::string token;
  // When the token ends: a long stream should end by then with UNAUTHENTICATED.
  absl::Time token_expire_time = absl::InfiniteFuture();
  std::string request_id;
  absl::Time deadline = absl::InfiniteFuture();
  const grpc::ServerContextBase* server_context = nullptr;

  // Whether the client has gone or the deadline has passed.
  bool IsCancelled() const;
  // For calls to other modules on behalf of this caller.
  Credentials credentials() const { return {token, request_id}; }
};

}  // namespace tarn::rpc
