#include "services/dashboard/resources/dashboard_validation.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>

#include "tarn/dashboard/v1/dashboard.pb.h"

#include "common/names/names.h"
#include "common/status/error.h"
#include "services/dashboard/resources/filter_value.h"
#include "services/dashboard/resources/grain.h"
#include "services/dashboard/resources/visual_labels.h"

namespace tarn::dashboard {
namespace {

constexpr int kMaxVisuals = 50;
constexpr int kMaxColumns = 100;
constexpr int kMaxRows = 10'000;
constexpr int kMaxFilters = 50;

// Collects what is wrong, with its place.
class Checker {
 public:
  explicit Checker(const v1::Dashboard& dashboard) : dashboard_(dashboard) {}

  std::vector<FieldViolation> Check();

 private:
  using Path = std::string;

  void Fail(const Path& path, std::string description) {
    violations_.push_back({path, std::move(description)});
  }
  void CheckId(const Path& path, const std::string& id, std::set<std::string>& seen) {
    if (absl::Status valid = names::ValidateId(path + ".id", id); !valid.ok()) {
      for (FieldViolation& violation : FieldViolationsOf(valid)) {
        violations_.push_back(std::move(violation));
      }
    } else if (!seen.insert(id).second) {
      Fail(path + ".id", "'" + id + "' is there twice");
    }
  }
  void CheckDataset(const Path& path, const std::string& name) {
    if (!names::Matches("datasets/{dataset}", name)) {
      Fail(path, "must be the name of a data set, datasets/<id>, not '" + name + "'");
    }
  }
  void CheckSwitch(const Path& path, const v1::Switch& control);
  void CheckFilter(const Path& path, const v1::Filter& filter);
  void CheckVisual(const Path& path, const v1::Visual& visual);
  void CheckDimension(const Path& path, const v1::Dimension& dimension);
  void CheckMeasures(const Path& path, const v1::Visual& visual);
  void CheckShape(const Path& path, const v1::Visual& visual);
  void CheckLabels(const Path& path, const v1::Visual& visual);
  void CheckLook(const Path& path, const v1::Visual& visual);

