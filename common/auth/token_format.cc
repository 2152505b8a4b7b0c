#include "common/auth/token_format.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"

namespace tarn::auth {
namespace {

using Json = nlohmann::json;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status Malformed() {
  return Unauthenticated("TOKEN_MALFORMED",
                         "the bearer credential is not a token of Tarn; send the token that "
                         "SignIn or ExchangeKey returned, not a key or a password");
}

// The JSON object that `encoded` holds, or null.
Json DecodeObject(std::string_view encoded) {
  std::string text;
  if (!absl::WebSafeBase64Unescape(View(encoded), &text)) return nullptr;
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json(nullptr);
}

bool ReadString(const Json& object, const char* key, std::string& out) {
  auto it = object.find(key);
  if (it == object.end() || !it->is_string()) return false;
  out = it->get<std::string>();
  return true;
}

bool ReadStrings(const Json& object, const char* key, std::vector<std::string>& out) {
  auto it = object.find(key);
  if (it == object.end()) return true;
  if (!it->is_array()) return false;
  for (const Json& element : *it) {
    if (!element.is_string()) return false;
    out.push_back(element.get<std::string>());
  }
  return true;
}

bool ReadStringMap(const Json& object, const char* key, std::map<std::string, std::string>& out) {
  auto it = object.find(key);
  if (it == object.end()) return true;
  if (!it->is_object()) return false;
  for (const auto& [name, value] : it->items()) {
    if (!value.is_string()) return false;
    out[name] = value.get<std::string>();
  }
  return true;
}

bool ReadPayload(const Json& payload, ParsedToken& token) {
  auto expiry = payload.find("exp");
  if (expiry == payload.end() || !expiry->is_number_integer()) return false;
  token.expire_time = absl::FromUnixSeconds(expiry->get<int64_t>());
  return ReadString(payload, "iss", token.issuer) &&
         ReadString(payload, "sub", token.caller.user) &&
         ReadString(payload, "ws", token.caller.workspace) &&
         ReadStrings(payload, "groups", token.caller.groups) &&
         ReadStrings(payload, "roles", token.caller.roles) &&
         ReadStringMap(payload, "attrs", token.caller.attributes) &&
         !token.caller.workspace.empty() && !token.caller.user.empty();
}

}  // namespace

std::string FormatSignedPart(const Caller& caller, std::string_view key_id, absl::Time issue_time,
                             absl::Time expire_time) {
  Json header = {{"alg", "EdDSA"}, {"kid", key_id}, {"typ", "JWT"}};
  Json payload = {{"iss", kTokenIssuer},
                  {"sub", caller.user},
                  {"ws", caller.workspace},
                  {"iat", absl::ToUnixSeconds(issue_time)},
                  {"exp", absl::ToUnixSeconds(expire_time)}};
  if (!caller.groups.empty()) payload["groups"] = caller.groups;
  if (!caller.roles.empty()) payload["roles"] = caller.roles;
  if (!caller.attributes.empty()) payload["attrs"] = caller.attributes;
  // An attribute that is not UTF-8 must not throw here.
  auto dump = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  return absl::StrCat(absl::WebSafeBase64Escape(dump(header)), ".",
                      absl::WebSafeBase64Escape(dump(payload)));
}

std::string FormatToken(std::string_view signed_part, std::string_view signature) {
  return absl::StrCat(View(signed_part), ".", absl::WebSafeBase64Escape(View(signature)));
}

absl::StatusOr<ParsedToken> ParseToken(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return Malformed();
  size_t first = token.find('.');
  size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last) {
    return Malformed();
  }
  Json header = DecodeObject(token.substr(0, first));
  Json payload = DecodeObject(token.substr(first + 1, last - first - 1));
  ParsedToken parsed;
  std::string algorithm;
  if (header.is_null() || payload.is_null() || !ReadString(header, "alg", algorithm) ||
      algorithm != "EdDSA" || !ReadString(header, "kid", parsed.key_id) ||
      !ReadPayload(payload, parsed) ||
      !absl::WebSafeBase64Unescape(View(token.substr(last + 1)), &parsed.signature)) {
    return Malformed();
  }
  parsed.signed_part = std::string(token.substr(0, last));
  return parsed;
}

}  // namespace tarn::auth
