#include "services/query/sql/named_system_columns.h"

#include <set>

#include <absl/strings/ascii.h>
#include <nlohmann/json.hpp>

#include "common/table_schema/system_columns.h"

namespace tarn::query {
namespace {

using nlohmann::json;

void CollectNames(const json& node, std::set<std::string>& names) {
  if (!node.is_structured()) return;
  if (node.is_object()) {
    for (const char* list : {"column_names", "using_columns"}) {
      auto found = node.find(list);
      if (found == node.end() || !found->is_array()) continue;
      for (const json& name : *found) {
        if (name.is_string()) names.insert(absl::AsciiStrToLower(name.get<std::string>()));
      }
    }
  }
  for (const json& child : node) CollectNames(child, names);
}

}  // namespace

std::vector<std::string> SystemColumnsNamed(const json& tree) {
  std::set<std::string> names;
  CollectNames(tree, names);
  std::vector<std::string> named;
  for (const std::string& name : names) {
    if (table_schema::IsSystemColumnName(name)) named.push_back(name);
  }
  return named;
}

}  // namespace tarn::query
