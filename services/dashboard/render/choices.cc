#include "services/dashboard/render/choices.h"

#include <algorithm>

#include <absl/strings/str_join.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dashboard_service.pb.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/resources/filter_value.h"

namespace tarn::dashboard {
namespace {

template <typename Items>
std::string IdsOf(const Items& items) {
  std::vector<std::string> ids;
  for (const auto& item : items) ids.push_back(item.id());
  return ids.empty() ? "none" : absl::StrJoin(ids, ", ");
}

template <typename Items>
bool HasId(const Items& items, const std::string& id) {
  return std::any_of(items.begin(), items.end(), [&](const auto& item) { return item.id() == id; });
}

absl::Status CheckIds(const v1::Dashboard& dashboard, const v1::RenderDashboardRequest& request) {
  for (const auto& [id, value] : request.filters()) {
    if (!HasId(dashboard.filters(), id)) {
      return InvalidArgument("FILTER_UNKNOWN",
                             dashboard.name() + " has no filter '" + id +
                                 "'; its filters are: " + IdsOf(dashboard.filters()),
                             {{"filter", id}});
    }
  }
  for (const auto& [id, value] : request.switches()) {
    if (!HasId(dashboard.switches(), id)) {
      return InvalidArgument("SWITCH_UNKNOWN",
                             dashboard.name() + " has no switch '" + id +
                                 "'; its switches are: " + IdsOf(dashboard.switches()),
                             {{"switch", id}});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SwitchValue(const v1::Switch& control,
                                        const v1::RenderDashboardRequest& request) {
  auto chosen = request.switches().find(control.id());
  if (chosen == request.switches().end() || chosen->second.empty()) {
    return control.default_value().empty() ? control.options(0).value() : control.default_value();
  }
  std::vector<std::string> values;
  for (const v1::SwitchOption& option : control.options()) {
    if (option.value() == chosen->second) return chosen->second;
    values.push_back(option.value());
  }
  return InvalidFields({{"switches[" + control.id() + "]",
                         "'" + chosen->second + "' is none of " + absl::StrJoin(values, ", ")}});
}

}  // namespace

absl::StatusOr<Choices> ChoicesOf(const v1::Dashboard& dashboard,
                                  const v1::RenderDashboardRequest& request) {
  TARN_RETURN_IF_ERROR(CheckIds(dashboard, request));
  Choices choices;
  std::vector<FieldViolation> violations;
  for (const v1::Filter& filter : dashboard.filters()) {
    auto chosen = request.filters().find(filter.id());
    const v1::FilterValue& value =
        chosen == request.filters().end() ? filter.default_value() : chosen->second;
    CheckFilterValue(filter, value, "filters[" + filter.id() + "]", violations);
    if (!IsEverything(value)) choices.filters.push_back({&filter, &value});
  }
  if (!violations.empty()) return InvalidFields(std::move(violations));
  for (const v1::Switch& control : dashboard.switches()) {
    TARN_ASSIGN_OR_RETURN(choices.switches[control.id()], SwitchValue(control, request));
  }
  return choices;
}

}  // namespace tarn::dashboard
