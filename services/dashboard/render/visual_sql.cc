#include "services/dashboard/render/visual_sql.h"

#include <absl/strings/match.h>
#include <absl/strings/str_join.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/names/nearest_name.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/resources/filter_value.h"
#include "services/dashboard/resources/grain.h"
#include "services/dashboard/resources/visual_labels.h"

namespace tarn::dashboard {
namespace {

bool IsTimeType(const std::string& type) {
  return absl::StartsWith(type, "timestamp") || type == "date";
}

// Puts one visual's statement together.
class Builder {
 public:
  Builder(const v1::Visual& visual, const ResolvedDataset& dataset, const Choices& choices)
      : visual_(visual), dataset_(dataset), choices_(choices) {}

  absl::StatusOr<VisualStatement> Build();

 private:
  absl::StatusOr<const QueryColumn*> ColumnOf(const std::string& field) const;
  absl::Status AddDimension(const v1::Dimension& dimension);
  absl::Status AddMeasure(const v1::Measure& measure);
  void AddFilters();
  std::string FilterCondition(const Choices::ChosenFilter& chosen, const QueryColumn& column);
  std::string OrderBy() const;
  bool IsAggregated() const {
    return visual_.measures_size() > 0 &&
           visual_.measures(0).aggregate() != v1::AGGREGATE_UNSPECIFIED;
  }

