// Runs activities on a few records in an engine of their own and stores nothing. Thread safe.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/activity_service.pb.h"

#include "common/clock/clock.h"
#include "services/ingestion/activity/activity_compiler.h"
#include "services/ingestion/activity/function_caller.h"
#include "services/ingestion/activity/relation_source.h"
#include "services/ingestion/record/record_rows.h"

namespace tarn::ingestion {

inline constexpr int kMaxPreviewRecords = 1000;
inline constexpr size_t kMaxPreviewBytes = 4u << 20;

class ActivityPreview {
 public:
  ActivityPreview(RelationSource& relations, FunctionCaller& functions, Clock& clock)
      : relations_(relations), functions_(functions), clock_(clock) {}

  // `columns` may be empty: they are learnt then. Records that do not fit them, and rows that
  // activities refuse, are among the refused. INVALID_ARGUMENT (INVALID_FIELD, NO_RECORDS);
  // RESOURCE_EXHAUSTED (OVERLOADED) while many previews run; errors of pipelines.
  absl::StatusOr<v1::PreviewActivitiesResponse> Run(
      const google::protobuf::RepeatedPtrField<v1::Activity>& activities,
      table_schema::Fields columns, const std::vector<ArrivedRecord>& records,
      const ActivityScope& scope);

 private:
  RelationSource& relations_;
  FunctionCaller& functions_;
  Clock& clock_;
  std::atomic<int> running_{0};
};

}  // namespace tarn::ingestion
