#include "common/failpoint/failpoint.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <signal.h>

#include <absl/base/thread_annotations.h>
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/clock.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::failpoint {
namespace {

constexpr char kVariable[] = "TARN_FAILPOINTS";

enum class Kind { kOff, kAbort, kError, kSleep };

struct Action {
  Kind kind = Kind::kOff;
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  absl::Duration sleep;
  int skip = 0;    // hits to pass first
  int times = -1;  // hits to act on; -1 for all
};

struct Point {
  Action action;
  int hits = 0;
};

std::optional<absl::StatusCode> CodeByName(absl::string_view name) {
  for (int code = 1; code <= 16; ++code) {
    const auto status_code = static_cast<absl::StatusCode>(code);
    if (absl::StatusCodeToString(status_code) == name) return status_code;
  }
  return std::nullopt;
}

// Takes "<mark><number>" off the end of `text`.
bool TakeSuffix(absl::string_view& text, char mark, int& number) {
  const std::size_t at = text.rfind(mark);
  if (at == absl::string_view::npos) return false;
  int value;
  if (!absl::SimpleAtoi(text.substr(at + 1), &value) || value < 0) return false;
  number = value;
  text = text.substr(0, at);
  return true;
}

// The text between `prefix` and a closing parenthesis at the end.
std::optional<absl::string_view> Argument(absl::string_view text, absl::string_view prefix) {
  if (absl::ConsumePrefix(&text, prefix) && absl::ConsumeSuffix(&text, ")")) return text;
  return std::nullopt;
}

absl::StatusOr<Action> ParseAction(std::string_view spec) {
  Action action;
  absl::string_view text(spec.data(), spec.size());
  while (TakeSuffix(text, '*', action.times) || TakeSuffix(text, '+', action.skip)) {
  }
  int millis;
  if (text == "off") {
    return action;
  }
  if (text == "abort") {
    action.kind = Kind::kAbort;
    return action;
  }
  if (auto argument = Argument(text, "sleep("); argument && absl::SimpleAtoi(*argument, &millis)) {
    action.kind = Kind::kSleep;
    action.sleep = absl::Milliseconds(millis);
    return action;
  }
  if (auto argument = Argument(text, "error(")) {
    if (auto code = CodeByName(*argument)) {
      action.kind = Kind::kError;
      action.code = *code;
      return action;
    }
  }
  return InvalidArgument("INVALID_FAILPOINT",
                         "'" + std::string(spec) +
                             "' is not an action: abort, error(CODE), sleep(MS) or off, then +K to "
                             "pass the first K hits and *N to act N times");
}

class Registry {
 public:
  static Registry& Get() {
    static Registry* const registry = new Registry;
    return *registry;
  }

  void Arm(std::string_view name, const Action& action) {
    absl::MutexLock lock(&mutex_);
    points_[std::string(name)] = Point{action};
    UpdateFlag();
  }

  void Disarm(std::string_view name) {
    absl::MutexLock lock(&mutex_);
    if (auto it = points_.find(name); it != points_.end()) points_.erase(it);
    UpdateFlag();
  }

  void DisarmAll() {
    absl::MutexLock lock(&mutex_);
    points_.clear();
    UpdateFlag();
  }

  int HitCount(std::string_view name) {
    absl::MutexLock lock(&mutex_);
    const auto it = points_.find(name);
    return it == points_.end() ? 0 : it->second.hits;
  }

  // Counts a hit and says what to do about it.
  Action OnHit(std::string_view name) {
    absl::MutexLock lock(&mutex_);
    const auto it = points_.find(name);
    if (it == points_.end()) return Action{};
    Point& point = it->second;
    const int acted_before = point.hits++ - point.action.skip;
    const bool acts =
        acted_before >= 0 && (point.action.times < 0 || acted_before < point.action.times);
    return acts ? point.action : Action{};
  }

 private:
  Registry() {
    if (const char* list = std::getenv(kVariable)) {
      for (absl::string_view item : absl::StrSplit(list, ';', absl::SkipWhitespace())) {
        const std::pair<absl::string_view, absl::string_view> pair =
            absl::StrSplit(absl::StripAsciiWhitespace(item), absl::MaxSplits('=', 1));
        auto action = ParseAction({pair.second.data(), pair.second.size()});
        if (!action.ok()) {  // a test that is not armed as meant would pass for nothing
          std::fprintf(stderr, "%s: %s\n", kVariable,
                       std::string(action.status().message()).c_str());
          std::abort();
        }
        points_[std::string(pair.first)] = Point{*action};
      }
    }
    absl::MutexLock lock(&mutex_);
    UpdateFlag();
  }

  void UpdateFlag() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    internal::g_may_be_armed.store(!points_.empty(), std::memory_order_relaxed);
  }

  absl::Mutex mutex_;
  std::map<std::string, Point, std::less<>> points_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

namespace internal {

std::atomic<bool> g_may_be_armed{true};

absl::Status Reached(std::string_view name) {
  const Action action = Registry::Get().OnHit(name);
  switch (action.kind) {
    case Kind::kOff:
      break;
    case Kind::kAbort:
      raise(SIGKILL);
      break;
    case Kind::kSleep:
      absl::SleepFor(action.sleep);
      break;
    case Kind::kError:
      return MakeError(action.code, "FAILPOINT", "failpoint " + std::string(name),
                       {{"failpoint", std::string(name)}});
  }
  return absl::OkStatus();
}

}  // namespace internal

absl::Status Arm(std::string_view name, std::string_view action) {
  TARN_ASSIGN_OR_RETURN(Action parsed, ParseAction(action));
  Registry::Get().Arm(name, parsed);
  return absl::OkStatus();
}

absl::Status ArmAll(std::string_view list) {
  for (absl::string_view item :
       absl::StrSplit(absl::string_view(list.data(), list.size()), ';', absl::SkipWhitespace())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(absl::StripAsciiWhitespace(item), absl::MaxSplits('=', 1));
    TARN_RETURN_IF_ERROR(
        Arm({pair.first.data(), pair.first.size()}, {pair.second.data(), pair.second.size()}));
  }
  return absl::OkStatus();
}

void Disarm(std::string_view name) { Registry::Get().Disarm(name); }
void DisarmAll() { Registry::Get().DisarmAll(); }
int HitCount(std::string_view name) { return Registry::Get().HitCount(name); }

ScopedFailpoint::ScopedFailpoint(std::string_view name, std::string_view action) : name_(name) {
  const absl::Status status = Arm(name, action);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    std::abort();
  }
}

ScopedFailpoint::~ScopedFailpoint() { Disarm(name_); }

}  // namespace tarn::failpoint
