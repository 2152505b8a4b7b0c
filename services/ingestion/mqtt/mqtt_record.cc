#include "services/ingestion/mqtt/mqtt_record.h"

#include <algorithm>
#include <map>
#include <optional>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/digest/sha256.h"
#include "services/ingestion/record/json_cursor.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion::mqtt {
namespace {

// Text from the broker as JSON; what is not UTF-8 is replaced.
std::string Quoted(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The top-level fields of an object, the first of each name: its name and its value's text, raw.
std::map<std::string, std::string_view> TopLevelFields(std::string_view object) {
  std::map<std::string, std::string_view> fields;
  JsonCursor cursor(object);
  JsonToken token = cursor.Next();
  if (token.kind != JsonKind::kObjectStart) return fields;
  for (token = cursor.Next(); token.kind == JsonKind::kKey; token = cursor.Next()) {
    std::string name = JsonText(token);
    const JsonToken value = cursor.Next();
    const char* begin = value.raw.data();
    if (value.kind == JsonKind::kError || !cursor.Skip(value)) return {};
    // Objects and arrays have no text of their own: they count as present, and equal nothing.
    const bool scalar = begin != nullptr && value.kind != JsonKind::kObjectStart &&
                        value.kind != JsonKind::kArrayStart;
    fields.emplace(std::move(name), scalar ? value.raw : std::string_view());
  }
  return fields;
}

}  // namespace

std::string MakeRecord(const TopicPattern& pattern, v1::MqttPayloadFormat format,
                       std::string_view topic, std::string_view payload) {
  std::string text_object;
  if (format == v1::MQTT_PAYLOAD_FORMAT_TEXT) {
    text_object = absl::StrCat("{\"value\":", Quoted(payload), "}");
    if (text_object.size() <= kMaxRecordBytes) payload = text_object;
  }
  // The beginning of an object is none: it cannot be taken for the whole.
  if (payload.size() > kMaxRecordBytes) return std::string(payload.substr(0, kMaxRecordBytes));
  if (CheckRecord(payload)) return std::string(payload);
  const auto values = pattern.Match(topic);
  if (!values) return std::string(payload);
  const std::map<std::string, std::string_view> present = TopLevelFields(payload);
  std::string levels;
  for (size_t i = 0; i < values->size(); ++i) {
    const std::string& name = pattern.names()[i];
    const std::string value = Quoted((*values)[i]);
    const auto found = present.find(name);
    // raw is what stands between the quotes.
    if (found != present.end() && absl::StrCat("\"", std::string(found->second), "\"") == value) {
      continue;
    }
    absl::StrAppend(&levels, levels.empty() ? "" : ",", "\"", name, "\":", value);
  }
  if (levels.empty()) return std::string(payload);
  const size_t brace = payload.find('{');
  return absl::StrCat("{", levels, present.empty() ? "" : ",",
                      std::string(payload.substr(brace + 1)));
}

std::string DeduplicationKey(const std::vector<std::string>& fields, std::string_view record) {
  if (fields.empty() || CheckRecord(record)) return "";
  const nlohmann::json object = nlohmann::json::parse(record, nullptr, false);
  if (!object.is_object()) return "";
  Sha256 digest;
  for (const std::string& field : fields) {
    const auto found = object.find(field);
    if (found == object.end() || found->is_null()) return "";
    const std::string value = found->dump();
    digest.Update(absl::StrCat(value.size(), ":", value));
  }
  return digest.Hex().substr(0, 32);
}

}  // namespace tarn::ingestion::mqtt
