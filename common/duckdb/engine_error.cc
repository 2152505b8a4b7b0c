#include "common/duckdb/engine_error.h"

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "common/duckdb/database.h"
#include "common/status/error.h"

namespace tarn::duckdb::internal {
namespace {

struct Kind {
  absl::StatusCode code;
  std::string_view reason;
};

// By the engine's names of its exception types; all others are the statement's own fault.
Kind KindOf(const std::string& engine_type) {
  static const auto& kinds = *new std::map<std::string, Kind>{
      {"Out of Memory", {absl::StatusCode::kResourceExhausted, kOutOfMemory}},
      {"Interrupt", {absl::StatusCode::kCancelled, kInterrupted}},
      {"INTERRUPT", {absl::StatusCode::kCancelled, kInterrupted}},
      {"Permission", {absl::StatusCode::kPermissionDenied, kEngineRefused}},
      {"IO", {absl::StatusCode::kFailedPrecondition, kEngineIo}},
      {"HTTP", {absl::StatusCode::kUnavailable, kEngineNetwork}},
      {"Network", {absl::StatusCode::kUnavailable, kEngineNetwork}},
      {"FATAL", {absl::StatusCode::kInternal, kEngineFatal}},
      {"INTERNAL", {absl::StatusCode::kInternal, kEngineFatal}},
  };
  auto it = kinds.find(engine_type);
  return it == kinds.end() ? Kind{absl::StatusCode::kInvalidArgument, kSqlError} : it->second;
}

std::string NameOfType(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_OUT_OF_MEMORY:
      return "Out of Memory";
    case DUCKDB_ERROR_INTERRUPT:
      return "INTERRUPT";
    case DUCKDB_ERROR_PERMISSION:
      return "Permission";
    case DUCKDB_ERROR_IO:
      return "IO";
    case DUCKDB_ERROR_HTTP:
      return "HTTP";
    case DUCKDB_ERROR_NETWORK:
      return "Network";
    case DUCKDB_ERROR_FATAL:
      return "FATAL";
    case DUCKDB_ERROR_INTERNAL:
      return "INTERNAL";
    default:
      return "";
  }
}

std::string TextField(const nlohmann::json& json, const char* key) {
  auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

absl::Status MakeEngineError(std::string_view text, duckdb_error_type fallback) {
  // The JSON may stand behind the words of an outer error, never before other text.
  const size_t brace = text.find('{');
  nlohmann::json json;
  if (brace != std::string_view::npos) {
    json = nlohmann::json::parse(text.substr(brace), nullptr, /*allow_exceptions=*/false);
  }
  if (!json.is_object() || TextField(json, "exception_type").empty()) {
    const std::string name = NameOfType(fallback);
    const Kind kind = KindOf(name);
    ErrorMetadata metadata;
    if (!name.empty()) metadata["engine_error"] = name;
    return MakeError(kind.code, kind.reason, text.empty() ? "the engine gave no reason" : text,
                     std::move(metadata));
  }
  const std::string type = TextField(json, "exception_type");
  ErrorMetadata metadata{{"engine_error", type}};
  for (const char* key : {"position", "error_subtype"}) {
    if (std::string value = TextField(json, key); !value.empty()) metadata[key] = std::move(value);
  }
  const Kind kind = KindOf(type);
  return MakeError(kind.code, kind.reason, type + " Error: " + TextField(json, "exception_message"),
                   std::move(metadata));
}

absl::Status ErrorOfResult(duckdb_result& result) {
  const char* text = duckdb_result_error(&result);
  const duckdb_error_type type = duckdb_result_error_type(&result);
  if (text == nullptr) return MakeEngineError("", DUCKDB_ERROR_INTERNAL);
  return MakeEngineError(text, type);
}

}  // namespace tarn::duckdb::internal
