// How an error is told: what was wrong, then what to do.
#pragma once

#include <absl/status/status.h>

#include "services/cli/session.h"

namespace tarn::cli {

// Writes "tarn: message" and a hint to the terminal's `err`; with --verbose also code, reason,
// metadata and the request's id. Nothing for AlreadyReported.
void ReportError(Session& session, const absl::Status& status);

// The same without the leading "tarn: ", for one item of several.
std::string ErrorText(const absl::Status& status);

}  // namespace tarn::cli
