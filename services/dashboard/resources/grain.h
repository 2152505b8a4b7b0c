// The grains of a dimension of time, and switches in their place. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tarn::dashboard {

// "5minutes, hour, day, week, month, hour_of_day, date", for messages.
std::string_view GrainList();
bool IsGrain(std::string_view grain);

// The id in "${id}", or nothing when `grain` is no reference to a switch.
std::optional<std::string> SwitchIn(std::string_view grain);

}  // namespace tarn::dashboard
