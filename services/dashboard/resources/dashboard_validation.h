// What a dashboard may look like: everything that can be said without looking at its data sets.
// Pure functions; any thread.
#pragma once

#include <absl/status/status.h>

namespace tarn::dashboard {

namespace v1 {
class Dashboard;
}

// OK, or INVALID_ARGUMENT with reason INVALID_FIELD and the path of every bad field
// ("dashboard.visuals[2].measures[0].aggregate").
absl::Status ValidateDashboard(const v1::Dashboard& dashboard);

}  // namespace tarn::dashboard
