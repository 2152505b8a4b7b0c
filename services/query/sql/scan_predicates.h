// What a query's WHERE says of a table's columns in so simple a form that the catalog can tell from
// a file's bounds and partition that no row of it is wanted. Only conditions without which no row
// of the result could come are taken; everything else is left to the engine, which evaluates the
// whole WHERE in any case. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "tarn/catalog/v1/catalog_service.pb.h"
#include "tarn/catalog/v1/schema.pb.h"

#include "common/sql_expression/table_binder.h"

namespace tarn::query {

using sql_expression::TableReference;

// One conjunct, not yet checked against the column's type.
struct Conjunct {
  enum class Kind { kComparison, kIn, kIsNull, kIsNotNull, kPrefix };
  std::string column;  // in lower case
  Kind kind = Kind::kComparison;
  ::tarn::catalog::v1::PredicateOperator op = ::tarn::catalog::v1::PREDICATE_OPERATOR_UNSPECIFIED;
  // Constants of the syntax tree; a CAST of one stays one.
  std::vector<nlohmann::json> literals;

  friend bool operator<(const Conjunct& a, const Conjunct& b) {
    return std::tie(a.column, a.kind, a.op, a.literals) <
           std::tie(b.column, b.kind, b.op, b.literals);
  }
};

// The conjuncts of each table that `tree`, with its parameters bound, names exactly once: =, <, <=,
// >, >=, IN, BETWEEN, IS [NOT] NULL and LIKE 'prefix%' of a column with constants.
absl::StatusOr<std::map<TableReference, std::vector<Conjunct>>> CollectConjuncts(
    const nlohmann::json& tree, std::string_view default_database);

// Those that mean to the catalog what they mean to the engine, given the columns' types: a number
// compared with a whole number or decimal, text with text, a date or timestamp with one that is
// written out. Never of a system column, whose values are not all in the files.
std::vector<::tarn::catalog::v1::ScanPredicate> ToScanPredicates(
    const std::vector<Conjunct>& conjuncts, const ::tarn::catalog::v1::Schema& schema);

}  // namespace tarn::query
