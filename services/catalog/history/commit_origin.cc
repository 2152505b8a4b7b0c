#include "services/catalog/history/commit_origin.h"

#include "services/catalog/table_store.h"

namespace tarn::catalog {

FileOrigin OriginOf(const CommitParameters& commit) {
  const auto said = [&commit](const char* key) -> std::string {
    const auto found = commit.summary.find(key);
    return found == commit.summary.end() ? "" : found->second;
  };
  FileOrigin origin{
      .kind = OriginKind::kClient, .cause = said("cause"), .committed_by = commit.committed_by};
  if (commit.log_range) {
    origin.log_range = {commit.log_range->log_id, commit.log_range->from, commit.log_range->to};
  }
  if (const std::string stream = said("stream"); !stream.empty()) {
    origin.kind = OriginKind::kStream;
    origin.source = stream;
    if (const std::string reprocess = said("reprocess"); !reprocess.empty()) {
      origin.kind = OriginKind::kReprocess;
      origin.cause = stream + "/reprocesses/" + reprocess;
    }
  } else if (const std::string query = said("query"); !query.empty()) {
    origin.kind = OriginKind::kQuery;
    origin.source = query;
  } else if (const std::string crawl = said("crawl"); !crawl.empty()) {
    // crawlers/{crawler}/crawls/{crawl}
    origin.kind = OriginKind::kCrawl;
    origin.source = crawl.substr(0, crawl.find("/crawls/"));
    origin.cause = crawl;
  }
  return origin;
}

}  // namespace tarn::catalog
