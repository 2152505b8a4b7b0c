#include "services/transform/crawl_action.h"

#include <absl/strings/str_cat.h>

#include "services/transform/action_calls.h"
#include "services/transform/module_clients.h"
#include "services/transform/proto_time.h"

namespace tarn::transform {

namespace catalog = tarn::catalog::v1;
using CatalogStub = catalog::CatalogService::Stub;

absl::StatusOr<std::string> CrawlAction::Start(const StepCall& call) {
  catalog::StartCrawlRequest request;
  request.set_name(call.step.crawl().crawler());
  request.set_request_id(call.RequestId());
  TARN_ASSIGN_OR_RETURN(catalog::Crawl crawl, CallAsOwner(tokens_, call, *clients_.catalog,
                                                          &CatalogStub::StartCrawl, request));
  return crawl.name();
}

absl::StatusOr<std::optional<StepOutcome>> CrawlAction::Poll(const StepCall& call,
                                                             absl::Duration wait) {
  catalog::GetCrawlRequest request;
  request.set_name(call.record.work);
  *request.mutable_wait() = ToProtoDuration(wait);
  TARN_ASSIGN_OR_RETURN(catalog::Crawl crawl, CallAsOwner(tokens_, call, *clients_.catalog,
                                                          &CatalogStub::GetCrawl, request, wait));
  std::optional<StepOutcome> outcome = OutcomeOf(crawl.state(), crawl.error(), crawl.name());
  if (!outcome.has_value()) return outcome;
  outcome->row_count = crawl.row_count();
  if (outcome->error.has_value() && !crawl.problems().empty()) {
    const catalog::CrawlProblem& problem = crawl.problems(0);
    absl::StrAppend(&outcome->error->message, " (", problem.path(), ": ", problem.message());
    if (crawl.problems_size() > 1) {
      absl::StrAppend(&outcome->error->message, "; and ", crawl.problems_size() - 1,
                      " more files, see ", crawl.name());
    }
    outcome->error->message += ")";
  }
  return outcome;
}

absl::Status CrawlAction::Cancel(const StepCall& call) {
  catalog::CancelCrawlRequest request;
  request.set_name(call.record.work);
  return CallAsOwner(tokens_, call, *clients_.catalog, &CatalogStub::CancelCrawl, request).status();
}

}  // namespace tarn::transform
