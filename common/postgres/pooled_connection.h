// A connection with the statements prepared on it. Internal to common/postgres: includes libpqxx.
#pragma once

#include <string>
#include <unordered_map>

#include <pqxx/pqxx>

namespace tarn::postgres_internal {

struct PooledConnection {
  explicit PooledConnection(const std::string& dsn) : connection(dsn) {
    // Carries constraint names; postgres_error.cc reads them.
    connection.set_verbosity(pqxx::connection_base::verbose);
  }

  pqxx::connection connection;
  std::unordered_map<std::string, std::string> prepared;  // SQL -> its name
};

}  // namespace tarn::postgres_internal
