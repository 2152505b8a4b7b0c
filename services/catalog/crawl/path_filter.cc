#include "services/catalog/crawl/path_filter.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <re2/re2.h>

#include "common/status/error.h"

namespace tarn::catalog {
namespace {

constexpr size_t kMaxPatterns = 100;
constexpr size_t kMaxPatternBytes = 1000;

// `**/` is any number of folders, also none.
std::string ExpressionOf(std::string_view pattern) {
  std::string expression;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (rest.starts_with("**/")) {
      expression += "(?:.*/)?";
      i += 2;
    } else if (rest.starts_with("**")) {
      expression += ".*";
      i += 1;
    } else if (rest[0] == '*') {
      expression += "[^/]*";
    } else if (rest[0] == '?') {
      expression += "[^/]";
    } else {
      expression += RE2::QuoteMeta(re2::StringPiece(rest.data(), 1));
    }
  }
  return expression;
}

}  // namespace

PathFilter::PathFilter(std::unique_ptr<re2::RE2> excluded) : excluded_(std::move(excluded)) {}
PathFilter::PathFilter(PathFilter&& other) noexcept = default;
PathFilter::~PathFilter() = default;

absl::StatusOr<PathFilter> PathFilter::Create(const std::vector<std::string>& patterns) {
  if (patterns.size() > kMaxPatterns) {
    return InvalidArgument("INVALID_PATTERN", absl::StrCat("at most ", kMaxPatterns, " patterns"));
  }
  std::vector<std::string> expressions;
  for (const std::string& pattern : patterns) {
    if (pattern.empty() || pattern.front() == '/' || pattern.back() == '/' ||
        pattern.size() > kMaxPatternBytes) {
      return InvalidArgument(
          "INVALID_PATTERN",
          absl::StrCat("\"", pattern, "\" is no path relative to the folder, of at most ",
                       kMaxPatternBytes, " bytes"));
    }
    expressions.push_back(ExpressionOf(pattern));
  }
  if (expressions.empty()) return PathFilter(nullptr);
  RE2::Options options;
  options.set_log_errors(false);
  // Names of files are bytes.
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_dot_nl(true);
  auto excluded = std::make_unique<RE2>(
      absl::StrCat("(?:", absl::StrJoin(expressions, "|"), ")(?:/.*)?"), options);
  if (!excluded->ok()) {
    return InvalidArgument("INVALID_PATTERN", "the patterns are too large; use fewer wildcards");
  }
  return PathFilter(std::move(excluded));
}

bool PathFilter::Excludes(const std::string& path) const {
  return excluded_ != nullptr && RE2::FullMatch(path, *excluded_);
}

}  // namespace tarn::catalog
