#include "common/sql_expression/row_expression.h"

#include <algorithm>
#include <array>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/duckdb/sql_text.h"
#include "common/duckdb/sql_tree.h"
#include "common/names/nearest_name.h"
#include "common/sql_expression/allowed_functions.h"
#include "common/sql_expression/expression_tree.h"
#include "common/sql_expression/row_functions.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::sql_expression {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 500;
// Nodes after the engine has expanded its macros.
constexpr double kMaxNodes = 20'000;

// Types that a value may be cast to: of a size that the value decides.
constexpr auto kCastTypes = std::to_array<std::string_view>(
    {"BIGINT",       "BLOB",        "BOOLEAN", "DATE",     "DECIMAL",   "DOUBLE",
     "FLOAT",        "HUGEINT",     "INTEGER", "INTERVAL", "LIST",      "MAP",
     "NULL",         "SMALLINT",    "STRUCT",  "TIME",     "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
     "TIMESTAMP_MS", "TIMESTAMP_S", "TINYINT", "UBIGINT",  "UHUGEINT",  "UINTEGER",
     "USMALLINT",    "UTINYINT",    "UUID",    "VARCHAR"});

std::string Text(const json& node, const char* key) {
  auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

absl::Status SqlError(std::string_view message) {
  return InvalidArgument(duckdb::kSqlError, message);
}

// What is known of a part of an expression.
struct Cost {
  double growth = 0;  // size of its value against the row
  double nodes = 1;
};

class Checker {
 public:
  explicit Checker(const std::vector<RowColumn>& columns) : columns_(columns) {}

  absl::StatusOr<Cost> Visit(json& node, int depth) {
    if (depth > kMaxDepth) return SqlError("the expression is nested too deeply");
    const std::string kind = Text(node, "class");
    if (kind == "COLUMN_REF") return Column(node);
    if (kind == "CONSTANT") return Constant(node);
    if (kind == "FUNCTION") return Function(node, depth);
    if (kind == "CAST") return Cast(node, depth);
    if (kind == "OPERATOR") return Operator(node, depth);
    if (kind == "COMPARISON" || kind == "CONJUNCTION" || kind == "BETWEEN" || kind == "CASE") {
      return Parts(node, depth);
    }
    return Refused(kind);
  }

  std::vector<size_t> used() const { return {used_.begin(), used_.end()}; }

 private:
  static absl::Status Refused(const std::string& kind) {
    if (kind == "SUBQUERY") {
      return SqlError(
          "a subquery cannot stand here; an expression sees one row only. Use a "
          "look-up to bring in another table");
    }
    if (kind == "WINDOW") {
      return SqlError("a window function cannot stand here; an expression sees one row only");
    }
    if (kind == "LAMBDA") {
      return SqlError(
          "-> cannot stand here: functions over the elements of a list are not "
          "allowed, and of JSON text ->> '$.name' takes a part");
    }
    if (kind == "STAR") return SqlError("* cannot stand here; name the columns");
    if (kind == "PARAMETER") return SqlError("parameters ($name, ?) cannot stand here");
    return SqlError(absl::StrCat(absl::AsciiStrToLower(kind), " cannot stand in an expression"));
  }

  // All that stands below `node`.
  absl::StatusOr<Cost> Parts(json& node, int depth) {
    Cost cost;
    for (auto& [key, child] : node.items()) {
      TARN_ASSIGN_OR_RETURN(const Cost part, PartsOf(child, depth + 1));
      cost.growth += part.growth;
      cost.nodes += part.nodes;
    }
    return Bounded(cost);
  }

  absl::StatusOr<Cost> PartsOf(json& child, int depth) {
    if (depth > kMaxDepth) return SqlError("the expression is nested too deeply");
    if (child.is_object() && child.contains("class")) return Visit(child, depth);
    Cost cost{.nodes = 0};
    if (!child.is_structured()) return cost;
    for (auto& part : child) {
      TARN_ASSIGN_OR_RETURN(const Cost inner, PartsOf(part, depth + 1));
      cost.growth += inner.growth;
      cost.nodes += inner.nodes;
    }
    return cost;
  }

  static absl::StatusOr<Cost> Bounded(Cost cost) {
    if (cost.growth > kMaxGrowth) {
      return InvalidArgument(
          "EXPRESSION_TOO_LARGE",
          absl::StrCat("the result could be more than ", kMaxGrowth,
                       " times as large as the record; shorten it, or divide less"));
    }
    if (cost.nodes > kMaxNodes) {
      return InvalidArgument("EXPRESSION_TOO_LARGE",
                             "the expression becomes too large; compute a part of it in an "
                             "activity before");
    }
    return cost;
  }

  absl::StatusOr<Cost> Column(json& node) {
    json& names = node["column_names"];
    if (!names.is_array() || names.empty() || !names[0].is_string()) {
      return SqlError("a column's name is missing");
    }
    const auto given = names[0].get<std::string>();
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!absl::EqualsIgnoreCase(columns_[i].name, given)) continue;
      names[0] = columns_[i].name;
      used_.insert(i);
      return Cost{.growth = columns_[i].growth};
    }
    std::vector<std::string> known;
    for (const RowColumn& column : columns_) known.push_back(column.name);
    return InvalidArgument(
        "COLUMN_NOT_FOUND",
        absl::StrCat("there is no column ", given, names::DidYouMean(given, known),
                     known.empty() ? "" : "; text stands in single quotes"),
        {{"column", given}});
  }

  static absl::StatusOr<Cost> Constant(const json& node) {
    TARN_RETURN_IF_ERROR(CheckType(node.at("value").at("type"), 0));
    return Cost{};
  }

  // Every type that a type is made of.
  static absl::Status CheckType(const json& type, int depth) {
    if (depth > kMaxDepth) return SqlError("a type is nested too deeply");
    if (!type.is_structured()) return absl::OkStatus();
    if (type.is_object() && type.contains("id")) {
      const std::string id = Text(type, "id");
      // JSON is the one type by name.
      const json info = type.value("type_info", json());
      const bool is_json = id == "UNBOUND" && info.is_object() &&
                           absl::EqualsIgnoreCase(Text(info, "name"), "json") &&
                           Text(info, "schema").empty() && Text(info, "catalog").empty();
      if (!is_json && !std::binary_search(kCastTypes.begin(), kCastTypes.end(), id)) {
        const std::string name = id == "UNBOUND" && info.is_object() ? Text(info, "name") : id;
        return SqlError(absl::StrCat("the type ", name, " cannot be used in an expression"));
      }
    }
    for (const auto& part : type) TARN_RETURN_IF_ERROR(CheckType(part, depth + 1));
    return absl::OkStatus();
  }

  absl::StatusOr<Cost> Cast(json& node, int depth) {
    TARN_RETURN_IF_ERROR(CheckType(node.at("cast_type"), 0));
    return Parts(node, depth);
  }

  absl::StatusOr<Cost> Operator(json& node, int depth) {
    const std::string type = Text(node, "type");
    if (type == "GROUPING_FUNCTION") return Refused("GROUPING");
    return Parts(node, depth);
  }

  absl::StatusOr<Cost> Function(json& node, int depth) {
    const std::string name = absl::AsciiStrToLower(Text(node, "function_name"));
    const RowFunction* function = FindRowFunction(name);
    if (function == nullptr) {
      return InvalidArgument(
          "FUNCTION_NOT_ALLOWED",
          absl::StrCat("the function ", name,
                       IsAllowedFunction(name)
                           ? " cannot stand in an expression over one row: it needs many rows, "
                             "depends on when it runs, or takes more time or memory than its row "
                             "is large"
                           : " does not exist or is not allowed"),
          {{"function", name}});
    }
    const json filter = node.value("filter", json());
    if (node.value("distinct", false) || !filter.is_null() ||
        (node.contains("order_bys") && !node["order_bys"]["orders"].empty())) {
      return SqlError(absl::StrCat("DISTINCT, FILTER and ORDER BY cannot stand in ", name));
    }
    json& arguments = node["children"];
    TARN_RETURN_IF_ERROR(CheckArguments(*function, arguments));
    Cost cost{.nodes = 0};
    double largest_literal = 1;
    for (json& argument : arguments) {
      TARN_ASSIGN_OR_RETURN(const Cost part, Visit(argument, depth + 1));
      cost.growth += part.growth;
      cost.nodes += part.nodes;
      if (const std::string literal = LiteralText(argument); !literal.empty()) {
        largest_literal = std::max(largest_literal, static_cast<double>(literal.size()));
      }
    }
    cost.growth *= function->growth;
    if (function->multiplies) cost.growth *= largest_literal;
    cost.nodes = 1 + cost.nodes * function->copies;
    return Bounded(cost);
  }

  static bool IsLiteral(const json& node) {
    if (Text(node, "class") == "CAST") return IsLiteral(node.at("child"));
    return Text(node, "class") == "CONSTANT";
  }

  static std::string LiteralText(const json& node) {
    if (Text(node, "class") != "CONSTANT") return "";
    return Text(node.at("value"), "value");
  }

  static absl::Status CheckArguments(const RowFunction& function, const json& arguments) {
    if (function.rule == ArgumentRule::kAny) return absl::OkStatus();
    for (size_t i = 1; i < arguments.size(); ++i) {
      if (!IsLiteral(arguments[i])) {
        return SqlError(absl::StrCat("in ", std::string(function.name),
                                     ", all but the first argument must be "
                                     "written out as a literal, such as 'text'"));
      }
      const std::string text = LiteralText(arguments[i]);
      if (function.rule == ArgumentRule::kJsonPath &&
          (absl::StrContains(text, "*") || absl::StrContains(text, ".."))) {
        return SqlError(absl::StrCat("in ", std::string(function.name),
                                     ", the path must be without wildcards"));
      }
      if (function.rule == ArgumentRule::kLikePattern && i == 1) {
        const bool plain = function.name == "~~" || function.name == "!~~";
        const auto wide = std::count(text.begin(), text.end(), '%');
        if (wide > 2 && (!plain || absl::StrContains(text, "_"))) {
          return SqlError(
              "LIKE takes more than two % only without _, ESCAPE and ILIKE; use "
              "regexp_matches");
        }
      }
    }
    return absl::OkStatus();
  }

  const std::vector<RowColumn>& columns_;
  std::set<size_t> used_;
};

}  // namespace

