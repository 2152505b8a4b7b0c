#include "services/catalog/crawl/crawler_manager.h"

#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/ids/ids.h"
#include "common/lake/lake_paths.h"
#include "common/names/names.h"
#include "common/names/nearest_name.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/crawler_store.h"
#include "services/catalog/crawl/path_filter.h"
#include "services/catalog/crawl/text_pattern.h"
#include "services/catalog/database_manager.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr int kSuggestionsFrom = 1000;
constexpr size_t kMaxPartitionColumns = 16;

std::string ResourceName(const std::string& id) { return "crawlers/" + id; }

void ValidateCharacter(const std::string& field, const std::string& value,
                       std::vector<FieldViolation>& violations) {
  if (value.size() > 1) violations.push_back({field, "is one character"});
}

void ValidateOptions(const Crawler& crawler, std::vector<FieldViolation>& violations) {
  const CrawlOptions& options = crawler.options;
  if (const auto filter = PathFilter::Create(options.exclude); !filter.ok()) {
    violations.push_back({"crawler.exclude", std::string(filter.status().message())});
  }
  ValidateCharacter("crawler.line_comment", options.line_comment, violations);
  if (options.text_pattern.empty()) {
    if (crawler.format == FileFormat::kText) {
      violations.push_back({"crawler.text.pattern", "is missing, where the format is plain text"});
    }
  } else if (crawler.format != FileFormat::kText && crawler.format != FileFormat::kUnspecified) {
    violations.push_back({"crawler.text", "is for plain text, and the format is another one"});
  } else if (const auto pattern = TextPattern::Create(options.text_pattern); !pattern.ok()) {
    violations.push_back({"crawler.text.pattern", std::string(pattern.status().message())});
  }
  if (options.partition_columns.size() > kMaxPartitionColumns) {
    violations.push_back(
        {"crawler.partition_columns", absl::StrCat("at most ", kMaxPartitionColumns, " of them")});
  }
  std::set<std::string> seen;
  for (const std::string& column : options.partition_columns) {
    if (column.empty() || !seen.insert(absl::AsciiStrToLower(column)).second) {
      violations.push_back({"crawler.partition_columns", "names must be given and differ"});
      break;
    }
  }
}

absl::Status Validate(const Crawler& crawler) {
  std::vector<FieldViolation> violations;
  if (const absl::Status path = lake::ValidateRelativePath(crawler.path); !path.ok()) {
    violations.push_back({"crawler.path", std::string(path.message())});
  }
  if (crawler.csv) {
    ValidateCharacter("crawler.csv.delimiter", crawler.csv->delimiter, violations);
    ValidateCharacter("crawler.csv.quote", crawler.csv->quote, violations);
    ValidateCharacter("crawler.csv.escape", crawler.csv->escape, violations);
  }
  ValidateOptions(crawler, violations);
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

bool SameSettings(const Crawler& a, const Crawler& b) {
  return a.table == b.table && a.path == b.path && a.format == b.format && a.csv == b.csv &&
         a.xml_row_element == b.xml_row_element && a.options == b.options && a.comment == b.comment;
}

}  // namespace

absl::Status CrawlerManager::CrawlerNotFound(const std::string& workspace, const std::string& id) {
  std::vector<std::string> ids;
  for (const Crawler& crawler : CrawlerStore(txn_).List(workspace, "", kSuggestionsFrom)) {
    ids.push_back(crawler.id);
  }
  return NotFound("CRAWLER_NOT_FOUND",
                  "crawler " + id + " does not exist" + names::DidYouMean(id, ids),
                  {{"crawler", id}});
}

absl::StatusOr<Crawler> CrawlerManager::Create(const Actor& actor, Crawler crawler) {
  TARN_RETURN_IF_ERROR(names::ValidateId("crawler.name", crawler.id));
  TARN_RETURN_IF_ERROR(Validate(crawler));
  crawler.owner = actor.user;
  if (!CrawlerStore(txn_).Insert(actor.workspace, crawler)) {
    return AlreadyExists("CRAWLER_EXISTS", "crawler " + crawler.id + " exists already",
                         {{"crawler", crawler.id}});
  }
  return Get(actor.workspace, crawler.id);
}

