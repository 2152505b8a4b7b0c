// What a request chose in a dashboard's filters and switches. Pure; any thread.
#pragma once

#include <absl/status/statusor.h>

#include "services/dashboard/render/visual_sql.h"

namespace tarn::dashboard {

namespace v1 {
class RenderDashboardRequest;
}

// With the defaults of the dashboard where the request says nothing. Refers to both.
// INVALID_ARGUMENT with reason FILTER_UNKNOWN, SWITCH_UNKNOWN or INVALID_FIELD.
absl::StatusOr<Choices> ChoicesOf(const v1::Dashboard& dashboard,
                                  const v1::RenderDashboardRequest& request);

}  // namespace tarn::dashboard
