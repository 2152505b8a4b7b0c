#include "services/ingestion/http/put_response.h"

#include <charconv>

#include "services/ingestion/payload/json_text.h"

namespace tarn::ingestion {
namespace {

void AppendNumber(uint64_t number, std::string& out) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

std::string PutResponseJson(const PutOutcome& outcome) {
  std::string json = "{\"results\":[";
  json.reserve(64 + static_cast<size_t>(outcome.total) * 28);
  uint64_t position = outcome.first_position;
  auto refused = outcome.refused.begin();
  for (int i = 0; i < outcome.total; ++i) {
    if (i > 0) json += ',';
    if (refused != outcome.refused.end() && refused->index == i) {
      json += "{\"errorReason\":";
      AppendJsonString(refused->reason, json);
      json += ",\"errorMessage\":";
      AppendJsonString(refused->message, json);
      json += '}';
      ++refused;
    } else {
      json += "{\"position\":\"";
      AppendNumber(position++, json);
      json += "\"}";
    }
  }
  json += ']';
  if (!outcome.refused.empty()) {
    json += ",\"failedCount\":";
    AppendNumber(outcome.refused.size(), json);
  }
  if (outcome.replayed) json += ",\"replayed\":true";
  json += '}';
  return json;
}

}  // namespace tarn::ingestion
