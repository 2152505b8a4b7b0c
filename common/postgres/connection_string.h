// Connection strings: Tarn's settings added to a user's DSN, and a DSN told without its secrets.
#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn::postgres_internal {

struct SessionSettings {
  std::string application_name;
  absl::Duration connect_timeout;
  absl::Duration statement_timeout;
  absl::Duration idle_in_transaction_timeout;
};

struct ConnectionString {
  std::string dsn;     // for libpq; may hold a password
  std::string server;  // "host h port p database d user u", for messages
};

// INVALID_ARGUMENT with reason POSTGRES_DSN_INVALID when libpq cannot read `dsn`. What the DSN says
// itself wins over defaults; time zone, date style and bytea format are Tarn's in any case.
absl::StatusOr<ConnectionString> MakeConnectionString(const std::string& dsn,
                                                      const SessionSettings& settings);

}  // namespace tarn::postgres_internal
