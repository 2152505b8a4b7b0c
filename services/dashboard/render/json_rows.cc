#include "services/dashboard/render/json_rows.h"

#include <nlohmann/json.hpp>

#include "common/status/error.h"

namespace tarn::dashboard {
namespace {

using google::protobuf::ListValue;
using google::protobuf::NullValue;
using google::protobuf::Value;

void Fill(const nlohmann::json& json, Value* value) {
  switch (json.type()) {
    case nlohmann::json::value_t::boolean:
      value->set_bool_value(json.get<bool>());
      return;
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
    case nlohmann::json::value_t::number_float:
      value->set_number_value(json.get<double>());
      return;
    case nlohmann::json::value_t::string:
      value->set_string_value(json.get_ref<const std::string&>());
      return;
    case nlohmann::json::value_t::array:
      for (const nlohmann::json& item : json) Fill(item, value->mutable_list_value()->add_values());
      if (json.empty()) value->mutable_list_value();
      return;
    case nlohmann::json::value_t::object:
      value->mutable_struct_value();
      for (const auto& [name, item] : json.items()) {
        Fill(item, &(*value->mutable_struct_value()->mutable_fields())[name]);
      }
      return;
    default:
      value->set_null_value(NullValue::NULL_VALUE);
  }
}

}  // namespace

absl::Status AppendJsonRows(std::string_view data, std::vector<ListValue>& rows) {
  while (!data.empty()) {
    size_t end = data.find('\n');
    std::string_view line = data.substr(0, end);
    data = end == std::string_view::npos ? std::string_view() : data.substr(end + 1);
    if (line.empty()) continue;
    nlohmann::json row = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_array()) {
      return Internal("ROWS_UNREADABLE", "query sent a row that is no JSON array");
    }
    ListValue& list = rows.emplace_back();
    for (const nlohmann::json& item : row) Fill(item, list.add_values());
  }
  return absl::OkStatus();
}

}  // namespace tarn::dashboard
