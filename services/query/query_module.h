// Wires the query module together and runs its life (common/server/module.h).
#pragma once

#include <memory>

#include "common/server/module.h"
#include "common/server/module_context.h"
#include "services/query/query_options.h"

namespace tarn::query {

class QueryModule final : public server::Module {
 public:
  // `context` outlives the module.
  QueryModule(QueryOptions options, const server::ModuleContext& context);
  ~QueryModule() override;

  std::string_view name() const override { return "query"; }
  void RegisterServices(grpc::ServerBuilder& builder) override;
  absl::Status Start() override;
  absl::Status Ready() override;
  void Stop() override;

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace tarn::query