absl::StatusOr<Crawler> CrawlerManager::Get(const std::string& workspace, const std::string& id) {
  std::optional<Crawler> crawler = CrawlerStore(txn_).Find(workspace, id);
  if (!crawler) return CrawlerNotFound(workspace, id);
  return *std::move(crawler);
}

std::vector<Crawler> CrawlerManager::List(const std::string& workspace, const std::string& after,
                                          int limit) {
  return CrawlerStore(txn_).List(workspace, after, limit);
}

absl::StatusOr<Crawler> CrawlerManager::Update(const Actor& actor, Crawler wanted,
                                               const std::string& etag) {
  CrawlerStore store(txn_);
  const std::optional<Crawler> current =
      store.Find(actor.workspace, wanted.id, /*for_update=*/true);
  if (!current) return CrawlerNotFound(actor.workspace, wanted.id);
  TARN_RETURN_IF_ERROR(
      CheckEtag(etag, EtagOf(current->create_time, current->revision), ResourceName(wanted.id)));
  TARN_RETURN_IF_ERROR(Validate(wanted));
  if (SameSettings(wanted, *current)) return *current;
  store.Update(actor.workspace, wanted);
  return Get(actor.workspace, wanted.id);
}

absl::Status CrawlerManager::Delete(const Actor& actor, const std::string& id,
                                    const std::string& etag) {
  CrawlerStore store(txn_);
  const std::optional<Crawler> current = store.Find(actor.workspace, id, /*for_update=*/true);
  if (!current) return CrawlerNotFound(actor.workspace, id);
  TARN_RETURN_IF_ERROR(
      CheckEtag(etag, EtagOf(current->create_time, current->revision), ResourceName(id)));
  store.Delete(actor.workspace, id);
  return absl::OkStatus();
}

absl::StatusOr<Crawl> CrawlerManager::Start(const Actor& actor, const std::string& id,
                                            bool dry_run) {
  CrawlerStore store(txn_);
  if (!store.Find(actor.workspace, id)) return CrawlerNotFound(actor.workspace, id);
  return store.Queue(actor.workspace, id, actor.user, dry_run);
}

absl::StatusOr<Crawl> CrawlerManager::GetCrawl(const std::string& workspace,
                                               const std::string& crawler,
                                               const std::string& crawl) {
  CrawlerStore store(txn_);
  std::optional<Crawl> found = store.FindCrawl(workspace, crawler, crawl);
  if (found) return *std::move(found);
  TARN_RETURN_IF_ERROR(Get(workspace, crawler).status());
  return NotFound("CRAWL_NOT_FOUND", "crawler " + crawler + " has no crawl " + crawl,
                  {{"crawler", crawler}, {"crawl", crawl}});
}

absl::StatusOr<std::vector<Crawl>> CrawlerManager::ListCrawls(const std::string& workspace,
                                                              const std::string& crawler,
                                                              const std::string& before,
                                                              int limit) {
  TARN_RETURN_IF_ERROR(Get(workspace, crawler).status());
  if (!before.empty() && !IsUuid(before)) {
    return InvalidArgument("INVALID_PAGE_TOKEN", "the page token is damaged");
  }
  return CrawlerStore(txn_).ListCrawls(workspace, crawler, before, limit);
}

absl::StatusOr<Crawl> CrawlerManager::Cancel(const std::string& workspace,
                                             const std::string& crawler, const std::string& crawl) {
  TARN_RETURN_IF_ERROR(GetCrawl(workspace, crawler, crawl).status());
  CrawlerStore(txn_).RequestCancel(workspace, crawler, crawl);
  return GetCrawl(workspace, crawler, crawl);
}

}  // namespace tarn::catalog
