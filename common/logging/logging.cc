#include "common/logging/logging.h"

#include <array>
#include <memory>
#include <mutex>
#include <utility>

#include <absl/time/clock.h>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "common/status/error.h"

namespace tarn::logging {
namespace {

constexpr std::array<std::pair<std::string_view, Level>, 5> kLevelNames = {
    {{"debug", Level::kDebug},
     {"info", Level::kInfo},
     {"warn", Level::kWarn},
     {"error", Level::kError},
     {"off", Level::kOff}}};

std::string_view NameOf(Level level) { return kLevelNames[static_cast<std::size_t>(level)].first; }

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      break;
  }
  return spdlog::level::off;
}

std::shared_ptr<spdlog::logger> MakeLogger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("tarn", std::move(sink));
  logger->set_pattern("%v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::info);
  logger->flush_on(spdlog::level::trace);
  logger->set_error_handler([](const std::string&) {});  // logging never fails its caller
  return logger;
}

// Never destroyed, since threads may log while the process ends.
struct State {
  std::shared_ptr<spdlog::logger> standard_error =
      MakeLogger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> current = standard_error;  // guarded by mutex
};

State& TheState() {
  static State* const state = new State;
  return *state;
}

std::shared_ptr<spdlog::logger> Logger() {
  State& state = TheState();
  std::lock_guard lock(state.mutex);
  return state.current;
}

thread_local std::string t_request_id;

nlohmann::ordered_json ToJson(const Field::Value& value) {
  return std::visit(
      [](const auto& v) -> nlohmann::ordered_json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string_view>) {
          return std::string(v);
        } else {
          return v;
        }
      },
      value);
}

void Write(Level level, std::string_view module, std::string_view message, Fields fields,
           const absl::Status* status) {
  const std::shared_ptr<spdlog::logger> logger = Logger();
  if (!logger->should_log(ToSpdlog(level))) return;
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  line["level"] = std::string(NameOf(level));
  line["module"] = std::string(module);
  line["message"] = std::string(message);
  if (!t_request_id.empty()) line["request_id"] = t_request_id;
  if (status != nullptr) {
    line["code"] = absl::StatusCodeToString(status->code());
    std::string reason = ErrorReason(*status);
    if (!reason.empty()) line["reason"] = std::move(reason);
    line["error"] = std::string(status->message().data(), status->message().size());
  }
  for (const Field& field : fields) line[std::string(field.name)] = ToJson(field.value);
  // Bytes that are not UTF-8 become U+FFFD instead of an exception.
  logger->log(ToSpdlog(level),
              spdlog::string_view_t(
                  line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
}

}  // namespace

void Debug(std::string_view module, std::string_view message, Fields fields) {
  Write(Level::kDebug, module, message, fields, nullptr);
}
void Info(std::string_view module, std::string_view message, Fields fields) {
  Write(Level::kInfo, module, message, fields, nullptr);
}
void Warn(std::string_view module, std::string_view message, Fields fields) {
  Write(Level::kWarn, module, message, fields, nullptr);
}
void Error(std::string_view module, std::string_view message, Fields fields) {
  Write(Level::kError, module, message, fields, nullptr);
}
void Warn(std::string_view module, std::string_view message, const absl::Status& status,
          Fields fields) {
  Write(Level::kWarn, module, message, fields, &status);
}
void Error(std::string_view module, std::string_view message, const absl::Status& status,
           Fields fields) {
  Write(Level::kError, module, message, fields, &status);
}

void SetLevel(Level level) { Logger()->set_level(ToSpdlog(level)); }

bool IsEnabled(Level level) { return Logger()->should_log(ToSpdlog(level)); }

absl::Status SetLevel(std::string_view name) {
  for (const auto& [known, level] : kLevelNames) {
    if (known != name) continue;
    SetLevel(level);
    return absl::OkStatus();
  }
  return InvalidArgument("INVALID_LOG_LEVEL", "log level '" + std::string(name) +
                                                  "' is not one of debug, info, warn, error, off");
}

ScopedRequestId::ScopedRequestId(std::string_view request_id)
    : previous_(std::exchange(t_request_id, std::string(request_id))) {}

ScopedRequestId::~ScopedRequestId() { t_request_id = std::move(previous_); }

const std::string& CurrentRequestId() { return t_request_id; }

ScopedCapture::ScopedCapture(std::ostream& out) {
  State& state = TheState();
  auto logger = MakeLogger(std::make_shared<spdlog::sinks::ostream_sink_mt>(out, true));
  std::lock_guard lock(state.mutex);
  state.current = std::move(logger);
}

ScopedCapture::~ScopedCapture() {
  State& state = TheState();
  std::lock_guard lock(state.mutex);
  state.current = state.standard_error;
}

}  // namespace tarn::logging
