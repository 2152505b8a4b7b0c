// What a sql, check or export step sends to query. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "services/transform/parameter_values.h"

namespace tarn::query::v1 {
class Statement;
}

namespace tarn::transform {

namespace v1 {
class Pipeline;
class SqlStep;
class Step;
}  // namespace v1

// Whether the statement depends on the table being there already: overwriting the partitions of a
// table that is not there makes it.
bool NeedsTableLookup(const v1::SqlStep& step);

// The statement of a sql, check or export step with `$name` for its parameters. `table_exists`
// matters where NeedsTableLookup says so. Errors: those of ParseSqlTemplate.
absl::StatusOr<std::string> BuildStatementText(const v1::Step& step, bool table_exists);

// The request: `text` (from BuildStatementText), the values of the parameters that it names, where
// an export goes, the database of unqualified names, and `source`. `pipeline` declares the
// parameters, `values` has one for each. INVALID_ARGUMENT, PARAMETER_UNKNOWN for a name that is not
// declared.
absl::StatusOr<query::v1::Statement> BuildStatement(const v1::Pipeline& pipeline,
                                                    const v1::Step& step, const std::string& text,
                                                    const ParameterValues& values,
                                                    const std::string& source);

// Whether `text` has the form of a partition: a column, or year|month|day|hour|identity(column), or
// truncate|bucket(column, n).
bool IsPartitionTransform(const std::string& text);

}  // namespace tarn::transform
