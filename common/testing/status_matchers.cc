#include "common/testing/status_matchers.h"

namespace tarn::testing_internal {

std::string Describe(const absl::Status& status) {
  if (status.ok()) return "OK";
  std::string text = absl::StatusCodeToString(status.code());
  const std::string reason = ErrorReason(status);
  if (!reason.empty()) text += " " + reason;
  return text + ": " + std::string(status.message().data(), status.message().size());
}

bool StatusIsMatcher::Matches(const absl::Status& status,
                              ::testing::MatchResultListener* listener) const {
  *listener << "which is " << Describe(status);
  return status.code() == code_ && reason_.Matches(ErrorReason(status)) &&
         message_.Matches(std::string(status.message().data(), status.message().size()));
}

void StatusIsMatcher::DescribeTo(std::ostream* os) const {
  *os << "is " << absl::StatusCodeToString(code_) << " with a reason that ";
  reason_.DescribeTo(os);
  *os << " and a message that ";
  message_.DescribeTo(os);
}

void StatusIsMatcher::DescribeNegationTo(std::ostream* os) const {
  *os << "not (";
  DescribeTo(os);
  *os << ")";
}

}  // namespace tarn::testing_internal
