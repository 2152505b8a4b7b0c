// The statements of a render: one for each visual, and one for the options of each filter. Names
// are quoted and values bound; only the data set's own SQL and expressions stand as their author
// wrote them. Pure functions; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/dashboard/render/query_runner.h"
#include "services/dashboard/render/sql_text.h"

namespace tarn::dashboard {

namespace v1 {
class Dashboard;
class Dataset;
class Filter;
class FilterValue;
class Visual;
}  // namespace v1

// A data set with the columns that it has now, calculated fields included.
struct ResolvedDataset {
  const v1::Dataset& dataset;
  const std::vector<QueryColumn>& columns;

  // The column of that name, in the engine's way without regard to case.
  const QueryColumn* Find(const std::string& field) const;
};

// What was chosen, defaults filled in: for each filter that restricts anything, its value; for each
// switch its value.
struct Choices {
  struct ChosenFilter {
    const v1::Filter* filter;
    const v1::FilterValue* value;
  };
  std::vector<ChosenFilter> filters;
  std::map<std::string, std::string> switches;
};

struct VisualStatement {
  SqlStatement statement;
  // Ids of the filters whose field the data set lacks.
  std::vector<std::string> unapplied_filters;
  // One more than this many rows are asked for.
  int max_rows = 0;
};

// The statement that gives the data set's columns and no rows.
SqlStatement ColumnsStatement(const v1::Dataset& dataset);

// NOT_FOUND with reason FIELD_NOT_FOUND.
absl::StatusOr<VisualStatement> BuildVisualStatement(const v1::Visual& visual,
                                                     const ResolvedDataset& dataset,
                                                     const Choices& choices);

// The values or the range of a filter; nothing when it needs no query.
std::optional<SqlStatement> BuildOptionsStatement(const v1::Filter& filter,
                                                  const ResolvedDataset& dataset);

inline constexpr int kMaxFilterOptions = 1000;
inline constexpr int kDefaultMaxRows = 5000;

}  // namespace tarn::dashboard
