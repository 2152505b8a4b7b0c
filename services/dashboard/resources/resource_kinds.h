// Data sets and dashboards as kinds of resources, and what ties them to each other: a dashboard
// names only data sets that exist, and a data set that a dashboard names is not removed.
#pragma once

#include "services/dashboard/resources/resource_manager.h"

namespace tarn::dashboard {

namespace v1 {
class Dashboard;
class Dataset;
}  // namespace v1

using DatasetManager = ResourceManager<v1::Dataset>;
using DashboardManager = ResourceManager<v1::Dashboard>;

// A removal gives FAILED_PRECONDITION with reason DATASET_IN_USE.
ResourceKind<v1::Dataset> DatasetKind();
// A change gives NOT_FOUND with reason DATASET_NOT_FOUND.
ResourceKind<v1::Dashboard> DashboardKind();

}  // namespace tarn::dashboard
