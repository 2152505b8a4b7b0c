#include "services/dashboard/render/sql_text.h"

#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/names/names.h"

namespace tarn::dashboard {
namespace {

// A statement's own last semicolon would end ours.
std::string WithoutSemicolon(std::string sql) {
  while (!sql.empty() && (sql.back() == ';' || sql.back() == ' ' || sql.back() == '\n' ||
                          sql.back() == '\t' || sql.back() == '\r')) {
    sql.pop_back();
  }
  return sql;
}

std::string SourceOf(const v1::Dataset& dataset) {
  if (dataset.source_case() == v1::Dataset::kSql) {
    // The line break ends a comment on the last line.
    return "(" + WithoutSemicolon(dataset.sql()) + "\n)";
  }
  absl::StatusOr<names::TableId> table = names::ParseSqlName(dataset.table());
  if (!table.ok()) return QuoteIdentifier(dataset.table());  // was refused when it was stored
  return QuoteIdentifier(table->database) + "." + QuoteIdentifier(table->table);
}

}  // namespace

std::string SqlStatement::Bind(std::string_view value) {
  std::string name = "p" + std::to_string(parameters.size() + 1);
  parameters.emplace(name, value);
  return "$" + name;
}

std::string QuoteIdentifier(std::string_view name) {
  std::string quoted = "\"";
  for (char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string RelationOf(const v1::Dataset& dataset) {
  std::string source = SourceOf(dataset);
  if (dataset.calculated_fields().empty()) return source + " AS d";
  std::string relation = "(SELECT s.*";
  for (const v1::CalculatedField& field : dataset.calculated_fields()) {
    relation += ", (" + field.expression() + "\n) AS " + QuoteIdentifier(field.name());
  }
  return relation + " FROM " + source + " AS s) AS d";
}

}  // namespace tarn::dashboard
