// Crawlers, crawls and what they learned of files, in PostgreSQL. Runs SQL in the caller's
// transaction, as Transaction::Exec does; no state.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/lease/lease.h"
#include "common/postgres/transaction.h"
#include "services/catalog/crawl/crawl_runner.h"
#include "services/catalog/crawl/crawler.h"

namespace tarn::catalog {

class CrawlerStore {
 public:
  explicit CrawlerStore(Transaction& txn) : txn_(txn) {}

  // False when there is one of that name.
  bool Insert(const std::string& workspace, const Crawler& crawler);
  // With its newest crawl. Locks the row when `for_update`.
  std::optional<Crawler> Find(const std::string& workspace, const std::string& id,
                              bool for_update = false);
  std::vector<Crawler> List(const std::string& workspace, const std::string& after, int limit);
  void Update(const std::string& workspace, const Crawler& crawler);
  void Delete(const std::string& workspace, const std::string& id);

  // Crawlers that an upload of the file (its path relative to the landing area) sets going.
  std::vector<std::string> ListTriggered(const std::string& workspace, const std::string& path);

  // The crawl that waits already, or a new one; a dry run stands for itself.
  Crawl Queue(const std::string& workspace, const std::string& crawler, const std::string& user,
              bool dry_run = false);
  std::optional<Crawl> FindCrawl(const std::string& workspace, const std::string& crawler,
                                 const std::string& crawl);
  // The newest first, those before `before` (a crawl's id, or empty).
  std::vector<Crawl> ListCrawls(const std::string& workspace, const std::string& crawler,
                                const std::string& before, int limit);
  // A crawl that waits ends at once, one that runs soon.
  void RequestCancel(const std::string& workspace, const std::string& crawler,
                     const std::string& crawl);

  // A crawl that waits, or whose worker is dead; it runs from now on.
  std::optional<Lease> Claim(const std::string& holder, absl::Duration ttl);
  static LeaseTable Leases() { return {"catalog.crawls", {"workspace", "crawler", "crawl"}}; }
  // Ends the crawl; `crawl` carries state, counts, outcome, problems and changes.
  void Finish(const std::string& workspace, const Crawl& crawl, const absl::Status& error);

  std::map<std::string, CrawledFile> CrawledFiles(const std::string& workspace,
                                                  const std::string& crawler);
  // Writes what differs between `known` and `files`, and forgets the others.
  void UpdateCrawledFiles(const std::string& workspace, const std::string& crawler,
                          const std::map<std::string, CrawledFile>& known,
                          const std::vector<CrawledFile>& files);

  // Keeps the explanations of a crawl, and of the ten newest crawls in all.
  void InsertExplanations(const std::string& workspace, const Crawl& crawl,
                          const std::vector<ColumnExplanation>& explanations);
  // Proto JSON of v1.ColumnExplanation, in the order of the columns, from the place `begin` on.
  std::vector<std::string> ListExplanations(const std::string& workspace,
                                            const std::string& crawler, const std::string& crawl,
                                            int64_t begin, int limit);

 private:
  Transaction& txn_;
};

}  // namespace tarn::catalog
