#include "services/dashboard/render/dashboard_renderer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <absl/strings/numbers.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dashboard_service.pb.h"
#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/rpc/call_context.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/render/choices.h"
#include "services/dashboard/render/parallel.h"
#include "services/dashboard/render/visual_sql.h"
#include "services/dashboard/resources/visual_labels.h"

namespace tarn::dashboard {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Value;

void SetError(const absl::Status& status, common::v1::ExecutionError* error) {
  error->set_code(static_cast<int>(status.code()));
  error->set_reason(ErrorReason(status));
  error->set_message(std::string(status.message()));
  for (const auto& [name, value] : ErrorMetadataOf(status)) {
    (*error->mutable_metadata())[name] = value;
  }
}

std::vector<std::string> RolesOf(const v1::Visual& visual) {
  std::vector<std::string> roles(static_cast<size_t>(visual.dimensions_size()), "dimension");
  if (visual.has_series()) roles.push_back("series");
  roles.insert(roles.end(), static_cast<size_t>(visual.measures_size()), "measure");
  return roles;
}

// Decimals and large integers come as text; a measure is drawn as a number.
void ToNumber(Value* value) {
  double number = 0;
  if (value->kind_case() == Value::kStringValue &&
      absl::SimpleAtod(value->string_value(), &number) && std::isfinite(number)) {
    value->set_number_value(number);
  }
}

// One statement and all that wait for its rows.
struct Task {
  SqlStatement statement;
  std::string source;
  absl::StatusOr<QueryRows> result = absl::UnknownError("was not run");
};

// One call of Render.
class Render {
 public:
  Render(const rpc::CallContext& call, const v1::RenderDashboardRequest& request,
         const v1::Dashboard& dashboard, const DatasetsByName& datasets)
      : call_(call), request_(request), dashboard_(dashboard), datasets_(datasets) {}

  absl::StatusOr<v1::RenderDashboardResponse> Run(QueryRunner& runner, DatasetColumns& columns,
                                                  OptionsCache& options, size_t concurrency);

 private:
  struct PlannedVisual {
    const v1::Visual* visual;
    absl::StatusOr<VisualStatement> statement;
    const Task* task = nullptr;
  };
  struct PlannedFilter {
    const v1::Filter* filter;
    // What it offers, remembered; else the task that asks for it, or null where nothing can.
    std::optional<OptionsCache::Rows> remembered;
    const Task* task = nullptr;

    const OptionsCache::Rows* rows() const {
      if (remembered.has_value()) return &*remembered;
      return task != nullptr && task->result.ok() ? &task->result->rows : nullptr;
    }
  };

  absl::Status ChooseVisuals();
  void ResolveColumns(DatasetColumns& columns, size_t concurrency);
  absl::StatusOr<ResolvedDataset> Resolved(const std::string& name) const;
  std::optional<ResolvedDataset> DatasetOf(const v1::Filter& filter) const;
  void Plan(const Choices& choices, OptionsCache& options);
  const Task* TaskFor(SqlStatement statement, const std::string& source);
  std::string SourceOf(const std::string& part) const { return dashboard_.name() + "/" + part; }
  void FillVisual(const PlannedVisual& planned, v1::VisualResult* result) const;
  void FillOptions(const PlannedFilter& planned, v1::FilterOptions* options) const;

  const rpc::CallContext& call_;
  const v1::RenderDashboardRequest& request_;
  const v1::Dashboard& dashboard_;
  const DatasetsByName& datasets_;