  const v1::Dashboard& dashboard_;
  std::map<std::string, const v1::Switch*> switches_;
  std::vector<FieldViolation> violations_;
};

void Checker::CheckSwitch(const Path& path, const v1::Switch& control) {
  if (control.label().empty()) Fail(path + ".label", "is required");
  if (control.options().empty()) Fail(path + ".options", "needs at least one");
  std::set<std::string> values;
  for (int i = 0; i < control.options_size(); ++i) {
    const v1::SwitchOption& option = control.options(i);
    Path at = path + ".options[" + std::to_string(i) + "]";
    if (option.value().empty()) Fail(at + ".value", "is required");
    if (option.label().empty()) Fail(at + ".label", "is required");
    if (!values.insert(option.value()).second) {
      Fail(at + ".value", "'" + option.value() + "' is there twice");
    }
  }
  if (!control.default_value().empty() && !values.contains(control.default_value())) {
    Fail(path + ".default_value", "must be the value of one of the options");
  }
}

void Checker::CheckFilter(const Path& path, const v1::Filter& filter) {
  if (filter.label().empty()) Fail(path + ".label", "is required");
  if (filter.field().empty()) Fail(path + ".field", "is required");
  if (!v1::FilterType_IsValid(filter.type()) || filter.type() == v1::FILTER_TYPE_UNSPECIFIED) {
    Fail(path + ".type", "is required");
  }
  if (!filter.dataset().empty()) CheckDataset(path + ".dataset", filter.dataset());
  for (int i = 0; i < filter.presets_size(); ++i) {
    Path at = path + ".presets[" + std::to_string(i) + "]";
    if (filter.presets(i).label().empty()) Fail(at + ".label", "is required");
    CheckFilterValue(filter, filter.presets(i).value(), at + ".value", violations_);
  }
  CheckFilterValue(filter, filter.default_value(), path + ".default_value", violations_);
}

void Checker::CheckDimension(const Path& path, const v1::Dimension& dimension) {
  if (dimension.field().empty()) Fail(path + ".field", "is required");
  if (dimension.grain().empty() || IsGrain(dimension.grain())) return;
  std::optional<std::string> id = SwitchIn(dimension.grain());
  if (!id.has_value()) {
    Fail(path + ".grain", "must be " + std::string(GrainList()) + ", or ${<id of a switch>}");
    return;
  }
  auto control = switches_.find(*id);
  if (control == switches_.end()) {
    Fail(path + ".grain", "there is no switch '" + *id + "' in this dashboard");
    return;
  }
  for (const v1::SwitchOption& option : control->second->options()) {
    if (!IsGrain(option.value())) {
      Fail(path + ".grain", "the switch '" + *id + "' has the option '" + option.value() +
                                "', which is no grain: " + std::string(GrainList()));
    }
  }
}

void Checker::CheckMeasures(const Path& path, const v1::Visual& visual) {
  int aggregated = 0;
  for (int i = 0; i < visual.measures_size(); ++i) {
    const v1::Measure& measure = visual.measures(i);
    Path at = path + ".measures[" + std::to_string(i) + "]";
    if (!v1::Aggregate_IsValid(measure.aggregate())) Fail(at + ".aggregate", "is not known");
    if (measure.aggregate() != v1::AGGREGATE_UNSPECIFIED) ++aggregated;
    if (measure.field().empty() && measure.aggregate() != v1::AGGREGATE_COUNT) {
      Fail(at + ".field", "is required, except to count rows");
    }
    if (measure.has_decimals() && (measure.decimals() < 0 || measure.decimals() > 10)) {
      Fail(at + ".decimals", "must be 0 to 10");
    }
  }
  if (aggregated != 0 && aggregated != visual.measures_size()) {
    Fail(path + ".measures", "must have an aggregate all of them, or none for rows as they are");
  }
  if (aggregated == 0 && visual.measures_size() > 0 && visual.type() != v1::VISUAL_TYPE_TABLE &&
      visual.type() != v1::VISUAL_TYPE_MAP) {
    Fail(path + ".measures", "need an aggregate; only tables and maps show rows as they are");
  }
}

void Checker::CheckShape(const Path& path, const v1::Visual& visual) {
  const int dimensions = visual.dimensions_size();
  const int measures = visual.measures_size();
  auto require = [&](bool holds, const char* what) {
    if (!holds) Fail(path, what);
  };
  switch (visual.type()) {
    case v1::VISUAL_TYPE_FIGURE:
      require(dimensions == 0 && measures == 1, "a figure has one measure and no dimensions");
      break;
    case v1::VISUAL_TYPE_BAR:
    case v1::VISUAL_TYPE_LINE:
      require(dimensions == 1 && measures >= 1, "bars and lines have one dimension, and a measure");
      require(!visual.has_series() || measures == 1, "with a series there can be one measure only");
      break;
    case v1::VISUAL_TYPE_COMBO:
      require(dimensions == 1 && measures >= 2,
              "a combination chart has one dimension and at least two measures");
      break;
    case v1::VISUAL_TYPE_RING:
      require(dimensions == 1 && measures == 1, "a ring has one dimension and one measure");
      break;
    case v1::VISUAL_TYPE_HEAT_MAP:
      require(dimensions == 2 && measures == 1, "a heat map has two dimensions and one measure");
      break;
    case v1::VISUAL_TYPE_MAP:
      require(dimensions >= 2, "a map has longitude and latitude as its first two dimensions");
      break;
    case v1::VISUAL_TYPE_TABLE:
      require(dimensions + measures >= 1, "a table has at least one dimension or measure");
      break;
    default:
      Fail(path + ".type", "is required");
  }
  if (visual.has_series() && visual.type() != v1::VISUAL_TYPE_BAR &&
      visual.type() != v1::VISUAL_TYPE_LINE) {
    Fail(path + ".series", "only bars and lines have a series");
  }
  if (dimensions + measures > kMaxColumns) Fail(path, "may have 100 columns at most");
}

void Checker::CheckLabels(const Path& path, const v1::Visual& visual) {
  std::set<std::string> labels;
  for (const std::string& label : OutputLabels(visual)) {
    // The engine does not tell names apart by case.
    if (!labels.insert(absl::AsciiStrToLower(label)).second) {
      Fail(path, "two columns have the label '" + label + "'; give one of them another");
    }
  }
  for (int i = 0; i < visual.order_by_size(); ++i) {
    std::string_view name = visual.order_by(i);
    if (name.starts_with('-')) name.remove_prefix(1);
    if (!labels.contains(absl::AsciiStrToLower(absl::string_view(name.data(), name.size())))) {
      Fail(path + ".order_by[" + std::to_string(i) + "]",
           "there is no column '" + std::string(name) +
               "'; the columns are: " + absl::StrJoin(OutputLabels(visual), ", "));
    }
  }
}

void Checker::CheckLook(const Path& path, const v1::Visual& visual) {
  const v1::Layout& layout = visual.layout();
  if (layout.x() < 0 || layout.x() > 11) Fail(path + ".layout.x", "must be 0 to 11");
  if (layout.y() < 0) Fail(path + ".layout.y", "must not be negative");
  if (layout.width() < 0 || layout.x() + layout.width() > 12) {
    Fail(path + ".layout.width",
         "the grid has twelve columns, and this one begins at " + std::to_string(layout.x()));
  }
  if (layout.height() < 0 || layout.height() > 100) {
    Fail(path + ".layout.height", "must be 1 to 100");
  }
  for (int i = 0; i < visual.thresholds_size(); ++i) {
    const std::string& level = visual.thresholds(i).level();
    if (level != "good" && level != "warning" && level != "critical") {
      Fail(path + ".thresholds[" + std::to_string(i) + "].level",
           "must be good, warning or critical");
    }
  }
  if (visual.max_rows() < 0 || visual.max_rows() > kMaxRows) {
    Fail(path + ".max_rows", "must be up to 10000");
  }
}

void Checker::CheckVisual(const Path& path, const v1::Visual& visual) {
  if (visual.title().empty()) Fail(path + ".title", "is required");
  CheckDataset(path + ".dataset", visual.dataset());
  for (int i = 0; i < visual.dimensions_size(); ++i) {
    CheckDimension(path + ".dimensions[" + std::to_string(i) + "]", visual.dimensions(i));
  }
  if (visual.has_series()) CheckDimension(path + ".series", visual.series());
  CheckMeasures(path, visual);
  CheckShape(path, visual);
  CheckLabels(path, visual);
  CheckLook(path, visual);
}

std::vector<FieldViolation> Checker::Check() {
  if (dashboard_.title().empty()) Fail("dashboard.title", "is required");
  if (dashboard_.visuals().empty() || dashboard_.visuals_size() > kMaxVisuals) {
    Fail("dashboard.visuals", "must be 1 to 50");
  }
  if (dashboard_.filters_size() > kMaxFilters) Fail("dashboard.filters", "may be 50 at most");
  std::set<std::string> ids;
  for (int i = 0; i < dashboard_.switches_size(); ++i) {
    Path path = "dashboard.switches[" + std::to_string(i) + "]";
    CheckId(path, dashboard_.switches(i).id(), ids);
    CheckSwitch(path, dashboard_.switches(i));
    switches_[dashboard_.switches(i).id()] = &dashboard_.switches(i);
  }
  ids.clear();
  for (int i = 0; i < dashboard_.filters_size(); ++i) {
    Path path = "dashboard.filters[" + std::to_string(i) + "]";
    CheckId(path, dashboard_.filters(i).id(), ids);
    CheckFilter(path, dashboard_.filters(i));
  }
  ids.clear();
  for (int i = 0; i < dashboard_.visuals_size(); ++i) {
    Path path = "dashboard.visuals[" + std::to_string(i) + "]";
    CheckId(path, dashboard_.visuals(i).id(), ids);
    CheckVisual(path, dashboard_.visuals(i));
  }
  return std::move(violations_);
}

}  // namespace

absl::Status ValidateDashboard(const v1::Dashboard& dashboard) {
  std::vector<FieldViolation> violations = Checker(dashboard).Check();
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

}  // namespace tarn::dashboard
