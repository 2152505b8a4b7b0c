// What a Result shares with its rows. Internal to common/postgres: includes libpqxx.
#pragma once

#include <pqxx/pqxx>

#include "common/postgres/value.h"

namespace tarn {

struct ResultRows {
  pqxx::result rows;
};

}  // namespace tarn
