// Which events start which pipelines. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/transform/parameter_values.h"

namespace tarn::events {
struct Event;
}

namespace tarn::transform {

namespace v1 {
class EventTrigger;
class Pipeline;
}  // namespace v1

// "databases/d/tables/t" exactly, "databases/d/*" as a prefix, "" for any.
bool SubjectMatches(std::string_view pattern, std::string_view subject);

// The first trigger that the event fits, or null. None does for the end of the pipeline's own runs,
// and for a snapshot that only compacts, since its rows are those of the one before.
const v1::EventTrigger* FindTrigger(const v1::Pipeline& pipeline, const events::Event& event);

// The queries, crawls and jobs that the event's data name as what caused it: the values of
// data.summary ({"query": "queries/…"}, {"crawl": "crawlers/…"}).
std::vector<std::string> CausesOf(const events::Event& event);

// "event/{type}/{subject}".
std::string TriggerText(const events::Event& event);

}  // namespace tarn::transform
