// Catalog, query and alerting as transform calls them, in one in-process server. Work is started
// once for each request id, as the real ones do; how it ends is the test's to say. Thread safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "tarn/common/v1/execution.pb.h"
#include "tarn/query/v1/query_service.pb.h"

namespace grpc {
class Server;
}
namespace tarn::auth {
class TokenVerifier;
}
namespace tarn::rpc {
class ServiceDirectory;
}

namespace tarn::transform {

class FakeModules {
 public:
  // How a piece of work goes.
  struct Script {
    common::v1::ExecutionState state = common::v1::EXECUTION_STATE_SUCCEEDED;
    std::string reason;
    std::string message;
    // It goes on until it is cancelled or released.
    bool blocks = false;
    // A query's result, one JSON array a row; or the number of rows alone.
    std::vector<std::string> rows;
    int64_t row_count = 0;
  };

  struct Started {
    // "query", "crawl", "job" or "notification".
    std::string kind;
    std::string name;
    std::string request_id;
    std::string user;  // by the token
    // The crawler, the table, or the channel.
    std::string subject;
    std::string message;
    query::v1::Statement statement;
    bool cancelled = false;
  };

  explicit FakeModules(auth::TokenVerifier& verifier);
  ~FakeModules();

  // Puts all three into the directory.
  void AddTo(rpc::ServiceDirectory& services);

  // For work whose SQL, crawler or table contains `pattern`: the scripts in turn, the last one for
  // ever.
  void Expect(const std::string& pattern, std::vector<Script> scripts);
  // Lets work that blocks end well.
  void Release(const std::string& pattern);
  void AddTable(const std::string& name);
  // The next `count` starts of work do it, and their answers are lost: UNAVAILABLE.
  void LoseAnswers(int count);
  // What the next `count` calls of any method fail with.
  void FailCalls(int count, absl::Status status);

  // What was started, in order.
  std::vector<Started> started() const;
  std::vector<Started> StartedOf(const std::string& pattern) const;
  // Waits until `count` pieces of work that fit have been started; false after ten seconds.
  bool WaitForStarted(const std::string& pattern, size_t count) const;

 private:
  class Shared;
  class CatalogService;
  class QueryService;
  class AlertingService;
  struct Work;

  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<CatalogService> catalog_;
  std::unique_ptr<QueryService> query_;
  std::unique_ptr<AlertingService> alerting_;

  auth::TokenVerifier& verifier_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::shared_ptr<Work>> works_;
  std::map<std::string, std::vector<Script>> scripts_;
  std::set<std::string> tables_;
  int failing_calls_ = 0;
  int lost_answers_ = 0;
  absl::Status failure_;
};

}  // namespace tarn::transform
