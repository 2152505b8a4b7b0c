// What a data set may look like. Pure functions; any thread.
#pragma once

#include <absl/status/status.h>

namespace tarn::dashboard {

namespace v1 {
class Dataset;
}

// OK, or INVALID_ARGUMENT with reason INVALID_FIELD and the path of every bad field
// ("dataset.calculated_fields[1].name").
absl::Status ValidateDataset(const v1::Dataset& dataset);

}  // namespace tarn::dashboard
