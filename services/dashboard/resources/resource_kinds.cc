#include "services/dashboard/resources/resource_kinds.h"

#include <set>

#include <absl/strings/str_join.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/names/names.h"
#include "common/postgres/transaction.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/resources/dashboard_validation.h"
#include "services/dashboard/resources/dataset_validation.h"

namespace tarn::dashboard {
namespace {

absl::Status CheckUnused(Transaction& txn, std::string_view workspace, std::string_view id) {
  std::vector<std::string> dashboards;
  for (Row row : txn.Exec("SELECT dashboard_id FROM dashboard.dashboard_datasets "
                          "WHERE workspace = $1 AND dataset_id = $2 ORDER BY 1 LIMIT 10",
                          workspace, id)) {
    dashboards.push_back("dashboards/" + row.Get<std::string>("dashboard_id"));
  }
  if (dashboards.empty()) return absl::OkStatus();
  return FailedPrecondition("DATASET_IN_USE",
                            "the data set datasets/" + std::string(id) + " is drawn by " +
                                absl::StrJoin(dashboards, ", ") + "; remove or change those first");
}

// The ids of all data sets that the dashboard names, with the first place of each.
std::map<std::string, std::string> DatasetsOf(const v1::Dashboard& dashboard) {
  std::map<std::string, std::string> places;
  auto add = [&](const std::string& name, const std::string& place) {
    if (!name.empty()) places.emplace(name.substr(name.find('/') + 1), place);
  };
  for (int i = 0; i < dashboard.visuals_size(); ++i) {
    add(dashboard.visuals(i).dataset(), "dashboard.visuals[" + std::to_string(i) + "].dataset");
  }
  for (int i = 0; i < dashboard.filters_size(); ++i) {
    add(dashboard.filters(i).dataset(), "dashboard.filters[" + std::to_string(i) + "].dataset");
  }
  return places;
}

absl::Status StoreReferences(Transaction& txn, std::string_view workspace, std::string_view id,
                             const v1::Dashboard& dashboard) {
  txn.Exec("DELETE FROM dashboard.dashboard_datasets WHERE workspace = $1 AND dashboard_id = $2",
           workspace, id);
  for (const auto& [dataset, place] : DatasetsOf(dashboard)) {
    // The lock keeps a removal of the data set waiting until this dashboard is there to refuse it.
    bool exists = !txn.Exec(
                          "SELECT 1 FROM dashboard.datasets WHERE workspace = $1 AND id = $2 "
                          "FOR KEY SHARE",
                          workspace, dataset)
                       .empty();
    if (!exists) {
      return NotFound("DATASET_NOT_FOUND",
                      place + ": there is no data set datasets/" + dataset + "; make it first",
                      {{"dataset", "datasets/" + dataset}, {"field", place}});
    }
    txn.Exec(
        "INSERT INTO dashboard.dashboard_datasets (workspace, dashboard_id, dataset_id) "
        "VALUES ($1, $2, $3)",
        workspace, id, dataset);
  }
  return absl::OkStatus();
}

}  // namespace

ResourceKind<v1::Dataset> DatasetKind() {
  return {.table = "dashboard.datasets",
          .collection = "datasets",
          .field = "dataset",
          .noun = "data set",
          .reason = "DATASET",
          .validate = &ValidateDataset,
          .before_delete = &CheckUnused};
}

ResourceKind<v1::Dashboard> DashboardKind() {
  return {.table = "dashboard.dashboards",
          .collection = "dashboards",
          .field = "dashboard",
          .noun = "dashboard",
          .reason = "DASHBOARD",
          .validate = &ValidateDashboard,
          .after_write = &StoreReferences};
}

}  // namespace tarn::dashboard
