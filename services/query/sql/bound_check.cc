#include "services/query/sql/bound_check.h"

#include <set>
#include <string>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/sql_expression/allowed_functions.h"
#include "common/sql_expression/table_binder.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::query {
namespace {

using nlohmann::json;

std::string Text(const json& node, const char* key) {
  auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What table_schema::ReaderSql reads files with.
bool IsReader(std::string_view function) {
  return function == "read_parquet" || function == "read_csv" || function == "read_json";
}

// Names of common table expressions, wherever they are made.
void CollectCtes(const json& node, std::set<std::string>& names) {
  if (node.is_object()) {
    if (auto map = node.find("cte_map"); map != node.end() && map->is_object()) {
      for (const json& entry : map->at("map"))
        names.insert(absl::AsciiStrToLower(Text(entry, "key")));
    }
    if (const std::string name = Text(node, "cte_name"); !name.empty())
      names.insert(absl::AsciiStrToLower(name));
  }
  if (!node.is_structured()) return;
  for (const json& child : node) CollectCtes(child, names);
}

absl::Status Unbound(const std::string& what) {
  return Internal("UNBOUND_TABLE",
                  absl::StrCat(what,
                               " was left in a statement that was about to run; it was not "
                               "run. Write it without common table expressions"));
}

absl::Status Check(const json& node, const std::set<std::string>& ctes) {
  if (!node.is_structured()) return absl::OkStatus();
  if (node.is_object()) {
    const std::string type = Text(node, "type");
    if (type == "BASE_TABLE" && node.contains("table_name")) {
      const std::string name = absl::AsciiStrToLower(Text(node, "table_name"));
      if (!Text(node, "schema_name").empty() || !Text(node, "catalog_name").empty() ||
          ctes.count(name) == 0 || !sql_expression::IsSafeCteName(name)) {
        return Unbound(absl::StrCat("the name ", name));
      }
    }
    if (type == "TABLE_FUNCTION") {
      const std::string name =
          absl::AsciiStrToLower(Text(node.value("function", json::object()), "function_name"));
      if (!IsReader(name) && !sql_expression::IsAllowedTableFunction(name)) {
        return Unbound(absl::StrCat("the table function ", name));
      }
    }
    if (type == "SHOW_REF") return Unbound("a SHOW");
  }
  for (const json& child : node) TARN_RETURN_IF_ERROR(Check(child, ctes));
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckBound(const json& tree) {
  std::set<std::string> ctes;
  CollectCtes(tree, ctes);
  return Check(tree, ctes);
}

absl::Status CheckIsOneCast(const json& tree) {
  const json& statements = tree.at("statements");
  if (statements.size() == 1) {
    const json& node = statements[0].at("node");
    const json& list = node.value("select_list", json::array());
    if (Text(node, "type") == "SELECT_NODE" && list.size() == 1 &&
        Text(node.value("from_table", json::object()), "type") == "EMPTY" &&
        Text(list[0], "class") == "CAST" &&
        Text(list[0].value("child", json::object()), "class") == "CONSTANT" &&
        node.value("modifiers", json::array()).empty() &&
        node.value("where_clause", json()).is_null()) {
      return absl::OkStatus();
    }
  }
  return InvalidArgument("SQL_ERROR", "a column's type is one type, such as DECIMAL(10,2)");
}

}  // namespace tarn::query
