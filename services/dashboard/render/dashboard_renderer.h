// Computes all visuals of a dashboard: builds a statement for each, runs them at the same time, one
// for all visuals that ask the same, and puts the rows together. A visual that fails carries its
// error and does not touch the others.
#pragma once

#include <map>
#include <string>

#include <absl/status/statusor.h>

#include "services/dashboard/render/dataset_columns.h"
#include "services/dashboard/render/options_cache.h"
#include "services/dashboard/render/query_runner.h"

namespace tarn {
class Clock;
}

namespace tarn::dashboard {

namespace v1 {
class Dashboard;
class Dataset;
class RenderDashboardRequest;
class RenderDashboardResponse;
}  // namespace v1

// Data sets by name.
using DatasetsByName = std::map<std::string, v1::Dataset>;

// Thread safe.
class DashboardRenderer {
 public:
  // Both must outlive it. `concurrency` bounds the queries of one render that run at a time.
  DashboardRenderer(QueryRunner& runner, const Clock& clock, size_t concurrency)
      : runner_(runner), columns_(runner, clock), options_(clock), concurrency_(concurrency) {}

  // `datasets` are those that the dashboard names. Errors of the request: INVALID_ARGUMENT with
  // reason FILTER_UNKNOWN, SWITCH_UNKNOWN, VISUAL_UNKNOWN or INVALID_FIELD.
  absl::StatusOr<v1::RenderDashboardResponse> Render(const rpc::CallContext& call,
                                                     const v1::RenderDashboardRequest& request,
                                                     const v1::Dashboard& dashboard,
                                                     const DatasetsByName& datasets);

 private:
  QueryRunner& runner_;
  DatasetColumns columns_;
  OptionsCache options_;
  const size_t concurrency_;
};

}  // namespace tarn::dashboard
