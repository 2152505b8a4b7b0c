#include "services/cli/snapshot_reference.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>

#include "common/status/status_macros.h"
#include "services/cli/time_option.h"

namespace tarn::cli {

absl::StatusOr<catalog::v1::SnapshotReference> ParseSnapshotReference(const std::string& option,
                                                                      const std::string& text) {
  catalog::v1::SnapshotReference reference;
  int64_t id = 0;
  if (absl::SimpleAtoi(text, &id)) {
    reference.set_snapshot_id(id);
  } else if (!text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
    TARN_ASSIGN_OR_RETURN(*reference.mutable_as_of_time(), ParseTimeOption(option, text));
  } else {
    reference.set_tag(text);
  }
  return reference;
}

}  // namespace tarn::cli
