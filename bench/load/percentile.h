#pragma once

#include <algorithm>
#include <vector>

namespace tarn::bench {

// The value below which the `share` of all lies: 0.99 for the 99th percentile. 0 where there are
// none.
inline double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const size_t at =
      std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace tarn::bench
