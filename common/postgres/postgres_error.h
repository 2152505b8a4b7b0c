// The one place where exceptions of libpqxx become Statuses. Internal to common/postgres.
//
//   unique violation              ALREADY_EXISTS       UNIQUE_VIOLATION       "constraint"
//   foreign key violation         FAILED_PRECONDITION  FOREIGN_KEY_VIOLATION  "constraint"
//   check, not null, exclusion    FAILED_PRECONDITION  CONSTRAINT_VIOLATION   "constraint"
//   serialization failure,
//   deadlock, after retries       ABORTED              TRANSACTION_CONFLICT
//   statement cancelled, timeout  DEADLINE_EXCEEDED    STATEMENT_TIMEOUT
//   broken or refused connection  UNAVAILABLE          POSTGRES_UNAVAILABLE
//   connection lost at COMMIT     UNKNOWN              COMMIT_IN_DOUBT
//   disk full, out of memory      RESOURCE_EXHAUSTED   POSTGRES_RESOURCES
//   text with NUL or not UTF-8    INVALID_ARGUMENT     INVALID_TEXT
//   anything else                 INTERNAL             POSTGRES_ERROR         "sqlstate"
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace tarn::postgres_internal {

// A fault of our own inside a transaction's callback (a wrong column, say); becomes its Status.
class StatusException : public std::exception {
 public:
  explicit StatusException(absl::Status status)
      : status_(std::move(status)), what_(status_.ToString()) {}
  const absl::Status& status() const { return status_; }
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  absl::Status status_;
  std::string what_;
};

struct MappedError {
  absl::Status status;
  bool conflict = false;         // serialization failure or deadlock: worth another try
  bool connection_lost = false;  // the connection must not be used again
};

// Maps the exception being handled; call inside a catch block. `server` names the server in
// messages ("/run/x port 5432 database tarn"). An exception that is neither of libpqxx nor a
// StatusException is thrown on: it is not ours to hide.
MappedError MapCurrentException(std::string_view server);

}  // namespace tarn::postgres_internal
