#include "common/postgres/postgres_error.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <pqxx/pqxx>

#include "common/status/error.h"

namespace tarn::postgres_internal {
namespace {

// libpqxx 6 keeps a message's text alone, so connections ask libpq for verbose messages, in which
// each field has a line of its own:
//   ERROR:  23505: duplicate key value violates unique constraint "a_pkey"
//   DETAIL:  Key (id)=(1) already exists.
//   CONSTRAINT NAME:  a_pkey
std::string Field(const std::string& text, const std::string& label) {
  size_t begin = text.find("\n" + label + ":  ");
  if (begin == std::string::npos) return "";
  begin += label.size() + 4;
  size_t end = text.find('\n', begin);
  return text.substr(begin, end == std::string::npos ? std::string::npos : end - begin);
}

// The first line without "ERROR:  23505: ", and the detail.
std::string Message(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  size_t colon = line.find(":  ");
  if (colon != std::string::npos) line.erase(0, colon + 3);
  if (line.size() > 7 && line[5] == ':' && line[6] == ' ') line.erase(0, 7);
  std::string detail = Field(text, "DETAIL");
  return detail.empty() ? line : line + " (" + detail + ")";
}

absl::Status OfSqlError(const pqxx::sql_error& error) {
  const std::string text = error.what();
  const std::string& state = error.sqlstate();
  std::string message = Message(text);
  ErrorMetadata metadata{{"sqlstate", state}};
  if (std::string constraint = Field(text, "CONSTRAINT NAME"); !constraint.empty()) {
    metadata["constraint"] = constraint;
  }
  if (state == "23505") return AlreadyExists("UNIQUE_VIOLATION", message, metadata);
  if (state == "23503") return FailedPrecondition("FOREIGN_KEY_VIOLATION", message, metadata);
  if (absl::StartsWith(state, "23")) {
    return FailedPrecondition("CONSTRAINT_VIOLATION", message, metadata);
  }
  if (state == "57014" || state == "55P03") {  // cancelled or timed out; lock not available
    return DeadlineExceeded("STATEMENT_TIMEOUT", "PostgreSQL: " + message, metadata);
  }
  if (state == "22021" || state == "22P05") {  // not UTF-8; NUL inside JSON
    return InvalidArgument("INVALID_TEXT", "a text cannot be stored: " + message, metadata);
  }
  if (absl::StartsWith(state, "53")) {
    return ResourceExhausted(
        "POSTGRES_RESOURCES",
        "PostgreSQL is out of resources: " + message + "; check its disk, memory and connections",
        metadata);
  }
  return Internal("POSTGRES_ERROR", "PostgreSQL refused a statement: " + message, metadata);
}

bool IsConnectionState(const std::string& state) {
  // 08: connection exceptions; 57P0x: shut down, crashed, starting up; 25P03, 57P05: idle timeouts.
  return absl::StartsWith(state, "08") || absl::StartsWith(state, "57P") || state == "25P03";
}

absl::Status Lost(std::string_view server, const std::string& text) {
  return Unavailable("POSTGRES_UNAVAILABLE",
                     "PostgreSQL at " + std::string(server) +
                         " cannot be reached: " + text.substr(0, text.find('\n')) +
                         "; check that it runs, that the DSN is right and that it accepts more "
                         "connections");
}

}  // namespace

MappedError MapCurrentException(std::string_view server) {
  try {
    throw;
  } catch (const StatusException& error) {
    return {error.status()};
  } catch (const pqxx::in_doubt_error&) {
    return {MakeError(absl::StatusCode::kUnknown, "COMMIT_IN_DOUBT",
                      "the connection to PostgreSQL broke while a transaction was being committed; "
                      "look whether the change was made before trying again"),
            false, true};
  } catch (const pqxx::transaction_rollback& error) {  // serialization failure, deadlock
    return {Aborted("TRANSACTION_CONFLICT",
                    "PostgreSQL gave up a transaction that conflicts with others: " +
                        Message(error.what()) + "; try again"),
            true, false};
  } catch (const pqxx::broken_connection& error) {
    return {Lost(server, error.what()), false, true};
  } catch (const pqxx::sql_error& error) {
    if (IsConnectionState(error.sqlstate()))
      return {Lost(server, Message(error.what())), false, true};
    if (error.sqlstate() == "40001" || error.sqlstate() == "40P01") {
      return {Aborted("TRANSACTION_CONFLICT", Message(error.what()) + "; try again"), true, false};
    }
    return {OfSqlError(error)};
  } catch (const pqxx::pqxx_exception& error) {  // misuse of libpqxx
    return {Internal("POSTGRES_ERROR", error.base().what()), false, true};
  }
}

}  // namespace tarn::postgres_internal
