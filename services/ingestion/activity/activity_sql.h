// The SELECTs of steps. A chain of SQL steps is one SELECT, each step a level of it; nothing in it
// throws for a row: what may fail is wrapped in TRY(struct_pack(v := …)), which is NULL exactly for
// a row for which it throws, and the row's state remembers the activity. So the outcome of a row
// hangs on that row alone, whatever else is in the batch, and folding does not change it.
//
// Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "services/ingestion/activity/activity_step.h"

namespace tarn::ingestion {

// A step with the name of the table that its relation is in ("" for none).
struct StepToRun {
  const ActivityStep* step = nullptr;
  const SqlStep* sql = nullptr;
  std::string relation_table;
};

// The columns of `columns` and those that every row has.
std::string ColumnList(const std::vector<ActivityColumn>& columns);

// The rows of `source` (a table with `columns`, _position, _ingested_at and __tarn_state) after
// `steps`, with their states.
std::string FoldedSql(const std::string& source, const std::vector<ActivityColumn>& columns,
                      const std::vector<StepToRun>& steps);

// What the step evaluates for the one row of `source` at `position`, so that it throws what it
// threw there.
std::string CulpritSql(const std::string& source, const StepToRun& step, int64_t position);

// Two truths about that row: whether it has no row in the relation, and whether the step's check
// fails.
std::string CulpritReasonSql(const std::string& source, const StepToRun& step, int64_t position);

}  // namespace tarn::ingestion
