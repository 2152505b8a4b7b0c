#include "services/dashboard/resources/grain.h"

#include <algorithm>
#include <iterator>

namespace tarn::dashboard {
namespace {

constexpr std::string_view kGrains[] = {"5minutes", "hour",        "day", "week",
                                        "month",    "hour_of_day", "date"};

}  // namespace

std::string_view GrainList() { return "5minutes, hour, day, week, month, hour_of_day or date"; }

bool IsGrain(std::string_view grain) {
  return std::find(std::begin(kGrains), std::end(kGrains), grain) != std::end(kGrains);
}

std::optional<std::string> SwitchIn(std::string_view grain) {
  if (grain.size() < 4 || !grain.starts_with("${") || !grain.ends_with("}")) return std::nullopt;
  return std::string(grain.substr(2, grain.size() - 3));
}

}  // namespace tarn::dashboard
