#include "services/catalog/storage.h"

#include "common/events/event.h"
#include "common/status/status_macros.h"
#include "services/catalog/migrations.h"

namespace tarn::catalog {

Storage::Storage(std::string dsn, int max_connections)
    : pool_({.dsn = std::move(dsn),
             .max_connections = max_connections,
             .application_name = "tarn-catalog"}) {}

absl::Status Storage::Migrate() {
  TARN_RETURN_IF_ERROR(events::Migrate(pool_));
  return ApplyMigrations(pool_, "catalog", Migrations());
}

absl::Status Storage::Ready() {
  TARN_RETURN_IF_ERROR(Check());
  return pool_.CheckHealth();
}

}  // namespace tarn::catalog
