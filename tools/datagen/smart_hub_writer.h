// Writes a SmartHubModel as the files of <out>/smart_hub and computes their answers on the way,
// from the model and with integers.
#pragma once

#include <absl/status/statusor.h>

#include "tools/datagen/answers.h"
#include "tools/datagen/smart_hub_model.h"

namespace tarn::datagen {

// Holds one day of one home at a time for each thread, plus a tally for each home and day.
// UNAVAILABLE when a file cannot be written.
absl::StatusOr<SmartHubAnswers> WriteSmartHub(const SmartHubModel& model);

// Everything that `tarn-datagen smart-hub` makes: smart_hub/, iot/, README.md and, last of all,
// answers.json: a folder without it is not complete. ALREADY_EXISTS when options.out holds
// anything.
absl::StatusOr<Answers> Generate(const SmartHubOptions& options);

}  // namespace tarn::datagen
