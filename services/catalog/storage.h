// The catalog's PostgreSQL: the connections and what opens and migrates it, so that the process
// comes up without it and recovers by itself. Thread safe.
#pragma once

#include <string>

#include <absl/status/status.h>

#include "common/postgres/postgres_pool.h"
#include "common/postgres/storage_opener.h"

namespace tarn::catalog {

class Storage {
 public:
  Storage(std::string dsn, int max_connections);

  // As of StorageOpener: tries once, then again in the background until it has worked or Stop is
  // called.
  void Start() { opener_.Start(); }
  void Stop() { opener_.Stop(); }

  // OK once the schema is as this release wants it. UNAVAILABLE until then, with what stands in the
  // way: POSTGRES_UNAVAILABLE, or the reason for which it could not be migrated.
  absl::Status Check() const { return opener_.Check(); }
  // As Check, and PostgreSQL answers now.
  absl::Status Ready();

  PostgresPool& pool() { return pool_; }

 private:
  absl::Status Migrate();

  PostgresPool pool_;
  StorageOpener opener_{"catalog", [this] { return Migrate(); }};
};

}  // namespace tarn::catalog
