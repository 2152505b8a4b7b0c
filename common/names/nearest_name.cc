#include "common/names/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include <absl/strings/ascii.h>

namespace tarn::names {
namespace {

// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

}  // namespace

std::string NearestName(std::string_view given, const std::vector<std::string>& candidates) {
  if (given.empty() || given.size() > 200) return "";
  const std::string lower = Lower(given);
  // A third of its letters may be wrong, at least one and never all.
  std::size_t best_distance = std::max<std::size_t>(1, given.size() / 3) + 1;
  std::string best;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = EditDistance(lower, Lower(candidate));
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string DidYouMean(std::string_view given, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestName(given, candidates);
  return nearest.empty() ? "" : "; did you mean " + nearest + "?";
}

}  // namespace tarn::names
