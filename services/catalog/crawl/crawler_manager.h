// The rules of crawlers, and of starting and stopping their crawls. Works in the caller's
// transaction.
#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/postgres/transaction.h"
#include "services/catalog/actor.h"
#include "services/catalog/crawl/crawler.h"

namespace tarn::catalog {

class CrawlerManager {
 public:
  explicit CrawlerManager(Transaction& txn) : txn_(txn) {}

  // ALREADY_EXISTS CRAWLER_EXISTS; INVALID_ARGUMENT INVALID_FIELD. The database need not exist yet.
  absl::StatusOr<Crawler> Create(const Actor& actor, Crawler crawler);
  // NOT_FOUND CRAWLER_NOT_FOUND, with the name that may have been meant.
  absl::StatusOr<Crawler> Get(const std::string& workspace, const std::string& id);
  std::vector<Crawler> List(const std::string& workspace, const std::string& after, int limit);
  // Puts `wanted` in the place of what there is; `etag` guards it unless it is empty. Without a
  // change, update_time and etag stay.
  absl::StatusOr<Crawler> Update(const Actor& actor, Crawler wanted, const std::string& etag);
  absl::Status Delete(const Actor& actor, const std::string& id, const std::string& etag);

  // The crawl (or the dry run) that waits already, or a new one.
  absl::StatusOr<Crawl> Start(const Actor& actor, const std::string& id, bool dry_run = false);
  // NOT_FOUND CRAWLER_NOT_FOUND, CRAWL_NOT_FOUND.
  absl::StatusOr<Crawl> GetCrawl(const std::string& workspace, const std::string& crawler,
                                 const std::string& crawl);
  absl::StatusOr<std::vector<Crawl>> ListCrawls(const std::string& workspace,
                                                const std::string& crawler,
                                                const std::string& before, int limit);
  absl::StatusOr<Crawl> Cancel(const std::string& workspace, const std::string& crawler,
                               const std::string& crawl);

 private:
  absl::Status CrawlerNotFound(const std::string& workspace, const std::string& id);

  Transaction& txn_;
};

}  // namespace tarn::catalog
