// Runs statements by query's ExecuteQuery.
#pragma once

#include <functional>
#include <memory>

#include "services/dashboard/render/query_runner.h"

namespace grpc {
class Channel;
}

namespace tarn::dashboard {

class GrpcQueryRunner : public QueryRunner {
 public:
  // `query` gives the channel, at every call.
  explicit GrpcQueryRunner(std::function<std::shared_ptr<grpc::Channel>()> query)
      : query_(std::move(query)) {}

  absl::StatusOr<QueryRows> Run(const rpc::CallContext& call, const SqlStatement& statement,
                                const std::string& source) override;

 private:
  const std::function<std::shared_ptr<grpc::Channel>()> query_;
};

}  // namespace tarn::dashboard
