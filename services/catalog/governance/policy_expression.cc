#include "services/catalog/governance/policy_expression.h"

#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/duckdb/sql_text.h"
#include "common/duckdb/sql_tree.h"
#include "common/names/nearest_name.h"
#include "common/sql_expression/expression_tree.h"
#include "common/sql_expression/table_binder.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 500;
constexpr size_t kMaxSources = 20;
// The row's columns are called so while an expression is planned, lest a bare name in a subquery
// finds them.
constexpr std::string_view kHidden = "row.";

absl::Status SqlError(std::string_view message) {
  return InvalidArgument(duckdb::kSqlError, message);
}

std::string Text(const json& node, const char* key) {
  auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json ColumnReference(std::vector<std::string> names) {
  return {{"class", "COLUMN_REF"},
          {"type", "COLUMN_REF"},
          {"alias", ""},
          {"query_location", 0},
          {"column_names", std::move(names)}};
}

// The tree of an expression that we wrote ourselves.
absl::StatusOr<json> OwnExpression(duckdb::Connection& connection, const std::string& sql) {
  TARN_ASSIGN_OR_RETURN(json tree, sql_expression::ParseExpression(connection, sql));
  return std::move(sql_expression::ExpressionOf(tree));
}

std::string ListLiteral(const std::vector<std::string>& texts) {
  return absl::StrCat("CAST(", duckdb::QuoteLiteralList(texts), " AS VARCHAR[])");
}

// Writes out what an expression needs of the principal, and names the columns of the row in full.
class Rewriter {
 public:
  Rewriter(duckdb::Connection& connection, const PolicyScope& scope)
      : connection_(connection), scope_(scope) {}

  absl::Status Rewrite(json& expression) {
    CollectAliases(expression);
    if (aliases_.count(std::string(kRowAlias)) > 0) {
      return SqlError(
          absl::StrCat("nothing can be called ", std::string(kRowAlias), " in a policy"));
    }
    return Visit(expression, false, 0);
  }

 private:
  // What FROM and WITH of subqueries call their tables, in lower case.
  void CollectAliases(const json& node) {
    if (!node.is_structured()) return;
    if (node.is_object()) {
      for (const char* key : {"alias", "table_name", "key", "cte_name"}) {
        if (const std::string name = Text(node, key); !name.empty()) {
          aliases_.insert(absl::AsciiStrToLower(name));
        }
      }
    }
    for (const json& child : node) CollectAliases(child);
  }

  absl::Status Visit(json& node, bool in_subquery, int depth) {
    if (depth > kMaxDepth) return SqlError("the expression is nested too deeply");
    if (node.is_array()) {
      for (json& child : node) TARN_RETURN_IF_ERROR(Visit(child, in_subquery, depth + 1));
      return absl::OkStatus();
    }
    if (!node.is_object()) return absl::OkStatus();
    const std::string kind = Text(node, "class");
    if (kind == "COLUMN_REF") return Column(node, in_subquery);
    if (kind == "FUNCTION") {
      TARN_ASSIGN_OR_RETURN(const bool replaced, CallerFunction(node));
      if (replaced) return absl::OkStatus();
    }
    TARN_RETURN_IF_ERROR(Refuse(kind, in_subquery));
    for (auto& [key, child] : node.items()) {
      const bool enters = kind == "SUBQUERY" && key == "subquery";
      TARN_RETURN_IF_ERROR(Visit(child, in_subquery || enters, depth + 1));
    }
    return absl::OkStatus();
  }

  absl::Status Refuse(const std::string& kind, bool in_subquery) const {
    if (kind == "SUBQUERY" && scope_.find_table == nullptr) {
      return SqlError("a subquery cannot stand here; a row filter may have some, a mask none");
    }
    if (kind == "LAMBDA") return SqlError("-> cannot stand in a policy");
    if (kind == "PARAMETER") {
      return SqlError(
          "parameters cannot stand in a policy; current_user, current_groups(), "
          "in_group('…') and current_attribute('…') say who asks");
    }
    if (!in_subquery && (kind == "STAR" || kind == "POSITIONAL_REFERENCE")) {
      return SqlError("columns of the row are written by their names");
    }
    return absl::OkStatus();
  }

  absl::Status Column(json& node, bool in_subquery) {
    std::vector<std::string> parts;
    for (const json& part : node["column_names"]) {
      if (part.is_string()) parts.push_back(part.get<std::string>());
    }
    if (parts.empty()) return SqlError("a column's name is missing");
    const names::TableId& table = scope_.table.id;
    const bool full = parts.size() >= 3 && absl::EqualsIgnoreCase(parts[0], table.database) &&
                      absl::EqualsIgnoreCase(parts[1], table.table);
    if (full) parts.erase(parts.begin());
    const bool of_row = parts.size() >= 2 && absl::EqualsIgnoreCase(parts[0], table.table);
    if (absl::EqualsIgnoreCase(parts[0], "current_user") && parts.size() == 1 &&
        (in_subquery || FindPolicyColumn(scope_.table, parts[0]) == nullptr)) {
      TARN_ASSIGN_OR_RETURN(
          node, OwnExpression(connection_, duckdb::QuoteLiteral(scope_.principal.user)));
      return absl::OkStatus();
    }
    if (in_subquery) {
      if (absl::EqualsIgnoreCase(parts[0], ToAbsl(kRowAlias))) {
        return SqlError(absl::StrCat("write ", table.table, ".column for a column of the row"));
      }
      if (!of_row) return absl::OkStatus();
      if (aliases_.count(absl::AsciiStrToLower(table.table)) > 0) {
        return SqlError(absl::StrCat(table.table,
                                     " is both the governed table and something in the subquery; "
                                     "give the latter another name"));
      }
    }
    if (of_row && (in_subquery || FindPolicyColumn(scope_.table, parts[1]) != nullptr)) {
      parts.erase(parts.begin());
    }
    const PolicyColumn* column = FindPolicyColumn(scope_.table, parts[0]);
    if (column == nullptr) return ColumnNotFound(parts[0]);
    parts[0] = column->name;
    parts.insert(parts.begin(), std::string(kRowAlias));
    node = ColumnReference(std::move(parts));
    return absl::OkStatus();
  }

  absl::Status ColumnNotFound(const std::string& name) const {
    std::vector<std::string> known;
    for (const PolicyColumn& column : scope_.table.columns) known.push_back(column.name);
    return InvalidArgument("COLUMN_NOT_FOUND",
                           absl::StrCat("table ", names::SqlName(scope_.table.id),
                                        " has no column ", name, names::DidYouMean(name, known)),
                           {{"column", name}});
  }

  // Puts a literal in the place of a function of the caller.
  absl::StatusOr<bool> CallerFunction(json& node) {
    const std::string name = absl::AsciiStrToLower(Text(node, "function_name"));
    const auth::Caller& principal = scope_.principal;
    std::string literal;
    if (name == "current_user" || name == "current_groups") {
      if (!node["children"].empty()) return SqlError(name + "() takes nothing");
      literal = name == "current_user" ? duckdb::QuoteLiteral(principal.user)
                                       : ListLiteral(principal.groups);
    } else if (name == "in_group" || name == "current_attribute") {
      TARN_ASSIGN_OR_RETURN(const std::string argument, LiteralArgument(name, node["children"]));
      if (name == "in_group") {
        const bool in = std::find(principal.groups.begin(), principal.groups.end(), argument) !=
                        principal.groups.end();
        literal = in ? "true" : "false";
      } else {
        const auto found = principal.attributes.find(argument);
        literal = found == principal.attributes.end() ? "CAST(NULL AS VARCHAR)"
                                                      : duckdb::QuoteLiteral(found->second);
      }
    } else {
      return false;
    }
    TARN_ASSIGN_OR_RETURN(node, OwnExpression(connection_, literal));
    return true;
  }

  static absl::StatusOr<std::string> LiteralArgument(const std::string& function,
                                                     const json& arguments) {
    if (arguments.size() == 1 && Text(arguments[0], "class") == "CONSTANT") {
      const json& value = arguments[0].at("value");
      if (value.contains("value") && value["value"].is_string()) {
        return value["value"].get<std::string>();
      }
    }
    return SqlError(function + " takes one text in single quotes");
  }

  static absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

  duckdb::Connection& connection_;
  const PolicyScope& scope_;
  std::set<std::string> aliases_;
};

// Gives the row's columns their hidden names.
void HideRowColumns(json& node) {
  if (!node.is_structured()) return;
  if (node.is_object() && Text(node, "class") == "COLUMN_REF") {
    json& names = node["column_names"];
    if (names.size() >= 2 && names[0] == kRowAlias) {
      names[1] = absl::StrCat(std::string(kHidden), names[1].get<std::string>());
    }
  }
  for (json& child : node) HideRowColumns(child);
}

bool ConvertsAlways(const duckdb::LogicalType& from, const duckdb::LogicalType& to) {
  return from == to || from.kind == duckdb::TypeKind::kNull ||
         to.kind == duckdb::TypeKind::kVarchar || (from.IsNumeric() && to.IsNumeric());
}

}  // namespace

