#include "common/postgres/transaction.h"

#include <memory>

#include "common/postgres/pooled_connection.h"
#include "common/postgres/postgres_error.h"
#include "common/postgres/result_rows.h"
#include "common/status/error.h"

namespace tarn {
namespace {

std::vector<const char*> Pointers(const std::vector<Param>& params) {
  std::vector<const char*> pointers;
  pointers.reserve(params.size());
  for (const Param& param : params) {
    if (!param.text().has_value()) {
      pointers.push_back(nullptr);
      continue;
    }
    // PostgreSQL has no NUL in text; it would cut the value short without a word.
    if (param.text()->find('\0') != std::string::npos) {
      throw postgres_internal::StatusException(
          InvalidArgument("INVALID_TEXT", "a text holds the character NUL; remove it"));
    }
    pointers.push_back(param.text()->c_str());
  }
  return pointers;
}

Result Share(pqxx::result rows) {
  return Result(std::make_shared<const ResultRows>(ResultRows{std::move(rows)}));
}

}  // namespace

Result Transaction::ExecParams(std::string_view sql, const std::vector<Param>& params) {
  return Share(
      base_.exec_params(std::string(sql), pqxx::prepare::make_dynamic_params(Pointers(params))));
}

Result Transaction::ExecPreparedParams(std::string_view sql, const std::vector<Param>& params) {
  std::string& name = connection_.prepared[std::string(sql)];
  if (name.empty()) {
    name = "tarn_" + std::to_string(connection_.prepared.size());
    connection_.connection.prepare(name, std::string(sql));
  }
  return Share(base_.exec_prepared(name, pqxx::prepare::make_dynamic_params(Pointers(params))));
}

Result Transaction::ExecScript(std::string_view sql) { return Share(base_.exec(std::string(sql))); }

}  // namespace tarn
