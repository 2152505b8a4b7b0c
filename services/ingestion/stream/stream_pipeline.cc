#include "services/ingestion/stream/stream_pipeline.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/record/parquet_converter.h"

namespace tarn::ingestion {
namespace {

absl::Status CheckPartitions(const v1::Destination& destination,
                             const table_schema::Fields& columns, const std::string& path) {
  if (destination.partition_fields().empty()) return absl::OkStatus();
  if (columns.empty()) {
    return InvalidFields(
        {{absl::StrCat(path, ".partition_fields"),
          "a partitioned stream declares its columns: their types must be known"}});
  }
  catalog::v1::Table table;
  *table.mutable_schema()->mutable_fields() = columns;
  *table.mutable_partition_fields() = destination.partition_fields();
  return Annotate(CheckPartitionFields(table), path);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ActivityPipeline>> CompilePipeline(
    const v1::Stream& definition, int destination, const std::string& workspace,
    const std::string& owner, const ActivityEnvironment& environment) {
  const v1::Destination wanted = DestinationsOf(definition)[static_cast<size_t>(destination)];
  const std::string path = definition.destinations().empty()
                               ? "stream"
                               : absl::StrCat("stream.destinations[", destination, "]");
  if (wanted.activities().empty()) {
    TARN_RETURN_IF_ERROR(CheckPartitions(wanted, definition.columns(), path));
    return nullptr;
  }
  TARN_ASSIGN_OR_RETURN(auto pipeline,
                        ActivityPipeline::Compile(wanted.activities(), definition.columns(),
                                                  {.workspace = workspace,
                                                   .stream = definition.name(),
                                                   .owner = owner,
                                                   .path = absl::StrCat(path, ".activities")},
                                                  environment));
  TARN_RETURN_IF_ERROR(CheckPartitions(wanted, pipeline->output(), path));
  return pipeline;
}

absl::Status CheckPipelines(const v1::Stream& definition, const std::string& workspace,
                            const std::string& owner, const ActivityEnvironment& environment) {
  const int count = std::max(1, definition.destinations_size());
  for (int i = 0; i < count; ++i) {
    TARN_RETURN_IF_ERROR(CompilePipeline(definition, i, workspace, owner, environment).status());
  }
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
