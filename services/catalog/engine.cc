#include "services/catalog/engine.h"

#include "common/status/status_macros.h"

namespace tarn::catalog {

absl::StatusOr<duckdb::Connection> Engine::Connect() {
  std::lock_guard lock(mutex_);
  if (!database_) {
    TARN_ASSIGN_OR_RETURN(duckdb::Database opened, duckdb::Database::Open(options_));
    database_ = std::move(opened);
  }
  return database_->Connect();
}

void Engine::Discard() {
  std::lock_guard lock(mutex_);
  database_.reset();
}

}  // namespace tarn::catalog