  const v1::Visual& visual_;
  const ResolvedDataset& dataset_;
  const Choices& choices_;
  VisualStatement result_;
  std::vector<std::string> outputs_;
  std::vector<std::string> conditions_;
  int groups_ = 0;
};

std::string Reference(const QueryColumn& column) { return "d." + QuoteIdentifier(column.name); }

// The column as a time: as it is where it is one, so that files can be left out by its bounds.
std::string TimeOf(const QueryColumn& column) {
  if (IsTimeType(column.type)) return Reference(column);
  return "CAST(" + Reference(column) + " AS TIMESTAMP)";
}

std::string WithGrain(const std::string& grain, const QueryColumn& column) {
  if (grain.empty()) return Reference(column);
  if (grain == "5minutes") return "time_bucket(INTERVAL 5 MINUTE, " + TimeOf(column) + ")";
  if (grain == "hour_of_day") return "hour(" + TimeOf(column) + ")";
  if (grain == "date") return "CAST(" + Reference(column) + " AS DATE)";
  return "date_trunc('" + grain + "', " + TimeOf(column) + ")";
}

std::string Aggregated(v1::Aggregate aggregate, const std::string& value) {
  switch (aggregate) {
    case v1::AGGREGATE_SUM:
      return "sum(" + value + ")";
    case v1::AGGREGATE_AVERAGE:
      return "avg(" + value + ")";
    case v1::AGGREGATE_MIN:
      return "min(" + value + ")";
    case v1::AGGREGATE_MAX:
      return "max(" + value + ")";
    case v1::AGGREGATE_COUNT:
      return "count(" + (value.empty() ? "*" : value) + ")";
    case v1::AGGREGATE_COUNT_DISTINCT:
      return "count(DISTINCT " + value + ")";
    default:
      return value;
  }
}

absl::StatusOr<const QueryColumn*> Builder::ColumnOf(const std::string& field) const {
  if (const QueryColumn* column = dataset_.Find(field); column != nullptr) return column;
  std::vector<std::string> names;
  for (const QueryColumn& column : dataset_.columns) names.push_back(column.name);
  return NotFound("FIELD_NOT_FOUND",
                  "the data set " + dataset_.dataset.name() + " has no field '" + field + "'" +
                      names::DidYouMean(field, names),
                  {{"field", field}, {"dataset", dataset_.dataset.name()}});
}

absl::Status Builder::AddDimension(const v1::Dimension& dimension) {
  TARN_ASSIGN_OR_RETURN(const QueryColumn* column, ColumnOf(dimension.field()));
  std::string grain = dimension.grain();
  if (std::optional<std::string> id = SwitchIn(grain)) {
    auto chosen = choices_.switches.find(*id);
    grain = chosen == choices_.switches.end() ? "" : chosen->second;
  }
  outputs_.push_back(WithGrain(grain, *column) + " AS " + QuoteIdentifier(LabelOf(dimension)));
  ++groups_;
  return absl::OkStatus();
}

absl::Status Builder::AddMeasure(const v1::Measure& measure) {
  std::string value;
  if (!measure.field().empty()) {
    TARN_ASSIGN_OR_RETURN(const QueryColumn* column, ColumnOf(measure.field()));
    value = Reference(*column);
  }
  outputs_.push_back(Aggregated(measure.aggregate(), value) + " AS " +
                     QuoteIdentifier(LabelOf(measure)));
  return absl::OkStatus();
}

std::string Builder::FilterCondition(const Choices::ChosenFilter& chosen,
                                     const QueryColumn& column) {
  const v1::FilterValue& value = *chosen.value;
  SqlStatement& statement = result_.statement;
  std::vector<std::string> parts;
  if (chosen.filter->type() == v1::FILTER_TYPE_VALUES) {
    std::vector<std::string> names;
    for (const std::string& item : value.values()) names.push_back(statement.Bind(item));
    return "CAST(" + Reference(column) + " AS VARCHAR) IN (" + absl::StrJoin(names, ", ") + ")";
  }
  const bool hours = chosen.filter->type() == v1::FILTER_TYPE_HOUR_RANGE;
  const std::string subject = hours ? "hour(" + TimeOf(column) + ")" : TimeOf(column);
  const std::string type = hours ? "INTEGER" : "TIMESTAMP";
  if (!value.from().empty()) {
    parts.push_back(subject + " >= CAST(" + statement.Bind(value.from()) + " AS " + type + ")");
  }
  if (!value.until().empty()) {
    parts.push_back(subject + " < CAST(" + statement.Bind(value.until()) + " AS " + type + ")");
  }
  return absl::StrJoin(parts, " AND ");
}

void Builder::AddFilters() {
  for (const Choices::ChosenFilter& chosen : choices_.filters) {
    const QueryColumn* column = dataset_.Find(chosen.filter->field());
    if (column == nullptr) {
      result_.unapplied_filters.push_back(chosen.filter->id());
    } else {
      conditions_.push_back(FilterCondition(chosen, *column));
    }
  }
}

// By the places of columns: a label may be the name of a column of the data set as well.
std::string Builder::OrderBy() const {
  std::vector<std::string> keys;
  const std::vector<std::string> labels = OutputLabels(visual_);
  for (std::string_view name : visual_.order_by()) {
    const bool descending = name.starts_with('-');
    if (descending) name.remove_prefix(1);
    for (size_t i = 0; i < labels.size(); ++i) {
      if (absl::EqualsIgnoreCase(labels[i], absl::string_view(name.data(), name.size()))) {
        keys.push_back(std::to_string(i + 1) + (descending ? " DESC" : "") + " NULLS LAST");
      }
    }
  }
  if (keys.empty()) {
    for (int i = 1; i <= groups_; ++i) keys.push_back(std::to_string(i) + " NULLS LAST");
  }
  return keys.empty() ? "" : "\nORDER BY " + absl::StrJoin(keys, ", ");
}

absl::StatusOr<VisualStatement> Builder::Build() {
  for (const v1::Dimension& dimension : visual_.dimensions()) {
    TARN_RETURN_IF_ERROR(AddDimension(dimension));
  }
  if (visual_.has_series()) TARN_RETURN_IF_ERROR(AddDimension(visual_.series()));
  for (const v1::Measure& measure : visual_.measures()) {
    TARN_RETURN_IF_ERROR(AddMeasure(measure));
  }
  AddFilters();
  result_.max_rows = visual_.max_rows() == 0 ? kDefaultMaxRows : visual_.max_rows();
  std::string& sql = result_.statement.sql;
  // Points without a measure are drawn once each.
  const bool distinct = visual_.measures().empty();
  sql = (distinct ? "SELECT DISTINCT " : "SELECT ") + absl::StrJoin(outputs_, ", ") + "\nFROM " +
        RelationOf(dataset_.dataset);
  if (!conditions_.empty()) sql += "\nWHERE " + absl::StrJoin(conditions_, " AND ");
  if (IsAggregated() && groups_ > 0) {
    std::vector<int> places;
    for (int i = 1; i <= groups_; ++i) places.push_back(i);
    sql += "\nGROUP BY " + absl::StrJoin(places, ", ");
  }
  sql += OrderBy() + "\nLIMIT " + std::to_string(result_.max_rows + 1);
  return std::move(result_);
}

}  // namespace

const QueryColumn* ResolvedDataset::Find(const std::string& field) const {
  for (const QueryColumn& column : columns) {
    if (absl::EqualsIgnoreCase(column.name, field)) return &column;
  }
  return nullptr;
}

SqlStatement ColumnsStatement(const v1::Dataset& dataset) {
  return {.sql = "SELECT d.* FROM " + RelationOf(dataset) + "\nLIMIT 0"};
}

absl::StatusOr<VisualStatement> BuildVisualStatement(const v1::Visual& visual,
                                                     const ResolvedDataset& dataset,
                                                     const Choices& choices) {
  return Builder(visual, dataset, choices).Build();
}

std::optional<SqlStatement> BuildOptionsStatement(const v1::Filter& filter,
                                                  const ResolvedDataset& dataset) {
  const QueryColumn* column = dataset.Find(filter.field());
  if (column == nullptr) return std::nullopt;
  const std::string relation = "\nFROM " + RelationOf(dataset.dataset);
  switch (filter.type()) {
    case v1::FILTER_TYPE_VALUES:
      return SqlStatement{.sql = "SELECT DISTINCT CAST(" + Reference(*column) +
                                 " AS VARCHAR) AS \"value\"" + relation + "\nWHERE " +
                                 Reference(*column) + " IS NOT NULL\nORDER BY 1\nLIMIT " +
                                 std::to_string(kMaxFilterOptions)};
    case v1::FILTER_TYPE_TIME_RANGE:
      return SqlStatement{.sql = "SELECT CAST(min(" + TimeOf(*column) +
                                 ") AS VARCHAR) AS \"from\", CAST(max(" + TimeOf(*column) +
                                 ") AS VARCHAR) AS \"until\"" + relation};
    default:
      return std::nullopt;  // hours are known
  }
}

}  // namespace tarn::dashboard
