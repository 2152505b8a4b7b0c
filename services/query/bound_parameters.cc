#include "services/query/bound_parameters.h"

#include <cmath>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::query {
namespace {

using nlohmann::json;

json Constant(const char* type, json value, const json& node) {
  json constant = {
      {"class", "CONSTANT"},
      {"type", "VALUE_CONSTANT"},
      {"alias", node.value("alias", "")},
      {"query_location", node.value("query_location", json(0))},
      {"value", {{"type", {{"id", type}, {"type_info", nullptr}}}, {"is_null", value.is_null()}}}};
  if (!value.is_null()) constant["value"]["value"] = std::move(value);
  return constant;
}

absl::StatusOr<json> ConstantFor(const std::string& name, const json& value, const json& node) {
  if (value.is_null()) return Constant("NULL", nullptr, node);
  if (value.is_boolean()) return Constant("BOOLEAN", value, node);
  if (value.is_string()) return Constant("VARCHAR", value, node);
  if (value.is_number()) {
    const double number = value.get<double>();
    // A JSON number from proto is a double; a whole one is meant as an integer.
    if (std::nearbyint(number) == number && std::abs(number) <= 9007199254740992.0) {
      return Constant("BIGINT", static_cast<int64_t>(number), node);
    }
    return Constant("DOUBLE", number, node);
  }
  return InvalidArgument("PARAMETER_INVALID",
                         absl::StrCat("the value of $", name,
                                      " is a list or an object; give a string, a number, a "
                                      "boolean or null"),
                         {{"parameter", name}});
}

absl::Status Visit(json& node, const std::map<std::string, json>& values,
                   std::set<std::string>& used) {
  if (node.is_array()) {
    for (json& child : node) TARN_RETURN_IF_ERROR(Visit(child, values, used));
    return absl::OkStatus();
  }
  if (!node.is_object()) return absl::OkStatus();
  if (node.value("class", json()) == "PARAMETER") {
    const std::string name = node.value("identifier", "");
    auto value = values.find(absl::AsciiStrToLower(name));
    if (value == values.end()) {
      return InvalidArgument(
          "PARAMETER_MISSING",
          absl::StrCat("the statement has a parameter $", name, " that was given no value"),
          {{"parameter", name}});
    }
    used.insert(value->first);
    TARN_ASSIGN_OR_RETURN(json constant, ConstantFor(name, value->second, node));
    node = std::move(constant);
    return absl::OkStatus();
  }
  if (auto map = node.find("named_param_map"); map != node.end()) *map = json::array();
  for (auto& [key, child] : node.items()) TARN_RETURN_IF_ERROR(Visit(child, values, used));
  return absl::OkStatus();
}

}  // namespace

absl::Status BindParameters(json& tree, const std::map<std::string, json>& values) {
  std::map<std::string, json> by_lower_name;
  for (const auto& [name, value] : values)
    by_lower_name.emplace(absl::AsciiStrToLower(name), value);
  std::set<std::string> used;
  TARN_RETURN_IF_ERROR(Visit(tree, by_lower_name, used));
  for (const auto& [name, value] : by_lower_name) {
    if (used.count(name) == 0) {
      return InvalidArgument(
          "PARAMETER_UNKNOWN",
          absl::StrCat("a value was given for $", name, ", which the statement does not name"),
          {{"parameter", name}});
    }
  }
  return absl::OkStatus();
}

}  // namespace tarn::query
