// Writes <dir>/raw_data_large.json and raw_data_small.json: messages of three devices as the real
// sample has them, and computes their answers on the way.
#pragma once

#include <cstdint>
#include <filesystem>

#include <absl/status/statusor.h>

#include "tools/datagen/answers.h"

namespace tarn::datagen {

// `messages` messages in the large file, a third of a million a month. iot-device-01 alone reports
// co above 0.01, in its first message and for some time after it. With three messages or more every
// device has one.
absl::StatusOr<IotAnswers> WriteIot(const std::filesystem::path& dir, int64_t messages,
                                    uint64_t seed);

}  // namespace tarn::datagen
