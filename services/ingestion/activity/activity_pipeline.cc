#include "services/ingestion/activity/activity_pipeline.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/duckdb/database.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/activity/activity_runner.h"
#include "services/ingestion/activity/function_caller.h"
#include "services/ingestion/activity/relation_tables.h"

namespace tarn::ingestion {
namespace {

void ClearIds(table_schema::Fields& fields) {
  for (table_schema::Field& field : fields) {
    field.clear_id();
    ClearIds(*field.mutable_fields());
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ActivityPipeline>> ActivityPipeline::Compile(
    const google::protobuf::RepeatedPtrField<v1::Activity>& activities,
    const table_schema::Fields& fields, const ActivityScope& scope,
    const ActivityEnvironment& environment, const PipelineHead& head) {
  if (activities.size() > kMaxActivities) {
    return InvalidFields({{scope.path, absl::StrCat("at most ", kMaxActivities, " activities")}});
  }
  // Plans on tables of no row; an engine of its own, which sees nothing at all.
  TARN_ASSIGN_OR_RETURN(
      const duckdb::Database engine,
      duckdb::Database::Open({.threads = 1, .memory_limit_bytes = 128LL << 20, .lock_down = true}));
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine.Connect());
  std::shared_ptr<ActivityPipeline> pipeline(new ActivityPipeline());
  pipeline->scope_ = scope;
  pipeline->environment_ = environment;
  ActivityCompiler compiler(
      connection, scope,
      environment.relations == nullptr ? nullptr : &environment.relations->source());
  TARN_RETURN_IF_ERROR(compiler.Begin(fields));
  pipeline->input_ = compiler.columns();
  if (head.deduplication != nullptr) {
    TARN_ASSIGN_OR_RETURN(ActivityStep step, compiler.CompileDeduplication(
                                                 *head.deduplication, head.deduplication_path));
    pipeline->steps_.push_back(std::move(step));
  }
  if (!head.when.empty()) {
    TARN_ASSIGN_OR_RETURN(ActivityStep step, compiler.CompileCondition(head.when, head.when_path));
    pipeline->steps_.push_back(std::move(step));
  }
  for (int i = 0; i < activities.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(ActivityStep step, compiler.Compile(activities[i], i));
    if (const auto* call = std::get_if<CallStep>(&step.work)) {
      const absl::Status allowed =
          environment.functions == nullptr
              ? InvalidArgument("FUNCTION_ADDRESS_NOT_ALLOWED", "functions cannot be called here")
              : environment.functions->CheckAddress(call->call.address());
      if (!allowed.ok()) {
        return InvalidFields(
            {{absl::StrCat(scope.path, "[", i, "].call.address"), std::string(allowed.message())}});
      }
    }
    if (std::holds_alternative<DeduplicateStep>(step.work) && pipeline->deduplicates()) {
      return InvalidFields({{absl::StrCat(scope.path, "[", i, "].deduplicate"),
                             "a deduplicate activity, or the stream, drops duplicates before; only "
                             "one is possible"}});
    }
    pipeline->steps_.push_back(std::move(step));
  }
  for (const ActivityColumn& column : compiler.columns()) {
    *pipeline->output_.Add() = column.field;
  }
  ClearIds(pipeline->output_);
  return std::shared_ptr<const ActivityPipeline>(std::move(pipeline));
}

bool ActivityPipeline::deduplicates() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const ActivityStep& step) {
    return std::holds_alternative<DeduplicateStep>(step.work);
  });
}

absl::StatusOr<ActivityOutcome> ActivityPipeline::Run(duckdb::Connection& connection,
                                                      const std::string& input,
                                                      const std::string& output, uint64_t from,
                                                      uint64_t to, SeenKeys* seen) const {
  ActivityRunner runner(connection, scope_, environment_, output, {from, to, seen});
  return runner.Run(input, input_, steps_, /*folded=*/true);
}

absl::StatusOr<ActivityOutcome> ActivityPipeline::RunUnfolded(duckdb::Connection& connection,
                                                              const std::string& input,
                                                              const std::string& output,
                                                              uint64_t from, uint64_t to,
                                                              SeenKeys* seen) const {
  ActivityRunner runner(connection, scope_, environment_, output, {from, to, seen});
  return runner.Run(input, input_, steps_, /*folded=*/false);
}

}  // namespace tarn::ingestion
