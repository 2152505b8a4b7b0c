#include "common/postgres/connection_string.h"

#include <algorithm>
#include <map>

#include <absl/strings/str_cat.h>
#include <libpq-fe.h>

#include "common/status/error.h"

namespace tarn::postgres_internal {
namespace {

std::string Quoted(const std::string& value) {
  std::string quoted = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "'";
}

std::string Milliseconds(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Milliseconds(duration));
}

}  // namespace

absl::StatusOr<ConnectionString> MakeConnectionString(const std::string& dsn,
                                                      const SessionSettings& settings) {
  char* error = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(dsn.c_str(), &error);
  if (parsed == nullptr) {
    // libpq's text may quote the DSN, password and all.
    PQfreemem(error);
    return InvalidArgument("POSTGRES_DSN_INVALID",
                           "the PostgreSQL DSN cannot be read; write it as \"host=db dbname=tarn "
                           "user=tarn password=…\" or postgresql://tarn@db/tarn");
  }
  std::map<std::string, std::string> words;
  for (PQconninfoOption* option = parsed; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) words[option->keyword] = option->val;
  }
  PQconninfoFree(parsed);

  words.emplace(
      "connect_timeout",
      absl::StrCat(std::max<int64_t>(
          2, absl::ToInt64Seconds(absl::Ceil(settings.connect_timeout, absl::Seconds(1))))));
  words.emplace("application_name", settings.application_name);
  words.emplace("keepalives_idle", "30");
  words.emplace("tcp_user_timeout", "30000");
  words["client_encoding"] = "UTF8";
  // The user's own options come last, and the last one wins.
  words["options"] =
      absl::StrCat("-c statement_timeout=", Milliseconds(settings.statement_timeout),
                   " -c idle_in_transaction_session_timeout=",
                   Milliseconds(settings.idle_in_transaction_timeout), " ", words["options"],
                   " -c TimeZone=UTC -c DateStyle=ISO -c bytea_output=hex -c lc_messages=C");

  ConnectionString result;
  for (const auto& [key, value] : words) {
    absl::StrAppend(&result.dsn, result.dsn.empty() ? "" : " ", key, "=", Quoted(value));
  }
  for (const char* key : {"host", "port", "dbname", "user"}) {
    if (!words[key].empty()) {
      absl::StrAppend(&result.server, result.server.empty() ? "" : " ", key, "=", words[key]);
    }
  }
  if (result.server.empty()) result.server = "libpq's default address";
  return result;
}

}  // namespace tarn::postgres_internal
