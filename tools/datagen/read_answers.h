// Computes the answers of any folder of sample data, real or generated, from its files alone: no
// SQL and nothing of the generator's model, so that the two can check each other and an SQL engine.
#pragma once

#include <filesystem>

#include <absl/status/statusor.h>

#include "tools/datagen/answers.h"

namespace tarn::datagen {

// Reads <dir>/smart_hub and <dir>/iot with up to `threads` threads (0: one for each core). Errors
// name file and line: NOT_FOUND for a folder that is missing, INVALID_ARGUMENT for one that cannot
// be understood.
absl::StatusOr<Answers> ComputeAnswers(const std::filesystem::path& dir, int threads = 0);

}  // namespace tarn::datagen
