#include "services/catalog/crawl/crawler_store.h"

#include <nlohmann/json.hpp>

#include "common/ids/ids.h"

namespace tarn::catalog {
namespace {

using nlohmann::json;

constexpr int kQueued = static_cast<int>(ExecutionState::kQueued);

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<std::string> CsvToJson(const std::optional<CsvOptions>& csv) {
  if (!csv) return std::nullopt;
  return Dump({{"delimiter", csv->delimiter},
               {"quote", csv->quote},
               {"escape", csv->escape},
               {"header", csv->header},
               {"null_text", csv->null_text}});
}

std::optional<CsvOptions> CsvFromJson(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  const json csv = json::parse(*text);
  return CsvOptions{csv.at("delimiter"), csv.at("quote"), csv.at("escape"),
                    csv.at("header").get<bool>(), csv.at("null_text")};
}

std::string ProblemsToJson(const std::vector<FileProblem>& problems) {
  json out = json::array();
  for (const FileProblem& problem : problems) out.push_back({problem.path, problem.message});
  return Dump(out);
}

std::vector<FileProblem> ProblemsFromJson(const std::string& text) {
  std::vector<FileProblem> problems;
  for (const json& problem : json::parse(text)) {
    problems.push_back({problem.at(0).get<std::string>(), problem.at(1).get<std::string>()});
  }
  return problems;
}

Crawl ReadCrawl(const Row& row) {
  return {.crawler = row.Get<std::string>("crawler"),
          .id = row.Get<std::string>("crawl"),
          .execution = ReadExecution(row),
          .cancel_requested = row.Get<bool>("cancel_requested"),
          .requested_by = row.Get<std::string>("requested_by"),
          .file_count = row.Get<int64_t>("file_count"),
          .changed_file_count = row.Get<int64_t>("changed_file_count"),
          .row_count = row.Get<int64_t>("row_count"),
          .outcome = row.Get<std::string>("outcome"),
          .problems = ProblemsFromJson(row.Get<std::string>("problems"))};
}

Crawler ReadCrawler(const Row& row) {
  return {.id = row.Get<std::string>("crawler"),
          .table = {row.Get<std::string>("workspace"), row.Get<std::string>("database"),
                    row.Get<std::string>("table_name")},
          .path = row.Get<std::string>("path"),
          .format = static_cast<FileFormat>(row.Get<int>("format")),
          .csv = CsvFromJson(row.Get<std::optional<std::string>>("csv")),
          .xml_row_element = row.Get<std::string>("xml_row_element"),
          .comment = row.Get<std::string>("comment"),
          .owner = row.Get<std::string>("owner"),
          .create_time = row.Get<absl::Time>("create_time"),
          .update_time = row.Get<absl::Time>("update_time"),
          .revision = row.Get<int64_t>("revision")};
}

}  // namespace

bool CrawlerStore::Insert(const std::string& workspace, const Crawler& crawler) {
  return txn_.Exec(
                 "INSERT INTO catalog.crawlers (workspace, crawler, database, table_name, path, "
                 "format, csv, xml_row_element, comment, owner) VALUES ($1, $2, $3, $4, $5, $6, "
                 "$7::jsonb, $8, $9, $10) ON CONFLICT DO NOTHING",
                 workspace, crawler.id, crawler.table.database, crawler.table.table, crawler.path,
                 static_cast<int>(crawler.format), CsvToJson(crawler.csv), crawler.xml_row_element,
                 crawler.comment, crawler.owner)
             .affected_rows() > 0;
}

std::optional<Crawler> CrawlerStore::Find(const std::string& workspace, const std::string& id,
                                          bool for_update) {
  const std::string sql = "SELECT * FROM catalog.crawlers WHERE workspace = $1 AND crawler = $2";
  const Result rows = txn_.Exec(for_update ? sql + " FOR UPDATE" : sql, workspace, id);
  if (rows.empty()) return std::nullopt;
  Crawler crawler = ReadCrawler(rows[0]);
  std::vector<Crawl> newest = ListCrawls(workspace, id, "", 1);
  if (!newest.empty()) crawler.last_crawl = std::move(newest[0]);
  return crawler;
}

std::vector<Crawler> CrawlerStore::List(const std::string& workspace, const std::string& after,
                                        int limit) {
  std::vector<Crawler> crawlers;
  for (const Row row :
       txn_.Exec("SELECT * FROM catalog.crawlers WHERE workspace = $1 AND crawler > "
                 "$2 COLLATE \"C\" ORDER BY crawler COLLATE \"C\" LIMIT $3",
                 workspace, after, limit)) {
    crawlers.push_back(ReadCrawler(row));
  }
  for (Crawler& crawler : crawlers) {
    std::vector<Crawl> newest = ListCrawls(workspace, crawler.id, "", 1);
    if (!newest.empty()) crawler.last_crawl = std::move(newest[0]);
  }
  return crawlers;
}

void CrawlerStore::Update(const std::string& workspace, const Crawler& crawler) {
  txn_.Exec(
      "UPDATE catalog.crawlers SET database = $3, table_name = $4, path = $5, format = $6, csv = "
      "$7::jsonb, xml_row_element = $8, comment = $9, update_time = now(), revision = revision + 1 "
      "WHERE workspace = $1 AND crawler = $2",
      workspace, crawler.id, crawler.table.database, crawler.table.table, crawler.path,
      static_cast<int>(crawler.format), CsvToJson(crawler.csv), crawler.xml_row_element,
      crawler.comment);
  // Read in another way, nothing of what was learned holds.
  txn_.Exec("DELETE FROM catalog.crawled_files WHERE workspace = $1 AND crawler = $2", workspace,
            crawler.id);
}

void CrawlerStore::Delete(const std::string& workspace, const std::string& id) {
  txn_.Exec("DELETE FROM catalog.crawlers WHERE workspace = $1 AND crawler = $2", workspace, id);
}

Crawl CrawlerStore::Queue(const std::string& workspace, const std::string& crawler,
                          const std::string& user) {
  // The update that changes nothing makes the row that waits already come back; it also waits for a
  // worker that is just claiming it, and then a new one is made.
  const Row row =
      txn_.Exec(
              "INSERT INTO catalog.crawls AS c (workspace, crawler, crawl, requested_by) "
              "VALUES ($1, $2, $3, $4) ON CONFLICT (workspace, crawler) WHERE state = 1 "
              "DO UPDATE SET requested_by = c.requested_by RETURNING *",
              workspace, crawler, NewUuid(), user)
          .One();
  return ReadCrawl(row);
}

std::optional<Crawl> CrawlerStore::FindCrawl(const std::string& workspace,
                                             const std::string& crawler, const std::string& crawl) {
  if (!IsUuid(crawl)) return std::nullopt;
  const Result rows =
      txn_.Exec("SELECT * FROM catalog.crawls WHERE workspace = $1 AND crawler = $2 AND crawl = $3",
                workspace, crawler, crawl);
  if (rows.empty()) return std::nullopt;
  return ReadCrawl(rows[0]);
}

std::vector<Crawl> CrawlerStore::ListCrawls(const std::string& workspace,
                                            const std::string& crawler, const std::string& before,
                                            int limit) {
  std::vector<Crawl> crawls;
  std::optional<std::string> bound;
  if (!before.empty()) bound = before;
  // Ids ascend with time.
  for (const Row row :
       txn_.Exec("SELECT * FROM catalog.crawls WHERE workspace = $1 AND crawler = $2 "
                 "AND ($3::uuid IS NULL OR crawl < $3::uuid) ORDER BY crawl DESC "
                 "LIMIT $4",
                 workspace, crawler, bound, limit)) {
    crawls.push_back(ReadCrawl(row));
  }
  return crawls;
}

void CrawlerStore::RequestCancel(const std::string& workspace, const std::string& crawler,
                                 const std::string& crawl) {
  txn_.Exec(
      "UPDATE catalog.crawls SET cancel_requested = true, end_time = CASE WHEN state = 1 THEN "
      "now() END, state = CASE WHEN state = 1 THEN 5 ELSE state END "
      "WHERE workspace = $1 AND crawler = $2 AND crawl = $3 AND state <= 2",
      workspace, crawler, crawl);
}

std::optional<Lease> CrawlerStore::Claim(const std::string& holder, absl::Duration ttl) {
  // Crawls of one crawler run one after the other.
  std::optional<Lease> lease = ClaimNext(
      txn_, Leases(), holder, ttl,
      {.where = "l.state = 2 OR (l.state = 1 AND NOT EXISTS (SELECT 1 FROM catalog.crawls o WHERE "
                "o.workspace = l.workspace AND o.crawler = l.crawler AND o.state = 2))",
       .order_by = "l.create_time"});
  if (lease) {
    txn_.Exec(
        "UPDATE catalog.crawls SET state = 2, start_time = coalesce(start_time, now()) WHERE "
        "workspace = $1 AND crawler = $2 AND crawl = $3",
        lease->key[0], lease->key[1], lease->key[2]);
  }
  return lease;
}

void CrawlerStore::Finish(const std::string& workspace, const Crawl& crawl,
                          const absl::Status& error) {
  txn_.Exec(
      "UPDATE catalog.crawls SET state = $4, end_time = now(), error = $5::jsonb, file_count = $6, "
      "changed_file_count = $7, row_count = $8, outcome = $9, problems = $10::jsonb, "
      "lease_holder = NULL, lease_expires_at = NULL "
      "WHERE workspace = $1 AND crawler = $2 AND crawl = $3",
      workspace, crawl.crawler, crawl.id, static_cast<int>(crawl.execution.state),
      ErrorToJson(error), crawl.file_count, crawl.changed_file_count, crawl.row_count,
      crawl.outcome, ProblemsToJson(crawl.problems));
}

std::map<std::string, CrawledFile> CrawlerStore::CrawledFiles(const std::string& workspace,
                                                              const std::string& crawler) {
  std::map<std::string, CrawledFile> files;
  for (const Row row :
       txn_.Exec("SELECT * FROM catalog.crawled_files WHERE workspace = $1 AND crawler = $2",
                 workspace, crawler)) {
    CrawledFile file{.path = row.Get<std::string>("path"),
                     .byte_count = row.Get<int64_t>("byte_count"),
                     .modify_time = row.Get<absl::Time>("modify_time"),
                     .format = static_cast<FileFormat>(row.Get<int>("format")),
                     .derived_path = row.Get<std::string>("derived_path")};
    file.scanned.row_count = row.Get<int64_t>("row_count");
    file.scanned.byte_order_mark = file.format != FileFormat::kXml && !file.derived_path.empty();
    file.scanned.columns = InferredTypeFromJson(json::parse(row.Get<std::string>("columns")));
    files.emplace(file.path, std::move(file));
  }
  return files;
}

void CrawlerStore::ReplaceCrawledFiles(const std::string& workspace, const std::string& crawler,
                                       const std::vector<CrawledFile>& files) {
  json rows = json::array();
  for (const CrawledFile& file : files) {
    json columns;
    ToJson(file.scanned.columns, columns);
    rows.push_back({{"path", file.path},
                    {"byte_count", file.byte_count},
                    {"modify_time", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", file.modify_time,
                                                     absl::UTCTimeZone())},
                    {"format", static_cast<int>(file.format)},
                    {"row_count", file.scanned.row_count},
                    {"derived_path", file.derived_path},
                    {"columns", std::move(columns)}});
  }
  txn_.Exec("DELETE FROM catalog.crawled_files WHERE workspace = $1 AND crawler = $2", workspace,
            crawler);
  txn_.Exec(
      "INSERT INTO catalog.crawled_files (workspace, crawler, path, byte_count, modify_time, "
      "format, row_count, derived_path, columns) SELECT $1, $2, f.path, f.byte_count, "
      "f.modify_time, f.format, f.row_count, f.derived_path, f.columns "
      "FROM jsonb_to_recordset($3::jsonb) AS f(path text, byte_count bigint, modify_time "
      "timestamptz, format smallint, row_count bigint, derived_path text, columns jsonb)",
      workspace, crawler, Dump(rows));
}

}  // namespace tarn::catalog
