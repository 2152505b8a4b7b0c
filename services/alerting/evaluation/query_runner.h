// Runs rules' SQL in the query module, as the rules' owners.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/alerting/evaluation/result_table.h"

namespace grpc {
class ClientContext;
}
namespace tarn::auth {
class TokenProvider;
}
namespace tarn::rpc {
class ServiceDirectory;
}

namespace tarn::alerting {

// What stops one query from another thread.
class QueryCancellation {
 public:
  void Cancel();

 private:
  friend class QueryRunner;
  // False when it was cancelled before.
  bool Attach(grpc::ClientContext* context);
  void Detach();

  std::mutex mutex_;
  bool cancelled_ = false;
  grpc::ClientContext* context_ = nullptr;
};

// Thread safe.
class QueryRunner {
 public:
  // All outlive it. The channel to query is taken at the first Run.
  QueryRunner(rpc::ServiceDirectory& services, auth::TokenProvider& tokens, absl::Duration timeout)
      : services_(services), tokens_(tokens), timeout_(timeout) {}

  struct Request {
    std::string workspace;
    std::string owner;
    std::string sql;
    std::string default_database;
    std::string source;  // "rules/{r}"
  };
  // Errors: those of the query, RESULT_TOO_LARGE with what to do about it; those of
  // TokenProvider::TokenFor; UNAVAILABLE where query cannot be reached; CANCELLED.
  absl::StatusOr<ResultTable> Run(const Request& request, QueryCancellation& cancellation);

 private:
  rpc::ServiceDirectory& services_;
  auth::TokenProvider& tokens_;
  const absl::Duration timeout_;
};

}  // namespace tarn::alerting
