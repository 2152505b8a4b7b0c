#include "common/duckdb/lazy_database.h"

#include <absl/time/clock.h>

#include "common/status/status_macros.h"

namespace tarn::duckdb {

absl::StatusOr<Connection> LazyDatabase::Connect() {
  std::lock_guard lock(mutex_);
  connected_ = absl::Now();
  if (!database_) {
    TARN_ASSIGN_OR_RETURN(Database opened, Database::Open(options_));
    database_ = std::move(opened);
    ++open_count_;
  }
  return database_->Connect();
}

int64_t LazyDatabase::open_count() const {
  std::lock_guard lock(mutex_);
  return open_count_;
}

void LazyDatabase::Discard() {
  std::lock_guard lock(mutex_);
  database_.reset();
}

bool LazyDatabase::CloseUnused(absl::Time since) {
  std::lock_guard lock(mutex_);
  if (!database_ || connected_ >= since || database_->HasConnections()) return false;
  database_.reset();
  return true;
}

}  // namespace tarn::duckdb