const PolicyColumn* FindPolicyColumn(const PolicyTable& table, std::string_view name) {
  for (const PolicyColumn& column : table.columns) {
    if (absl::EqualsIgnoreCase(column.name, {name.data(), name.size()})) return &column;
  }
  return nullptr;
}

duckdb::DatabaseOptions PolicyEngineOptions() {
  duckdb::DatabaseOptions options;
  options.threads = 1;
  options.memory_limit_bytes = 256LL << 20;
  options.lock_down = true;
  return options;
}

absl::StatusOr<PolicyCompiler> PolicyCompiler::Open(duckdb::LazyDatabase& engine) {
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine.Connect());
  // The optimizer would evaluate what holds no column: repeat('x', 1000000000).
  TARN_RETURN_IF_ERROR(connection.Execute("PRAGMA disable_optimizer"));
  return PolicyCompiler(std::move(connection));
}

absl::StatusOr<CompiledExpression> PolicyCompiler::Compile(std::string_view text,
                                                           const PolicyScope& scope) {
  TARN_ASSIGN_OR_RETURN(json tree, sql_expression::ParseExpression(connection_, text));
  TARN_RETURN_IF_ERROR(Rewriter(connection_, scope).Rewrite(sql_expression::ExpressionOf(tree)));
  TARN_ASSIGN_OR_RETURN(const std::vector<sql_expression::TableReference> tables,
                        sql_expression::CollectTables(tree, ""));
  CompiledExpression compiled;
  TARN_ASSIGN_OR_RETURN(compiled.sql, sql_expression::ExpressionSql(connection_, tree));

  // Planned on tables without rows.
  std::map<sql_expression::TableReference, sql_expression::TableReader> readers;
  if (tables.size() > kMaxSources) {
    return SqlError(absl::StrCat("a policy reads at most ", kMaxSources, " tables"));
  }
  for (const sql_expression::TableReference& reference : tables) {
    const names::TableId id{reference.database, reference.table};
    if (!reference.version.empty() || !reference.timestamp.empty()) {
      return SqlError("AT cannot stand in a policy, which reads tables as they are");
    }
    if (id == scope.table.id) {
      return InvalidArgument("POLICY_CYCLE", absl::StrCat("a policy of ", names::SqlName(id),
                                                          " cannot read that table itself"));
    }
    TARN_ASSIGN_OR_RETURN(const PolicyTable source, scope.find_table(id));
    if (FindPolicyColumn(source, kRowAlias) != nullptr) {
      return SqlError(absl::StrCat(names::SqlName(id), " has a column ", std::string(kRowAlias),
                                   ", which no policy can read"));
    }
    TARN_ASSIGN_OR_RETURN(
        const std::string rows,
        duckdb::SelectToTree(connection_, sql_expression::NoRowsSql(source.columns)));
    readers[reference].node = json::parse(rows)["statements"][0]["node"];
    compiled.sources.push_back(id);
  }
  json planned = std::move(tree);
  TARN_RETURN_IF_ERROR(sql_expression::BindTables(planned, "", readers));
  HideRowColumns(planned);
  TARN_ASSIGN_OR_RETURN(const std::string sql, sql_expression::ExpressionSql(connection_, planned));
  std::vector<PolicyColumn> row = scope.table.columns;
  for (PolicyColumn& column : row) column.name = std::string(kHidden) + column.name;
  const std::string from = absl::StrCat(" FROM (", sql_expression::NoRowsSql(row), ") AS ",
                                        duckdb::QuoteIdentifier(kRowAlias));
  // In a WHERE neither aggregates nor windows over the row pass.
  TARN_RETURN_IF_ERROR(
      connection_.Prepare(absl::StrCat("SELECT 1", from, " WHERE ", sql, " IS NULL")).status());
  TARN_ASSIGN_OR_RETURN(const duckdb::PreparedStatement statement,
                        connection_.Prepare(absl::StrCat("SELECT ", sql, from)));
  compiled.type = statement.schema().front().type;
  return compiled;
}

