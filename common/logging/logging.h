// The process's log: one JSON object a line on standard error.
//
//   logging::Info("catalog", "table created", {{"table", name}, {"columns", 12}});
//   {"time":"2024-01-01T00:00:00.000Z","level":"info","module":"catalog","message":"table created",
//    "request_id":"…","table":"smart_hub.usage","columns":12}
//
// An error is logged once, where it is handled; a client's fault is never logged as an error;
// secrets never are logged. Every function is safe on any thread. A line that cannot be written is
// lost: logging never fails its caller.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>

#include <absl/status/status.h>

namespace tarn::logging {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

// A named value of a line. Holds views: it lives no longer than the call that it is passed to. The
// names time, level, module, message and request_id are taken.
struct Field {
  using Value = std::variant<std::string_view, std::int64_t, double, bool>;

  Field(std::string_view field_name, std::string_view v) : name(field_name), value(v) {}
  Field(std::string_view field_name, const std::string& v)
      : name(field_name), value(std::string_view(v)) {}
  Field(std::string_view field_name, const char* v)
      : name(field_name), value(std::string_view(v)) {}
  Field(std::string_view field_name, std::same_as<bool> auto v) : name(field_name), value(v) {}
  Field(std::string_view field_name, std::floating_point auto v)
      : name(field_name), value(static_cast<double>(v)) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view field_name, T v)
      : name(field_name), value(static_cast<std::int64_t>(v)) {}

  std::string_view name;
  Value value;
};

using Fields = std::initializer_list<Field>;

void Debug(std::string_view module, std::string_view message, Fields fields = {});
void Info(std::string_view module, std::string_view message, Fields fields = {});
void Warn(std::string_view module, std::string_view message, Fields fields = {});
void Error(std::string_view module, std::string_view message, Fields fields = {});

// An error with the code, reason and message of `status` as fields "code", "reason" and "error".
void Warn(std::string_view module, std::string_view message, const absl::Status& status,
          Fields fields = {});
void Error(std::string_view module, std::string_view message, const absl::Status& status,
           Fields fields = {});

// Lines below `level` are dropped. Info at start.
void SetLevel(Level level);
bool IsEnabled(Level level);

// "debug", "info", "warn", "error" or "off"; anything else is INVALID_ARGUMENT, INVALID_LOG_LEVEL.
absl::Status SetLevel(std::string_view name);

// While it lives, every line that this thread logs carries the request's id. Nests: the inner one
// holds until it goes. A reactor makes one in each callback, since callbacks change threads.
class ScopedRequestId {
 public:
  explicit ScopedRequestId(std::string_view request_id);
  ~ScopedRequestId();
  ScopedRequestId(const ScopedRequestId&) = delete;
  ScopedRequestId& operator=(const ScopedRequestId&) = delete;

 private:
  std::string previous_;
};

// The id set on this thread, or "".
const std::string& CurrentRequestId();

// For tests: while it lives, lines go to `out` instead of standard error. One at a time.
class ScopedCapture {
 public:
  explicit ScopedCapture(std::ostream& out);
  ~ScopedCapture();
  ScopedCapture(const ScopedCapture&) = delete;
  ScopedCapture& operator=(const ScopedCapture&) = delete;
};

}  // namespace tarn::logging
