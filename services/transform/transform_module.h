// Transform as a module: pipelines, their runs, schedules and triggers. Wiring and lifecycle alone.
//
// PostgreSQL may be away when it starts: it stays up, says so, and goes on by itself once it is
// there.
#pragma once

#include <memory>

#include "common/server/module.h"
#include "common/server/module_context.h"
#include "services/transform/transform_options.h"

namespace tarn {
class PostgresPool;
}

namespace tarn::transform {

class TransformModule final : public server::Module {
 public:
  TransformModule(TransformOptions options, const server::ModuleContext& context);
  ~TransformModule() override;

  std::string_view name() const override { return "transform"; }
  void RegisterServices(grpc::ServerBuilder& builder) override;
  absl::Status Start() override;
  absl::Status Ready() override;
  void Drain() override;
  void Stop() override;

 private:
  struct Parts;

  const std::unique_ptr<Parts> parts_;
};

// Migrates all that transform needs. Errors: those of ApplyMigrations.
absl::Status MigrateTransform(PostgresPool& pool);

}  // namespace tarn::transform
