#include "services/alerting/delivery/notification_body.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace tarn::alerting {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string PayloadJson(const NotificationFacts& facts) {
  Json json = {{"kind", facts.kind}};
  if (!facts.rule.empty()) json["rule"] = facts.rule;
  if (!facts.state.empty()) json["state"] = facts.state;
  if (!facts.severity.empty()) json["severity"] = facts.severity;
  if (facts.kind == "alert") json["labels"] = facts.labels;
  if (facts.value.has_value()) json["value"] = *facts.value;
  json["subject"] = facts.subject;
  return Dump(json);
}

std::string WebhookBody(std::string_view payload, std::string_view delivery_id, absl::Time time,
                        std::string_view message) {
  Json body = {{"id", delivery_id},
               {"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone())}};
  Json facts = Json::parse(payload, nullptr, false);
  if (facts.is_object()) body.update(facts);
  body["message"] = message;
  return Dump(body);
}

std::string SlackBody(std::string_view message) {
  return Dump(Json{{"text", absl::StrReplaceAll(absl::string_view(message.data(), message.size()),
                                                {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}})}});
}

std::string Signature(std::string_view secret, std::string_view body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  return absl::StrCat("sha256=", absl::BytesToHexString(absl::string_view(
                                     reinterpret_cast<const char*>(digest), size)));
}

}  // namespace tarn::alerting
