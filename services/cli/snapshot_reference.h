// How a user says which snapshot of a table is meant: its id, a time, or the name of a tag.
#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "tarn/catalog/v1/history.pb.h"

namespace tarn::cli {

// "4711", "2026-11-21", "2026-11-21T15:00:00Z", "audited". INVALID_ARGUMENT, INVALID_OPTION for
// what begins as a time does and is none. `option` is named in the message.
absl::StatusOr<catalog::v1::SnapshotReference> ParseSnapshotReference(const std::string& option,
                                                                      const std::string& text);

}  // namespace tarn::cli