std::string NoRowsSql(const std::vector<RowColumn>& columns) {
  std::string list;
  for (const RowColumn& column : columns) {
    absl::StrAppend(&list, list.empty() ? "" : ", ", "CAST(NULL AS ", column.type.ToSqlString(),
                    ") AS ", duckdb::QuoteIdentifier(column.name));
  }
  if (list.empty()) list = "NULL AS \"_nothing\"";
  return absl::StrCat("SELECT ", list, " WHERE false");
}

absl::StatusOr<RowExpression> CompileRowExpression(duckdb::Connection& connection,
                                                   std::string_view text,
                                                   const std::vector<RowColumn>& columns) {
  TARN_ASSIGN_OR_RETURN(json tree, ParseExpression(connection, text));
  json& expression = ExpressionOf(tree);
  Checker checker(columns);
  TARN_ASSIGN_OR_RETURN(const Cost cost, checker.Visit(expression, 0));
  RowExpression result;
  TARN_ASSIGN_OR_RETURN(result.sql, ExpressionSql(connection, tree));
  result.growth = cost.growth;
  result.columns = checker.used();
  const absl::StatusOr<duckdb::PreparedStatement> planned = connection.Prepare(
      absl::StrCat("SELECT ", result.sql, " FROM (", NoRowsSql(columns), ") AS \"_row\""));
  if (!planned.ok()) {
    return planned.status().code() == absl::StatusCode::kInvalidArgument
               ? SqlError(std::string(planned.status().message()))
               : planned.status();
  }
  result.type = planned->schema().front().type;
  return result;
}

}  // namespace tarn::sql_expression
