// Pieces of SQL that are put together safely. Pure functions; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace tarn::dashboard {

namespace v1 {
class Dataset;
}

// A statement and the values of its $p1, $p2….
struct SqlStatement {
  std::string sql;
  std::map<std::string, std::string> parameters;

  // Adds a value, and gives what stands for it in the statement.
  std::string Bind(std::string_view value);

  friend bool operator==(const SqlStatement&, const SqlStatement&) = default;
  friend auto operator<=>(const SqlStatement&, const SqlStatement&) = default;
};

// "name", with quotes doubled.
std::string QuoteIdentifier(std::string_view name);

// What stands behind FROM for the rows of a data set, calculated fields included, under the alias
// d. A calculated field may use those before it.
std::string RelationOf(const v1::Dataset& dataset);

}  // namespace tarn::dashboard
