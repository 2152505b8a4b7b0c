#include "services/ingestion/stream/stream_pipeline.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/record/partition_writer.h"
#include "services/ingestion/stream/stream_definition.h"

namespace tarn::ingestion {
namespace {

// Partitions and order of a table with these columns.
absl::Status CheckLayout(const v1::Destination& destination, const table_schema::Fields& columns,
                         const std::string& path) {
  if (columns.empty() &&
      (!destination.partition_fields().empty() || !destination.sort_fields().empty())) {
    return InvalidFields(
        {{absl::StrCat(
              path, destination.partition_fields().empty() ? ".sort_fields" : ".partition_fields"),
          "a stream whose table is partitioned or sorted declares its columns: "
          "their types must be known"}});
  }
  for (int i = 0; i < destination.sort_fields_size(); ++i) {
    const std::string& source = destination.sort_fields(i).source();
    const bool is_there =
        std::any_of(columns.begin(), columns.end(), [&](const table_schema::Field& column) {
          return absl::EqualsIgnoreCase(column.name(), source);
        });
    if (!is_there) {
      return InvalidFields({{absl::StrCat(path, ".sort_fields[", i, "].source"),
                             absl::StrCat("the table has no column \"", source, "\"")}});
    }
  }
  if (destination.partition_fields().empty()) return absl::OkStatus();
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
  if (wanted.activities().empty() && wanted.when().empty() && !definition.has_deduplication()) {
    TARN_RETURN_IF_ERROR(CheckLayout(wanted, definition.columns(), path));
    return nullptr;
  }
  PipelineHead head{.when = wanted.when(), .when_path = absl::StrCat(path, ".when")};
  if (definition.has_deduplication()) {
    head.deduplication = &definition.deduplication();
    head.deduplication_path = "stream.deduplication";
  }
  TARN_ASSIGN_OR_RETURN(auto pipeline,
                        ActivityPipeline::Compile(wanted.activities(), InputColumns(definition),
                                                  {.workspace = workspace,
                                                   .stream = definition.name(),
                                                   .owner = owner,
                                                   .path = absl::StrCat(path, ".activities")},
                                                  environment, head));
  TARN_RETURN_IF_ERROR(CheckLayout(wanted, pipeline->output(), path));
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

absl::Duration DeduplicationWindow(const v1::Stream& stream, const v1::Destination& destination) {
  if (stream.has_deduplication()) return WindowOf(stream.deduplication());
  for (const v1::Activity& activity : destination.activities()) {
    if (activity.has_deduplicate()) return WindowOf(activity.deduplicate());
  }
  return absl::ZeroDuration();
}

}  // namespace tarn::ingestion
