// Which files of a landing folder do not count: patterns as shells know them. `*` and `?` stand for
// characters of one name, `**` also for folders; a pattern that fits a folder takes everything
// below with it. Any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace re2 {
class RE2;
}

namespace tarn::catalog {

class PathFilter {
 public:
  // INVALID_ARGUMENT INVALID_PATTERN for patterns that are empty, begin or end with '/', are longer
  // than 1,000 bytes or too many.
  static absl::StatusOr<PathFilter> Create(const std::vector<std::string>& patterns);
  PathFilter(PathFilter&& other) noexcept;
  ~PathFilter();

  // `path` is relative to the folder.
  bool Excludes(const std::string& path) const;

 private:
  explicit PathFilter(std::unique_ptr<re2::RE2> excluded);

  std::unique_ptr<re2::RE2> excluded_;  // null: nothing
};

}  // namespace tarn::catalog
