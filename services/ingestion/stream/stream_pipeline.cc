#include "services/ingestion/stream/stream_pipeline.h"

#include "tarn/catalog/v1/table.pb.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/record/parquet_converter.h"

namespace tarn::ingestion {
namespace {

absl::Status CheckPartitions(const v1::Destination& destination,
                             const table_schema::Fields& columns) {
  if (destination.partition_fields().empty()) return absl::OkStatus();
  if (columns.empty()) {
    return InvalidFields(
        {{"stream.destinations[0].partition_fields",
          "a partitioned stream declares its columns: their types must be known"}});
  }
  catalog::v1::Table table;
  *table.mutable_schema()->mutable_fields() = columns;
  *table.mutable_partition_fields() = destination.partition_fields();
  return Annotate(CheckPartitionFields(table), "stream.destinations[0]");
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ActivityPipeline>> CompilePipeline(
    const v1::Stream& definition, const std::string& workspace, const std::string& owner,
    const ActivityEnvironment& environment) {
  if (definition.destinations().empty()) return nullptr;
  const v1::Destination& destination = definition.destinations(0);
  if (destination.activities().empty()) {
    TARN_RETURN_IF_ERROR(CheckPartitions(destination, definition.columns()));
    return nullptr;
  }
  TARN_ASSIGN_OR_RETURN(auto pipeline,
                        ActivityPipeline::Compile(destination.activities(), definition.columns(),
                                                  {.workspace = workspace,
                                                   .stream = definition.name(),
                                                   .owner = owner,
                                                   .path = "stream.destinations[0].activities"},
                                                  environment));
  TARN_RETURN_IF_ERROR(CheckPartitions(destination, pipeline->output()));
  return pipeline;
}

}  // namespace tarn::ingestion
