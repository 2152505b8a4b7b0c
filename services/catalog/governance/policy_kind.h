// Grants, row filters and column masks have the same life: they are made, changed, listed, kept in
// versions and removed in the same way. What differs is said here, for generated types and names.
#pragma once

#include <string>
#include <string_view>

#include "tarn/catalog/v1/column_mask.pb.h"
#include "tarn/catalog/v1/grant.pb.h"
#include "tarn/catalog/v1/row_filter.pb.h"

namespace tarn::catalog {

// Stored by these numbers.
enum class PolicyKind { kGrant = 1, kRowFilter = 2, kColumnMask = 3 };

// The words for a kind.
struct PolicyWords {
  std::string_view pattern;  // "rowFilters/{row_filter}"
  std::string_view noun;     // "row filter"
  std::string_view field;    // "row_filter", in requests and event types
  std::string_view reason;   // "ROW_FILTER", before _NOT_FOUND and _EXISTS
};

template <typename P>
struct PolicyTraits;

template <>
struct PolicyTraits<v1::Grant> {
  static constexpr PolicyKind kKind = PolicyKind::kGrant;
  static constexpr PolicyWords kWords = {"grants/{grant}", "grant", "grant", "GRANT"};
  static const std::string& Object(const v1::Grant& grant) { return grant.resource(); }
};

template <>
struct PolicyTraits<v1::RowFilter> {
  static constexpr PolicyKind kKind = PolicyKind::kRowFilter;
  static constexpr PolicyWords kWords = {"rowFilters/{row_filter}", "row filter", "row_filter",
                                         "ROW_FILTER"};
  static const std::string& Object(const v1::RowFilter& filter) { return filter.table(); }
};

template <>
struct PolicyTraits<v1::ColumnMask> {
  static constexpr PolicyKind kKind = PolicyKind::kColumnMask;
  static constexpr PolicyWords kWords = {"columnMasks/{column_mask}", "column mask", "column_mask",
                                         "COLUMN_MASK"};
  static const std::string& Object(const v1::ColumnMask& mask) { return mask.table(); }
};

// What a policy is on: a database or, with `table`, a table of it.
struct PolicyObject {
  std::string database;
  std::string table;

  friend auto operator<=>(const PolicyObject&, const PolicyObject&) = default;
};

}  // namespace tarn::catalog
