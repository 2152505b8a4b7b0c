// Times on the command line. Pure; any thread.
#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <google/protobuf/timestamp.pb.h>

namespace tarn::cli {

// A day, which begins at 00:00 UTC, or RFC 3339. INVALID_ARGUMENT, INVALID_OPTION, which names
// `option`.
absl::StatusOr<google::protobuf::Timestamp> ParseTimeOption(const std::string& option,
                                                            const std::string& text);

}  // namespace tarn::cli
