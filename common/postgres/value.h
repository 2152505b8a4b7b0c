// Parameters of SQL statements and the rows that come back, without libpqxx in sight.
//
//   Result result = txn.Exec("SELECT id, created_at, note FROM m.things WHERE workspace = $1", ws);
//   for (Row row : result) {
//     Use(row.Get<std::string>("id"), row.Get<absl::Time>("created_at"),
//         row.Get<std::optional<std::string>>("note"));
//   }
//
// Types of Get: bool, int (32 bits), int64_t, double, std::string (any type, as PostgreSQL writes
// it; so jsonb, uuid, numeric), Bytes (bytea), absl::Time (timestamptz; UTC, microseconds;
// 'infinity' is absl::InfiniteFuture()), std::vector<std::string> (one-dimensional array without
// NULLs), std::vector<int64_t>, and std::optional of each.
//
// Errors: a missing column, a NULL in a type that is not optional or a text that is not of the type
// is a fault of the program; it is thrown, and PostgresPool::Run returns it as INTERNAL.
// A Result shares its rows with copies of itself and is immutable: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <absl/time/time.h>

namespace tarn {

// Octets, as opposed to text: bytea.
struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

// One parameter ($1…) in PostgreSQL's text form; its type is inferred by the server from the
// statement, so write a cast ($1::jsonb, $2::uuid[]) where that is ambiguous. NULL is std::nullopt.
class Param {
 public:
  Param(std::nullopt_t) {}                                      // NOLINT
  Param(std::string text) : text_(std::move(text)) {}           // NOLINT
  Param(std::string_view text) : text_(std::string(text)) {}    // NOLINT
  Param(const char* text) : text_(std::string(text)) {}         // NOLINT
  Param(bool value) : text_(std::string(value ? "t" : "f")) {}  // NOLINT
  Param(double value);                                          // NOLINT
  Param(absl::Time value);                                      // NOLINT
  Param(const Bytes& value);                                    // NOLINT
  Param(const std::vector<std::string>& values);                // NOLINT
  Param(const std::vector<int64_t>& values);                    // NOLINT
  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Param(T value)
      : text_(std::to_string(value)) {}  // NOLINT
  template <typename T>
  Param(const std::optional<T>& value) {  // NOLINT
    if (value.has_value()) *this = Param(*value);
  }

  // Nothing for SQL's NULL.
  const std::optional<std::string>& text() const { return text_; }

 private:
  std::optional<std::string> text_;
};

class Result;

// One row. Keeps its result alive.
class Row {
 public:
  template <typename T>
  T Get(std::string_view column) const {
    return Convert<T>(Column(column));
  }
  template <typename T>
  T Get(int column) const {
    return Convert<T>(column);
  }
  bool IsNull(std::string_view column) const { return !Text(Column(column)).has_value(); }

 private:
  friend class Result;
  template <typename T>
  struct OptionalOf : std::false_type {};
  template <typename T>
  struct OptionalOf<std::optional<T>> : std::true_type {
    using Value = T;
  };

  Row(std::shared_ptr<const struct ResultRows> rows, size_t index)
      : rows_(std::move(rows)), index_(index) {}

  int Column(std::string_view name) const;
  // The value as text; nullopt is NULL.
  std::optional<std::string_view> Text(int column) const;
  // Defined for the types above.
  template <typename T>
  T Parse(int column) const;
  template <typename T>
  T Convert(int column) const {
    if constexpr (OptionalOf<T>::value) {
      if (!Text(column).has_value()) return std::nullopt;
      return Parse<typename OptionalOf<T>::Value>(column);
    } else {
      return Parse<T>(column);
    }
  }

  std::shared_ptr<const struct ResultRows> rows_;
  size_t index_;
};

// What a statement returned.
class Result {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    Iterator(const Result* result, size_t index) : result_(result), index_(index) {}
    Row operator*() const { return (*result_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator==(const Iterator& other) const = default;

   private:
    const Result* result_;
    size_t index_;
  };

  explicit Result(std::shared_ptr<const struct ResultRows> rows) : rows_(std::move(rows)) {}

  size_t size() const;
  bool empty() const { return size() == 0; }
  // Rows that an INSERT, UPDATE or DELETE touched, with or without RETURNING.
  int64_t affected_rows() const;
  Row operator[](size_t index) const { return Row(rows_, index); }
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }
  // The only row; thrown as INTERNAL when there are more or none.
  Row One() const;
  // The first row, or nothing.
  std::optional<Row> First() const;

 private:
  std::shared_ptr<const struct ResultRows> rows_;
};

}  // namespace tarn
