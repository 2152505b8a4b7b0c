#include "services/transform/trigger_rules.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "tarn/transform/v1/pipeline.pb.h"

#include "common/events/event.h"

namespace tarn::transform {
namespace {

using nlohmann::json;

json ParseData(const events::Event& event) {
  json data = json::parse(event.data, nullptr, /*allow_exceptions=*/false);
  return data.is_object() ? data : json::object();
}

bool OnlyCompacts(const events::Event& event) {
  if (event.type != "tarn.catalog.table.snapshot_created") return false;
  const json data = ParseData(event);
  auto operation = data.find("operation");
  return operation != data.end() && operation->is_string() &&
         absl::EndsWithIgnoreCase(operation->get<std::string>(), "replace");
}

}  // namespace

bool SubjectMatches(std::string_view pattern, std::string_view subject) {
  if (pattern.empty()) return true;
  if (pattern.back() == '*') return subject.starts_with(pattern.substr(0, pattern.size() - 1));
  return subject == pattern;
}

const v1::EventTrigger* FindTrigger(const v1::Pipeline& pipeline, const events::Event& event) {
  if (event.type.starts_with("tarn.transform.run.") && event.subject == pipeline.name()) {
    return nullptr;
  }
  if (OnlyCompacts(event)) return nullptr;
  for (const v1::EventTrigger& trigger : pipeline.triggers()) {
    if (trigger.event_type() == event.type && SubjectMatches(trigger.subject(), event.subject)) {
      return &trigger;
    }
  }
  return nullptr;
}

std::vector<std::string> CausesOf(const events::Event& event) {
  std::vector<std::string> causes;
  const json data = ParseData(event);
  auto summary = data.find("summary");
  if (summary == data.end() || !summary->is_object()) return causes;
  for (const auto& [key, value] : summary->items()) {
    // Names have a slash; the other entries are numbers and words.
    if (value.is_string() && absl::StrContains(value.get<std::string>(), "/")) {
      causes.push_back(value.get<std::string>());
    }
  }
  return causes;
}

std::string TriggerText(const events::Event& event) {
  return absl::StrCat("event/", event.type, "/", event.subject);
}

}  // namespace tarn::transform