absl::StatusOr<CompiledExpression> PolicyCompiler::CompileFilter(std::string_view text,
                                                                 const PolicyScope& scope) {
  TARN_ASSIGN_OR_RETURN(CompiledExpression compiled, Compile(text, scope));
  const duckdb::TypeKind kind = compiled.type.kind;
  if (kind != duckdb::TypeKind::kBoolean && kind != duckdb::TypeKind::kNull) {
    return SqlError(absl::StrCat("a row filter is true or false, not ", compiled.type.ToSqlString(),
                                 "; compare it with something"));
  }
  return compiled;
}

absl::StatusOr<CompiledExpression> PolicyCompiler::CompileMask(std::string_view text,
                                                               const duckdb::LogicalType& type,
                                                               const PolicyScope& scope) {
  TARN_ASSIGN_OR_RETURN(CompiledExpression compiled, Compile(text, scope));
  if (!ConvertsAlways(compiled.type, type)) {
    return SqlError(absl::StrCat("the mask gives ", compiled.type.ToSqlString(),
                                 " in the place of ", type.ToSqlString(), "; add a CAST"));
  }
  if (compiled.type != type) {
    compiled.sql = absl::StrCat("CAST(", compiled.sql, " AS ", type.ToSqlString(), ")");
    compiled.type = type;
  }
  return compiled;
}

absl::StatusOr<std::string> PolicyCompiler::ConstantSql(std::string_view text,
                                                        const duckdb::LogicalType& type) {
  if (text.find('\0') != std::string_view::npos) return SqlError("a NUL byte cannot stand here");
  std::string sql =
      absl::StrCat("CAST(", duckdb::QuoteLiteral(text), " AS ", type.ToSqlString(), ")");
  TARN_RETURN_IF_ERROR(connection_.Query("SELECT " + sql).status());
  return sql;
}

}  // namespace tarn::catalog
