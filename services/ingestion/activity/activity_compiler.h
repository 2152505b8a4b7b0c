// Turns one activity after the other into steps and knows the columns after each. What is wrong is
// collected with its path, for all activities up to the first that has a mistake (what follows
// cannot be judged without its columns).
//
// Used by one thread at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/activity.pb.h"

#include "common/duckdb/database.h"
#include "common/status/error.h"
#include "services/ingestion/activity/activity_step.h"
#include "services/ingestion/activity/relation_source.h"

namespace tarn::ingestion {

inline constexpr int kMaxActivities = 25;
inline constexpr size_t kMaxActivityColumns = 1000;

// Whose activities they are.
struct ActivityScope {
  std::string workspace;
  // "streams/messages"; empty in a preview without one.
  std::string stream;
  // The user with whose rights tables are read.
  std::string owner;
  // Where the activities stand in the request: "stream.destinations[0].activities".
  std::string path;
};

class ActivityCompiler {
 public:
  // `relations` may be null where there are none; look-ups and enrichment are refused then.
  ActivityCompiler(duckdb::Connection& connection, const ActivityScope& scope,
                   RelationSource* relations)
      : connection_(connection), scope_(scope), relations_(relations) {}

  // The columns of the records. INVALID_ARGUMENT (INVALID_FIELD) where one has a name that rows
  // need themselves.
  absl::Status Begin(const table_schema::Fields& fields);
  // INVALID_ARGUMENT (INVALID_FIELD); errors of the relations' source where it cannot be asked.
  absl::StatusOr<ActivityStep> Compile(const v1::Activity& activity, int index);
  // What stands before the activities, and in the request at `path`: drops duplicates; keeps the
  // rows for which the expression is true.
  absl::StatusOr<ActivityStep> CompileDeduplication(const v1::DeduplicateActivity& deduplicate,
                                                    const std::string& path);
  absl::StatusOr<ActivityStep> CompileCondition(const std::string& expression,
                                                const std::string& path);
  const std::vector<ActivityColumn>& columns() const { return columns_; }

 private:
  // `field` is where the expression stands below the present activity.
  absl::Status Filter(const std::string& expression, const std::string& field, SqlStep& step);
  absl::Status Select(const v1::SelectActivity& select, SqlStep& step);
  absl::Status Remove(const v1::RemoveActivity& remove, SqlStep& step);
  absl::Status Rename(const v1::RenameActivity& rename, SqlStep& step);
  absl::Status Add(const v1::AddActivity& add, SqlStep& step);
  absl::Status Compute(const v1::ComputeActivity& compute, SqlStep& step);
  absl::Status Convert(const v1::ConvertActivity& convert, SqlStep& step);
  absl::Status Flatten(const v1::FlattenActivity& flatten, SqlStep& step);
  absl::Status Enrich(const v1::EnrichActivity& enrich, SqlStep& step);
  absl::Status Lookup(const v1::LookupActivity& lookup, SqlStep& step);
  absl::StatusOr<DeduplicateStep> Deduplicate(const v1::DeduplicateActivity& deduplicate);
  absl::StatusOr<CallStep> Call(const v1::CallActivity& call);

  // A violation of the field at `field`, below the present activity.
  absl::Status Bad(const std::string& field, std::string description) const;
  // The index of a column, or a violation.
  absl::StatusOr<size_t> Find(const std::string& field, const std::string& name) const;
  absl::Status CheckNewName(const std::string& field, const std::string& name,
                            const std::vector<ActivityColumn>& columns) const;
  absl::Status CheckMissing(const std::string& field, v1::MissingPolicy missing) const;
  static ActivityColumn MakeColumn(const std::string& name, const std::string& type);
  // Puts a column at the place of the one of its name, or at the end.
  static void Put(ActivityColumn column, std::string sql, std::vector<ActivityColumn>& columns,
                  std::vector<std::string>& select);
  // All columns as they are.
  void PassAll(SqlStep& step) const;
  struct Part {
    ActivityColumn column;
    std::string sql;
  };
  absl::StatusOr<Part> PartAt(const std::string& field, const std::string& path);
  absl::Status FlattenFields(const std::string& prefix, const Part& part, bool recursive,
                             std::vector<Part>& parts);

  duckdb::Connection& connection_;
  const ActivityScope scope_;
  RelationSource* const relations_;
  std::vector<ActivityColumn> columns_;
  // What columns_ becomes.
  std::vector<ActivityColumn> next_;
  // "stream.destinations[0].activities[3].compute"
  std::string at_;
};

// For how long a deduplicate activity remembers a key.
absl::Duration WindowOf(const v1::DeduplicateActivity& deduplicate);

}  // namespace tarn::ingestion
