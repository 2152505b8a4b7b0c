#include "services/alerting/evaluation/result_table.h"

#include <cmath>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::alerting {
namespace {

using Json = nlohmann::json;

absl::StatusOr<size_t> FindColumn(const ResultTable& table, const std::string& name) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].name == name) return i;
  }
  std::string there = absl::StrJoin(
      table.columns, ", ",
      [](std::string* out, const ResultTable::Column& column) { out->append(column.name); });
  return InvalidArgument("COLUMN_NOT_FOUND",
                         absl::StrCat("the result has no column ", name, "; it has ", there,
                                      ". Change the rule's SQL or the name in the rule"),
                         {{"column", name}});
}

// Decimals and large integers come as text.
bool IsNumericType(absl::string_view type) {
  for (absl::string_view prefix :
       {"int", "long", "bigint", "smallint", "tinyint", "hugeint", "uint", "ubigint", "usmallint",
        "utinyint", "uhugeint", "decimal", "float", "double", "real"}) {
    if (absl::StartsWithIgnoreCase(type, prefix)) {
      return !absl::StartsWithIgnoreCase(type, "interval") && !absl::EndsWith(type, "[]");
    }
  }
  return false;
}

absl::StatusOr<std::optional<double>> ValueOf(const Json& cell, const ResultTable::Column& column) {
  double value = 0;
  if (cell.is_null()) return std::nullopt;
  if (cell.is_number()) {
    value = cell.get<double>();
  } else if (!cell.is_string() || !IsNumericType(column.type) ||
             !absl::SimpleAtod(cell.get_ref<const std::string&>(), &value)) {
    return InvalidArgument("VALUE_NOT_NUMERIC",
                           absl::StrCat("column ", column.name, " is of type ", column.type,
                                        ", not a number; cast it in the rule's SQL, as in CAST(",
                                        column.name, " AS double)"),
                           {{"column", column.name}});
  }
  if (std::isnan(value)) return std::nullopt;
  return value;
}

std::string LabelOf(const Json& cell) {
  if (cell.is_null()) return "";
  if (cell.is_string()) return cell.get<std::string>();
  return cell.dump();
}

std::string Describe(const Labels& labels) {
  return absl::StrJoin(labels, ", ", absl::PairFormatter("="));
}

absl::Status DuplicateLabels(const Labels& labels) {
  if (labels.empty()) {
    return InvalidArgument("DUPLICATE_LABELS",
                           "the result has several rows and no label column to tell them apart; "
                           "select one, or aggregate to one row");
  }
  return InvalidArgument("DUPLICATE_LABELS",
                         absl::StrCat("two rows of the result have the labels ", Describe(labels),
                                      "; group by the label columns in the rule's SQL"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> LabelColumns(const ResultTable& table,
                                                      const std::string& value_column,
                                                      const std::vector<std::string>& wanted) {
  std::set<std::string> names;
  for (const ResultTable::Column& column : table.columns) {
    if (!names.insert(column.name).second) {
      return InvalidArgument("DUPLICATE_COLUMN",
                             absl::StrCat("the result has two columns called ", column.name,
                                          "; name one of them otherwise with AS"),
                             {{"column", column.name}});
    }
  }
  TARN_RETURN_IF_ERROR(FindColumn(table, value_column).status());
  for (const std::string& name : wanted) TARN_RETURN_IF_ERROR(FindColumn(table, name).status());
  if (!wanted.empty()) return wanted;
  std::vector<std::string> labels;
  for (const ResultTable::Column& column : table.columns) {
    if (column.name != value_column) labels.push_back(column.name);
  }
  return labels;
}

absl::StatusOr<std::vector<Observation>> ObservationsOf(const ResultTable& table,
                                                        const std::string& value_column,
                                                        const std::vector<std::string>& labels) {
  if (table.rows.size() > kMaxRows) {
    return InvalidArgument("RESULT_TOO_LARGE",
                           absl::StrCat("the result has more than ", kMaxRows,
                                        " rows; aggregate or filter in the rule's SQL"));
  }
  TARN_ASSIGN_OR_RETURN(size_t value_index, FindColumn(table, value_column));
  std::vector<size_t> label_indexes;
  for (const std::string& name : labels) {
    TARN_ASSIGN_OR_RETURN(size_t index, FindColumn(table, name));
    label_indexes.push_back(index);
  }
  std::vector<Observation> observations;
  std::set<Labels> seen;
  for (const std::string& text : table.rows) {
    Json row = Json::parse(text, nullptr, false);
    if (!row.is_array() || row.size() != table.columns.size()) {
      return Internal("MALFORMED_RESULT", "query sent a row that is no JSON array of its columns");
    }
    Observation observation;
    TARN_ASSIGN_OR_RETURN(observation.value, ValueOf(row[value_index], table.columns[value_index]));
    for (size_t i = 0; i < labels.size(); ++i) {
      observation.labels[labels[i]] = LabelOf(row[label_indexes[i]]);
    }
    if (!seen.insert(observation.labels).second) return DuplicateLabels(observation.labels);
    observations.push_back(std::move(observation));
  }
  return observations;
}

}  // namespace tarn::alerting
