// The catalog's own engine for crawls and compactions: opened when first needed, and anew after a
// fatal error. Thread safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "common/duckdb/database.h"

namespace tarn::catalog {

class Engine {
 public:
  explicit Engine(duckdb::DatabaseOptions options) : options_(std::move(options)) {}

  absl::StatusOr<duckdb::Connection> Connect();
  // Lets go of an instance that is broken.
  void Discard();

 private:
  const duckdb::DatabaseOptions options_;
  std::mutex mutex_;
  std::optional<duckdb::Database> database_;
};

}  // namespace tarn::catalog
