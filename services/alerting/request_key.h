// How this module calls its stored requests, and the check of an etag.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/status.h>

#include "common/auth/caller.h"
#include "common/idempotency/idempotency.h"
#include "common/status/error.h"

namespace tarn::alerting {

inline constexpr std::string_view kSchema = "alerting";

inline idempotency::RequestKey RequestKeyOf(const auth::Caller& caller, std::string_view method,
                                            std::string_view request_id) {
  return {caller.workspace, caller.user, "tarn.alerting.v1.AlertingService/" + std::string(method),
          std::string(request_id)};
}

// An empty `wanted` asks for nothing.
inline absl::Status CheckEtag(std::string_view wanted, std::string_view there,
                              const std::string& name) {
  if (wanted.empty() || wanted == there) return absl::OkStatus();
  return Aborted("ETAG_MISMATCH",
                 name + " has changed since it was read; read it again and repeat the change",
                 {{"etag", std::string(there)}});
}

}  // namespace tarn::alerting
