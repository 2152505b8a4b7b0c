// The two macros that pass an error on. Debian's Abseil has none of its own.
#pragma once

#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#define TARN_STATUS_CONCAT_INNER_(a, b) a##b
#define TARN_STATUS_CONCAT_(a, b) TARN_STATUS_CONCAT_INNER_(a, b)

// Returns from the enclosing function when `expr`, an absl::Status, is not OK.
#define TARN_RETURN_IF_ERROR(expr)                                \
  do {                                                            \
    if (absl::Status tarn_status_ = (expr); !tarn_status_.ok()) { \
      return tarn_status_;                                        \
    }                                                             \
  } while (false)

// Evaluates `expr`, an absl::StatusOr<T>, and moves its value into `lhs`, or returns its error. Not
// one statement: needs braces after an `if`.
#define TARN_ASSIGN_OR_RETURN(lhs, expr) \
  TARN_ASSIGN_OR_RETURN_IMPL_(TARN_STATUS_CONCAT_(tarn_status_or_, __LINE__), lhs, expr)

#define TARN_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr) \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = std::move(result).value()
