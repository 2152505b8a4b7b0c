#include "common/sql_expression/table_binder.h"

#include <algorithm>
#include <array>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/sql_expression/allowed_functions.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::sql_expression {
namespace {

using nlohmann::json;

// Deeper trees than this are refused before anything recurses over them.
constexpr int kMaxDepth = 2000;

std::string Text(const json& node, const char* key) {
  auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The text of a constant expression, for AT clauses.
absl::StatusOr<std::string> ConstantText(const json& expression) {
  const json* constant = &expression;
  if (Text(*constant, "class") == "CAST") constant = &constant->at("child");
  if (Text(*constant, "class") != "CONSTANT") {
    return InvalidArgument("SQL_ERROR", "AT (VERSION => …) and AT (TIMESTAMP => …) take a literal");
  }
  const json& value = constant->at("value").at("value");
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Walks a tree and calls `on_table` for each BASE_TABLE that is not a CTE's name.
class Walker {
 public:
  using OnTable = absl::Status (*)(void* self, const TableReference& reference, json& node);

  Walker(std::string_view default_database, void* self, OnTable on_table)
      : default_database_(default_database), self_(self), on_table_(on_table) {}

  absl::Status Visit(json& node, int depth) {
    if (depth > kMaxDepth)
      return InvalidArgument("SQL_ERROR", "the statement is nested too deeply");
    if (node.is_array()) {
      for (json& child : node) TARN_RETURN_IF_ERROR(Visit(child, depth + 1));
      return absl::OkStatus();
    }
    if (!node.is_object()) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(Refuse(node));
    if (Text(node, "type") == "BASE_TABLE" && node.contains("table_name")) return Table(node);

    const size_t scope = ctes_.size();
    if (auto map = node.find("cte_map"); map != node.end() && map->is_object()) {
      // As in the engine, a CTE is seen by those after it and by the query, not by those before it,
      // nor by itself: there the name is that of a table, or of a file.
      for (json& entry : map->at("map")) {
        TARN_RETURN_IF_ERROR(Visit(entry, depth + 1));
        ctes_.push_back(absl::AsciiStrToLower(Text(entry, "key")));
      }
    }
    const std::string type = Text(node, "type");
    for (auto& [key, child] : node.items()) {
      if (key == "cte_map") continue;
      // What a recursive CTE begins with does not see it; what is repeated does.
      const bool sees_itself = (type == "RECURSIVE_CTE_NODE" && key == "right") ||
                               (type == "CTE_NODE" && key == "child");
      if (sees_itself) ctes_.push_back(absl::AsciiStrToLower(Text(node, "cte_name")));
      TARN_RETURN_IF_ERROR(Visit(child, depth + 1));
      if (sees_itself) ctes_.pop_back();
    }
    ctes_.resize(scope);
    return absl::OkStatus();
  }

 private:
  static absl::Status Refuse(const json& node) {
    const std::string type = Text(node, "type");
    if (type == "SHOW_REF") {
      return InvalidArgument("STATEMENT_NOT_SUPPORTED",
                             "DESCRIBE, SHOW and SUMMARIZE stand alone, not inside a query");
    }
    const std::string node_class = Text(node, "class");
    if (type == "TABLE_FUNCTION") {
      const std::string name = Text(node.at("function"), "function_name");
      if (IsAllowedTableFunction(absl::AsciiStrToLower(name))) return absl::OkStatus();
      return InvalidArgument(
          "FUNCTION_NOT_ALLOWED",
          absl::StrCat("the table function ", name,
                       " is not allowed; a query reads tables of the catalog by "
                       "database.table, and may use unnest, range and generate_series"),
          {{"function", name}});
    }
    if ((node_class == "FUNCTION" || node_class == "WINDOW") && node.contains("function_name")) {
      const std::string name = Text(node, "function_name");
      if (!IsAllowedFunction(absl::AsciiStrToLower(name)) &&
          !IsAllowedTableFunction(absl::AsciiStrToLower(name))) {
        return InvalidArgument(
            "FUNCTION_NOT_ALLOWED",
            absl::StrCat("the function ", name,
                         " does not exist or is not allowed: it could reach files, settings or "
                         "other statements"),
            {{"function", name}});
      }
    }
    return absl::OkStatus();
  }

  absl::Status Table(json& node) {
    const std::string table = Text(node, "table_name");
    std::string database = Text(node, "schema_name");
    if (!Text(node, "catalog_name").empty()) {
      return InvalidArgument(
          "SQL_ERROR",
          absl::StrCat("a table's name has two parts at the most: ", database, ".", table));
    }
    if (database.empty()) {
      // Before CTEs are looked at: should the engine see fewer of them here, it would open the
      // file.
      if (table.find_first_of("/\\:*") != std::string::npos) {
        return InvalidArgument(
            "FUNCTION_NOT_ALLOWED",
            absl::StrCat("'", table,
                         "' looks like a file; a query reads tables of the catalog by "
                         "database.table. Upload the file and crawl it first"));
      }
      const std::string lower = absl::AsciiStrToLower(table);
      if (std::find(ctes_.begin(), ctes_.end(), lower) != ctes_.end()) {
        if (IsSafeCteName(table)) return absl::OkStatus();
        return InvalidArgument(
            "SQL_ERROR", absl::StrCat("WITH ", table,
                                      " is called like a file or like a table of the engine; give "
                                      "it another name, without a dot"));
      }
      if (default_database_.empty()) {
        return InvalidArgument("SQL_ERROR",
                               absl::StrCat("table ", table,
                                            " has no database; write database.table, or give a "
                                            "default database"));
      }
      database = default_database_;
    }
    TableReference reference{absl::AsciiStrToLower(database), absl::AsciiStrToLower(table), "", ""};
    if (auto at = node.find("at_clause"); at != node.end() && at->is_object()) {
      TARN_ASSIGN_OR_RETURN(std::string literal, ConstantText(at->at("expr")));
      (absl::AsciiStrToUpper(Text(*at, "unit")) == "VERSION" ? reference.version
                                                             : reference.timestamp) = literal;
    }
    return on_table_(self_, reference, node);
  }

  const std::string default_database_;
  void* const self_;
  const OnTable on_table_;
  std::vector<std::string> ctes_;
};

// A column written database.table.column is written table.column once its table is a subquery.
void ShortenColumns(json& node, const std::set<std::pair<std::string, std::string>>& tables) {
  if (node.is_array()) {
    for (json& child : node) ShortenColumns(child, tables);
    return;
  }
  if (!node.is_object()) return;
  if (Text(node, "class") == "COLUMN_REF") {
    json& names = node["column_names"];
    if (names.size() >= 3 &&
        tables.count({absl::AsciiStrToLower(names[0].get<std::string>()),
                      absl::AsciiStrToLower(names[1].get<std::string>())}) > 0) {
      names.erase(names.begin());
    }
  }
  for (auto& [key, child] : node.items()) ShortenColumns(child, tables);
}

// A mark on a bound table: its hidden columns. Gone before the tree is used.
constexpr char kHidden[] = "tarn_hidden";

bool IsQueryNode(const json& node) { return node.is_object() && node.contains("cte_map"); }

// Takes the marks of the tables that stand in a FROM itself.
absl::Status TakeHidden(json& from, bool natural,
                        std::vector<std::pair<std::string, json>>& found) {
  if (!from.is_object()) return absl::OkStatus();
  if (Text(from, "type") == "JOIN") {
    natural = natural || Text(from, "ref_type") == "NATURAL";
    TARN_RETURN_IF_ERROR(TakeHidden(from["left"], natural, found));
    return TakeHidden(from["right"], natural, found);
  }
  auto hidden = from.find(kHidden);
  if (hidden == from.end()) return absl::OkStatus();
  if (natural) {
    return InvalidArgument("SQL_ERROR",
                           absl::StrCat("a NATURAL JOIN of ", Text(from, "alias"),
                                        ", whose system columns the statement names, would join by "
                                        "these too; write JOIN … USING (…)"));
  }
  found.emplace_back(Text(from, "alias"), std::move(*hidden));
  from.erase(kHidden);
  return absl::OkStatus();
}

// Keeps the stars of one query, not those of its subqueries, from hidden columns.
void ExcludeFromStars(json& node, const std::vector<std::pair<std::string, json>>& tables) {
  if (node.is_array()) {
    for (json& child : node) ExcludeFromStars(child, tables);
    return;
  }
  if (!node.is_object() || IsQueryNode(node)) return;
  if (Text(node, "class") == "STAR") {
    const std::string relation = Text(node, "relation_name");
    for (const auto& [alias, hidden] : tables) {
      if (!relation.empty() && !absl::EqualsIgnoreCase(relation, alias)) continue;
      for (const json& column : hidden) {
        node["qualified_exclude_list"].push_back(
            {{"catalog", ""}, {"schema", ""}, {"table", alias}, {"column", column}});
      }
    }
  }
  for (auto& [key, child] : node.items()) ExcludeFromStars(child, tables);
}

// `*` stands for all but the hidden columns of the tables in its FROM.
absl::Status HideColumns(json& node) {
  if (!node.is_structured()) return absl::OkStatus();
  if (node.is_object() && IsQueryNode(node) && node.contains("from_table")) {
    std::vector<std::pair<std::string, json>> tables;
    TARN_RETURN_IF_ERROR(TakeHidden(node["from_table"], false, tables));
    if (!tables.empty()) {
      for (auto& [key, child] : node.items()) {
        if (key != "cte_map" && key != "from_table") ExcludeFromStars(child, tables);
      }
    }
  }
  for (json& child : node) TARN_RETURN_IF_ERROR(HideColumns(child));
  // Of a PIVOT's source: the statement named them, so that they are wanted there.
  if (node.is_object()) node.erase(kHidden);
  return absl::OkStatus();
}

}  // namespace

bool IsSafeCteName(std::string_view name) {
  // The engine takes a name for a file by its ending, or where it is a pattern or an address.
  if (name.find_first_of("./\\:*?[") != std::string_view::npos) return false;
  const std::string lower = absl::AsciiStrToLower(absl::string_view(name.data(), name.size()));
  static constexpr std::array<const char*, 4> kOfTheEngine = {"duckdb_", "pg_", "pragma_",
                                                              "sqlite_"};
  for (const char* prefix : kOfTheEngine) {
    if (absl::StartsWith(lower, prefix)) return false;
  }
  return true;
}

absl::StatusOr<std::vector<TableMention>> FindTables(const json& tree,
                                                     std::string_view default_database) {
  std::vector<TableMention> mentions;
  Walker walker(default_database, &mentions,
                [](void* self, const TableReference& reference, json& node) {
                  static_cast<std::vector<TableMention>*>(self)->push_back({reference, &node});
                  return absl::OkStatus();
                });
  // The walker changes nothing but by what it calls.
  TARN_RETURN_IF_ERROR(walker.Visit(const_cast<json&>(tree), 0));
  return mentions;
}

absl::StatusOr<std::vector<TableReference>> CollectTables(const json& tree,
                                                          std::string_view default_database) {
  TARN_ASSIGN_OR_RETURN(const std::vector<TableMention> mentions,
                        FindTables(tree, default_database));
  std::vector<TableReference> tables;
  for (const TableMention& mention : mentions) {
    if (std::find(tables.begin(), tables.end(), mention.reference) == tables.end())
      tables.push_back(mention.reference);
  }
  return tables;
}

absl::Status BindTables(json& tree, std::string_view default_database,
                        const std::map<TableReference, TableReader>& readers) {
  Walker walker(
      default_database, const_cast<std::map<TableReference, TableReader>*>(&readers),
      [](void* self, const TableReference& reference, json& node) {
        const auto& all = *static_cast<const std::map<TableReference, TableReader>*>(self);
        auto reader = all.find(reference);
        if (reader == all.end()) {
          return Internal("UNBOUND_TABLE",
                          absl::StrCat("no reader for ", reference.database, ".", reference.table));
        }
        std::string alias = Text(node, "alias");
        if (alias.empty()) alias = Text(node, "table_name");
        json subquery = {
            {"type", "SUBQUERY"},
            {"alias", alias},
            {"sample", node.value("sample", json())},
            {"query_location", node.value("query_location", json(0))},
            {"subquery", {{"node", reader->second.node}, {"named_param_map", json::array()}}},
            {"column_name_alias", node.value("column_name_alias", json::array())}};
        if (!reader->second.hidden.empty()) subquery[kHidden] = reader->second.hidden;
        node = std::move(subquery);
        return absl::OkStatus();
      });
  TARN_RETURN_IF_ERROR(walker.Visit(tree, 0));
  std::set<std::pair<std::string, std::string>> names;
  for (const auto& [reference, reader] : readers)
    names.insert({reference.database, reference.table});
  ShortenColumns(tree, names);
  return HideColumns(tree);
}

}  // namespace tarn::sql_expression
