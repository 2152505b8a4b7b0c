#include "services/ingestion/mqtt/topic_pattern.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/names/names.h"
#include "common/status/error.h"

namespace tarn::ingestion::mqtt {
namespace {

constexpr size_t kMaxBytes = 1024;
constexpr size_t kMaxNames = 32;

absl::Status Problem(std::string_view what) { return InvalidArgument("INVALID_TOPIC", what); }

// Cuts the first level off `rest`; false when none is left.
bool NextLevel(std::optional<std::string_view>& rest, std::string_view& level) {
  if (!rest) return false;
  const size_t slash = rest->find('/');
  level = rest->substr(0, slash);
  if (slash == std::string_view::npos) {
    rest.reset();
  } else {
    rest = rest->substr(slash + 1);
  }
  return true;
}

}  // namespace

absl::StatusOr<TopicPattern> TopicPattern::Parse(std::string_view text) {
  if (text.empty() || text.size() > kMaxBytes) return Problem("must have 1 to 1024 bytes");
  if (text.find('\0') != std::string_view::npos) return Problem("must not hold U+0000");
  if (text.starts_with("$share/")) {
    return Problem("must be no shared subscription: one instance holds the connector anyway");
  }
  TopicPattern pattern;
  std::optional<std::string_view> rest = text;
  std::string_view text_level;
  while (NextLevel(rest, text_level)) {
    Level& level = pattern.levels_.emplace_back();
    level.text = std::string(text_level);
    if (text_level == "+") {
      level.kind = Level::Kind::kAny;
    } else if (text_level == "#") {
      if (rest) return Problem("# stands for the rest and can only be the last level");
      level.kind = Level::Kind::kRest;
    } else if (text_level.size() > 2 && text_level.front() == '{' && text_level.back() == '}') {
      level.kind = Level::Kind::kNamed;
      const std::string name(text_level.substr(1, text_level.size() - 2));
      if (!names::ValidateSqlId("", name).ok()) {
        return Problem(absl::StrCat("{", name,
                                    "} must be a column's name: a lower-case letter, then up to "
                                    "62 lower-case letters, digits or _"));
      }
      if (std::count(pattern.names_.begin(), pattern.names_.end(), name) > 0) {
        return Problem(absl::StrCat("{", name, "} stands for two levels"));
      }
      if (pattern.names_.size() == kMaxNames) return Problem("at most 32 levels can have names");
      pattern.names_.push_back(name);
    } else if (text_level.find_first_of("+#{}") != std::string_view::npos) {
      return Problem(absl::StrCat(
          "in \"", level.text, "\": +, # and {name} must each be a whole level between slashes"));
    }
    if (pattern.levels_.size() > 1) pattern.filter_ += "/";
    pattern.filter_ += level.kind == Level::Kind::kNamed ? "+" : level.text;
  }
  return pattern;
}

std::optional<std::vector<std::string_view>> TopicPattern::Match(std::string_view topic) const {
  // What begins with $ is the broker's own and matches no wildcard at the beginning.
  if (topic.starts_with("$") && levels_[0].kind != Level::Kind::kText) return std::nullopt;
  std::vector<std::string_view> values;
  std::optional<std::string_view> rest = topic;
  for (const Level& level : levels_) {
    if (level.kind == Level::Kind::kRest) return values;  // a/# matches a as well
    std::string_view value;
    if (!NextLevel(rest, value)) return std::nullopt;
    if (level.kind == Level::Kind::kText && value != level.text) return std::nullopt;
    if (level.kind == Level::Kind::kNamed) values.push_back(value);
  }
  if (rest) return std::nullopt;
  return values;
}

}  // namespace tarn::ingestion::mqtt
