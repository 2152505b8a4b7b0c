// The "did you mean" of an error message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tarn::names {

// The candidate that `given` was most likely meant to be (by edit distance without regard to case),
// or "" when none is near.
std::string NearestName(std::string_view given, const std::vector<std::string>& candidates);

// "; did you mean x?" for the nearest candidate, or "" when none is near: to append to a message.
std::string DidYouMean(std::string_view given, const std::vector<std::string>& candidates);

}  // namespace tarn::names
