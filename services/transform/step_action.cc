#include "services/transform/step_action.h"

#include <absl/strings/str_cat.h>

#include "services/transform/compact_action.h"
#include "services/transform/crawl_action.h"
#include "services/transform/notify_action.h"
#include "services/transform/query_action.h"

namespace tarn::transform {

std::string StepCall::RequestId() const {
  return absl::StrCat("run:", run.id, ":", step.id(), ":", record.attempt);
}

std::unique_ptr<StepAction> StepActionFactory::Make(const v1::Step& step) const {
  switch (step.action_case()) {
    case v1::Step::kCrawl:
      return std::make_unique<CrawlAction>(clients_, tokens_);
    case v1::Step::kCompact:
      return std::make_unique<CompactAction>(clients_, tokens_);
    case v1::Step::kNotify:
      return std::make_unique<NotifyAction>(clients_, tokens_);
    default:
      return std::make_unique<QueryAction>(clients_, tokens_);
  }
}

}  // namespace tarn::transform