  std::vector<const v1::Visual*> chosen_;
  std::map<std::string, absl::StatusOr<std::vector<QueryColumn>>> columns_;
  std::map<SqlStatement, Task> tasks_;  // node-based: pointers into it stay
  std::vector<PlannedVisual> visuals_;
  std::vector<PlannedFilter> filters_;
};

absl::Status Render::ChooseVisuals() {
  std::set<std::string> ids(request_.visual_ids().begin(), request_.visual_ids().end());
  for (const v1::Visual& visual : dashboard_.visuals()) {
    if (request_.visual_ids().empty() || ids.erase(visual.id()) > 0) chosen_.push_back(&visual);
  }
  if (ids.empty()) return absl::OkStatus();
  return InvalidArgument("VISUAL_UNKNOWN",
                         dashboard_.name() + " has no visual '" + *ids.begin() + "'",
                         {{"visual", *ids.begin()}});
}

void Render::ResolveColumns(DatasetColumns& columns, size_t concurrency) {
  std::set<std::string> names;
  for (const v1::Visual* visual : chosen_) names.insert(visual->dataset());
  for (const v1::Filter& filter : dashboard_.filters()) {
    if (!filter.dataset().empty()) names.insert(filter.dataset());
  }
  std::vector<const v1::Dataset*> needed;
  for (const std::string& name : names) {
    if (auto it = datasets_.find(name); it != datasets_.end()) needed.push_back(&it->second);
  }
  std::vector<absl::StatusOr<std::vector<QueryColumn>>> found(needed.size(),
                                                              absl::UnknownError("was not run"));
  RunParallel(needed.size(), concurrency,
              [&](size_t i) { found[i] = columns.Get(call_, *needed[i], SourceOf("columns")); });
  for (size_t i = 0; i < needed.size(); ++i) {
    columns_.emplace(needed[i]->name(), std::move(found[i]));
  }
}

absl::StatusOr<ResolvedDataset> Render::Resolved(const std::string& name) const {
  auto columns = columns_.find(name);
  if (columns == columns_.end()) {
    return NotFound("DATASET_NOT_FOUND", "there is no data set " + name, {{"dataset", name}});
  }
  if (!columns->second.ok()) {
    return Annotate(columns->second.status(), "the data set " + name);
  }
  return ResolvedDataset{datasets_.at(name), *columns->second};
}

std::optional<ResolvedDataset> Render::DatasetOf(const v1::Filter& filter) const {
  if (!filter.dataset().empty()) {
    absl::StatusOr<ResolvedDataset> dataset = Resolved(filter.dataset());
    if (!dataset.ok()) return std::nullopt;
    return std::optional<ResolvedDataset>(*dataset);
  }
  for (const v1::Visual* visual : chosen_) {
    absl::StatusOr<ResolvedDataset> dataset = Resolved(visual->dataset());
    if (dataset.ok() && dataset->Find(filter.field()) != nullptr) {
      return std::optional<ResolvedDataset>(*dataset);
    }
  }
  return std::nullopt;
}

const Task* Render::TaskFor(SqlStatement statement, const std::string& source) {
  auto [it, added] = tasks_.try_emplace(statement);
  if (added) {
    it->second.statement = std::move(statement);
    it->second.source = source;
  }
  return &it->second;
}

void Render::Plan(const Choices& choices, OptionsCache& options) {
  for (const v1::Visual* visual : chosen_) {
    absl::StatusOr<ResolvedDataset> dataset = Resolved(visual->dataset());
    PlannedVisual planned{
        visual, dataset.ok() ? BuildVisualStatement(*visual, *dataset, choices) : dataset.status()};
    if (planned.statement.ok()) {
      planned.task = TaskFor(planned.statement->statement, SourceOf(visual->id()));
    }
    visuals_.push_back(std::move(planned));
  }
  for (const v1::Filter& filter : dashboard_.filters()) {
    PlannedFilter planned{&filter};
    if (std::optional<ResolvedDataset> dataset = DatasetOf(filter)) {
      if (auto statement = BuildOptionsStatement(filter, *dataset)) {
        planned.remembered = options.Find(call_, *statement);
        if (!planned.remembered.has_value()) {
          planned.task = TaskFor(*std::move(statement), SourceOf(filter.id()));
        }
      }
    }
    filters_.push_back(std::move(planned));
  }
}

void Render::FillVisual(const PlannedVisual& planned, v1::VisualResult* result) const {
  const v1::Visual& visual = *planned.visual;
  result->set_visual_id(visual.id());
  if (!planned.statement.ok()) return SetError(planned.statement.status(), result->mutable_error());
  for (const std::string& id : planned.statement->unapplied_filters) {
    result->add_unapplied_filters(id);
  }
  const absl::StatusOr<QueryRows>& rows = planned.task->result;
  if (!rows.ok()) return SetError(rows.status(), result->mutable_error());
  result->set_query(rows->query);
  const std::vector<std::string> roles = RolesOf(visual);
  const std::vector<std::string> labels = OutputLabels(visual);
  for (size_t i = 0; i < labels.size(); ++i) {
    v1::VisualColumn* column = result->add_columns();
    column->set_name(labels[i]);
    column->set_label(labels[i]);
    column->set_role(roles[i]);
    if (i < rows->columns.size()) column->set_type(rows->columns[i].type);
  }
  const size_t limit = static_cast<size_t>(planned.statement->max_rows);
  result->set_truncated(rows->rows.size() > limit);
  for (size_t i = 0; i < std::min(limit, rows->rows.size()); ++i) {
    ListValue* row = result->add_rows();
    *row = rows->rows[i];
    for (int at = 0; at < row->values_size() && static_cast<size_t>(at) < roles.size(); ++at) {
      if (roles[static_cast<size_t>(at)] == "measure") ToNumber(row->mutable_values(at));
    }
  }
}

void Render::FillOptions(const PlannedFilter& planned, v1::FilterOptions* options) const {
  options->set_filter_id(planned.filter->id());
  if (planned.filter->type() == v1::FILTER_TYPE_HOUR_RANGE) {
    options->mutable_range()->set_from("0");
    options->mutable_range()->set_until("24");
    return;
  }
  // Without its options a filter still filters; a visual of the same data set tells the error.
  if (planned.rows() == nullptr) return;
  for (const ListValue& row : *planned.rows()) {
    if (planned.filter->type() == v1::FILTER_TYPE_VALUES && row.values_size() == 1) {
      options->add_values(row.values(0).string_value());
    } else if (row.values_size() == 2) {
      options->mutable_range()->set_from(row.values(0).string_value());
      options->mutable_range()->set_until(row.values(1).string_value());
    }
  }
}

absl::StatusOr<v1::RenderDashboardResponse> Render::Run(QueryRunner& runner,
                                                        DatasetColumns& columns,
                                                        OptionsCache& options, size_t concurrency) {
  TARN_ASSIGN_OR_RETURN(Choices choices, ChoicesOf(dashboard_, request_));
  TARN_RETURN_IF_ERROR(ChooseVisuals());
  ResolveColumns(columns, concurrency);
  Plan(choices, options);
  std::vector<Task*> tasks;
  for (auto& [statement, task] : tasks_) tasks.push_back(&task);
  RunParallel(tasks.size(), concurrency, [&](size_t i) {
    tasks[i]->result = runner.Run(call_, tasks[i]->statement, tasks[i]->source);
  });
  v1::RenderDashboardResponse response;
  *response.mutable_dashboard() = dashboard_;
  for (const PlannedVisual& planned : visuals_) FillVisual(planned, response.add_visuals());
  for (const PlannedFilter& planned : filters_) {
    if (planned.task != nullptr && planned.task->result.ok()) {
      options.Keep(call_, planned.task->statement, planned.task->result->rows);
    }
    FillOptions(planned, response.add_filter_options());
  }
  return response;
}

}  // namespace

absl::StatusOr<v1::RenderDashboardResponse> DashboardRenderer::Render(
    const rpc::CallContext& call, const v1::RenderDashboardRequest& request,
    const v1::Dashboard& dashboard, const DatasetsByName& datasets) {
  return tarn::dashboard::Render(call, request, dashboard, datasets)
      .Run(runner_, columns_, options_, concurrency_);
}

}  // namespace tarn::dashboard
