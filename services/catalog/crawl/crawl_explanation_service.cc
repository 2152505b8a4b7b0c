#include "services/catalog/crawl/crawl_explanation_service.h"

#include <absl/strings/numbers.h>
#include <google/protobuf/util/json_util.h>

#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/crawler_manager.h"
#include "services/catalog/crawl/crawler_store.h"

namespace tarn::catalog {
namespace {

constexpr char kCrawlPattern[] = "crawlers/{crawler}/crawls/{crawl}";
constexpr int kDefaultColumns = 100;

}  // namespace

grpc::Status CrawlExplanationService::ListColumnExplanations(
    grpc::ServerContext* context, const v1::ListColumnExplanationsRequest* request,
    v1::ListColumnExplanationsResponse* response) {
  return handler_.Handle(
      context, {"ListColumnExplanations", rpc::Access::kRead},
      [&](const rpc::CallContext& call) -> absl::Status {
        TARN_RETURN_IF_ERROR(storage_.Check());
        TARN_ASSIGN_OR_RETURN(const std::vector<std::string> name,
                              names::Parse(kCrawlPattern, request->parent()));
        const std::string query = QueryFingerprint({"explanations", name[0], name[1]});
        TARN_ASSIGN_OR_RETURN(const std::string token,
                              DecodePageToken(query, request->page_token()));
        TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size(), kDefaultColumns));
        int64_t begin = 1;
        if (!token.empty() && !absl::SimpleAtoi(token, &begin)) {
          return InvalidArgument("INVALID_PAGE_TOKEN", "the page token is damaged");
        }
        const std::string& workspace = call.caller.workspace;
        std::vector<std::string> explanations;
        const absl::Status read = storage_.pool().RunReadOnly([&](Transaction& txn) {
          const absl::Status found =
              CrawlerManager(txn).GetCrawl(workspace, name[0], name[1]).status();
          if (found.ok()) {
            explanations =
                CrawlerStore(txn).ListExplanations(workspace, name[0], name[1], begin, size + 1);
          }
          return found;
        });
        TARN_RETURN_IF_ERROR(read);
        if (explanations.size() > static_cast<size_t>(size)) {
          explanations.resize(size);
          response->set_next_page_token(EncodePageToken(query, std::to_string(begin + size)));
        }
        for (const std::string& explanation : explanations) {
          if (!google::protobuf::util::JsonStringToMessage(explanation, response->add_columns())
                   .ok()) {
            return Internal("DAMAGED_ROW", "an explanation in PostgreSQL cannot be read");
          }
        }
        return absl::OkStatus();
      });
}

}  // namespace tarn::catalog
