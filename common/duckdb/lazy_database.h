// An instance that is opened when it is first needed, anew after a fatal error, and closed when
// nobody has needed it for a while: an idle instance weighs some 30 MiB. What is in its memory goes
// with it.
//
// Thread safe. Connections keep the instance that they came from open.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/duckdb/database.h"

namespace tarn::duckdb {

// After so long without a new connection, services close an instance that nobody uses.
inline constexpr absl::Duration kUnusedDatabaseTime = absl::Minutes(1);

class LazyDatabase {
 public:
  explicit LazyDatabase(DatabaseOptions options) : options_(std::move(options)) {}

  // Errors as those of Database.
  absl::StatusOr<Connection> Connect();
  // How often the instance was opened: what was left in the memory of an earlier one is gone.
  int64_t open_count() const;
  // Lets go of an instance that is broken.
  void Discard();
  // Closes the instance when it has no connection, and none was made since. True when it did.
  bool CloseUnused(absl::Time since);

 private:
  const DatabaseOptions options_;
  mutable std::mutex mutex_;
  std::optional<Database> database_;
  int64_t open_count_ = 0;
  absl::Time connected_ = absl::InfinitePast();  // the last time
};

}  // namespace tarn::duckdb
