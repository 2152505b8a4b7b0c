// The compiled activities of a stream's destinations. Thread safe.
#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/ingestion/activity/activity_pipeline.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

// Of one of DestinationsOf(definition); null for one without activities. INVALID_ARGUMENT
// (INVALID_FIELD) names what is wrong by its path below "stream", in the activities or in the
// destination's partition fields.
absl::StatusOr<std::shared_ptr<const ActivityPipeline>> CompilePipeline(
    const v1::Stream& definition, int destination, const std::string& workspace,
    const std::string& owner, const ActivityEnvironment& environment);

// The same for all of them; the first error.
absl::Status CheckPipelines(const v1::Stream& definition, const std::string& workspace,
                            const std::string& owner, const ActivityEnvironment& environment);

// For how long the destination remembers keys of duplicates; zero if it drops none. There is one
// deduplication at most, the stream's or an activity.
absl::Duration DeduplicationWindow(const v1::Stream& stream, const v1::Destination& destination);

}  // namespace tarn::ingestion
