#include "services/catalog/crawl/crawler_store.h"

#include <set>

#include <nlohmann/json.hpp>

#include "common/ids/ids.h"
#include "services/catalog/crawl/crawler_proto.h"

namespace tarn::catalog {
namespace {

using nlohmann::json;

constexpr int kExplainedCrawls = 10;

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

std::string ChangesToJson(const std::vector<CrawlChange>& changes) {
  json out = json::array();
  for (const CrawlChange& change : changes) {
    out.push_back({static_cast<int>(change.kind), change.subject, change.before, change.after,
                   change.held_back_by});
  }
  return Dump(out);
}

std::vector<CrawlChange> ChangesFromJson(const std::string& text) {
  std::vector<CrawlChange> changes;
  for (const json& change : json::parse(text)) {
    changes.push_back({static_cast<CrawlChangeKind>(change.at(0).get<int>()), change.at(1),
                       change.at(2), change.at(3), change.at(4)});
  }
  return changes;
}

std::string OptionsToJson(const CrawlOptions& options) {
  return Dump({{"on_schema_change", static_cast<int>(options.on_schema_change)},
               {"on_deletion", static_cast<int>(options.on_deletion)},
               {"recrawl", static_cast<int>(options.recrawl)},
               {"exclude", options.exclude},
               {"encoding", static_cast<int>(options.encoding)},
               {"text_pattern", options.text_pattern},
               {"line_comment", options.line_comment},
               {"partition_columns", options.partition_columns}});
}

CrawlOptions OptionsFromJson(const std::string& text, bool on_upload) {
  CrawlOptions options{.on_upload = on_upload};
  const json given = json::parse(text);
  if (given.empty()) return options;  // of a crawler from before there were any
  options.on_schema_change = given.at("on_schema_change").get<SchemaChangePolicy>();
  options.on_deletion = given.at("on_deletion").get<DeletionPolicy>();
  options.recrawl = given.at("recrawl").get<RecrawlPolicy>();
  options.exclude = given.at("exclude").get<std::vector<std::string>>();
  options.encoding = given.at("encoding").get<TextEncoding>();
  options.text_pattern = given.at("text_pattern").get<std::string>();
  options.line_comment = given.at("line_comment").get<std::string>();
  options.partition_columns = given.at("partition_columns").get<std::vector<std::string>>();
  return options;
}

Crawl ReadCrawl(const Row& row) {
  return {.crawler = row.Get<std::string>("crawler"),
          .id = row.Get<std::string>("crawl"),
          .execution = ReadExecution(row),
          .cancel_requested = row.Get<bool>("cancel_requested"),
          .dry_run = row.Get<bool>("dry_run"),
          .requested_by = row.Get<std::string>("requested_by"),
          .file_count = row.Get<int64_t>("file_count"),
          .changed_file_count = row.Get<int64_t>("changed_file_count"),
          .row_count = row.Get<int64_t>("row_count"),
          .outcome = row.Get<std::string>("outcome"),
          .problems = ProblemsFromJson(row.Get<std::string>("problems")),
          .changes = ChangesFromJson(row.Get<std::string>("changes")),
          .change_count = row.Get<int64_t>("change_count")};
}

Crawler ReadCrawler(const Row& row) {
  return {.id = row.Get<std::string>("crawler"),
          .table = {row.Get<std::string>("workspace"), row.Get<std::string>("database"),
                    row.Get<std::string>("table_name")},
          .path = row.Get<std::string>("path"),
          .format = static_cast<FileFormat>(row.Get<int>("format")),
          .csv = CsvFromJson(row.Get<std::optional<std::string>>("csv")),
          .xml_row_element = row.Get<std::string>("xml_row_element"),
          .options = OptionsFromJson(row.Get<std::string>("options"), row.Get<bool>("on_upload")),
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
                 "format, csv, xml_row_element, comment, owner, options, on_upload) VALUES ($1, "
                 "$2, "
                 "$3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11::jsonb, $12) ON CONFLICT DO NOTHING",
                 workspace, crawler.id, crawler.table.database, crawler.table.table, crawler.path,
                 static_cast<int>(crawler.format), CsvToJson(crawler.csv), crawler.xml_row_element,
                 crawler.comment, crawler.owner, OptionsToJson(crawler.options),
                 crawler.options.on_upload)
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
      "$7::jsonb, xml_row_element = $8, comment = $9, options = $10::jsonb, on_upload = $11, "
      "update_time = now(), revision = revision + 1 WHERE workspace = $1 AND crawler = $2",
      workspace, crawler.id, crawler.table.database, crawler.table.table, crawler.path,
      static_cast<int>(crawler.format), CsvToJson(crawler.csv), crawler.xml_row_element,
      crawler.comment, OptionsToJson(crawler.options), crawler.options.on_upload);
  // Read in another way, nothing of what was learned holds.
  txn_.Exec("DELETE FROM catalog.crawled_files WHERE workspace = $1 AND crawler = $2", workspace,
            crawler.id);
}

void CrawlerStore::Delete(const std::string& workspace, const std::string& id) {
  txn_.Exec("DELETE FROM catalog.crawlers WHERE workspace = $1 AND crawler = $2", workspace, id);
}

std::vector<std::string> CrawlerStore::ListTriggered(const std::string& workspace,
                                                     const std::string& path) {
  std::vector<std::string> ids;
  for (const Row row : txn_.Exec("SELECT crawler FROM catalog.crawlers WHERE workspace = $1 AND "
                                 "on_upload AND starts_with($2, path || '/') ORDER BY crawler",
                                 workspace, path)) {
    ids.push_back(row.Get<std::string>("crawler"));
  }
  return ids;
}

Crawl CrawlerStore::Queue(const std::string& workspace, const std::string& crawler,
                          const std::string& user, bool dry_run) {
  // The update that changes nothing makes the row that waits already come back; it also waits for a
  // worker that is just claiming it, and then a new one is made.
  const Row row =
      txn_.Exec(
              "INSERT INTO catalog.crawls AS c (workspace, crawler, crawl, requested_by, dry_run) "
              "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace, crawler, dry_run) WHERE state = "
              "1 DO UPDATE SET requested_by = c.requested_by RETURNING *",
              workspace, crawler, NewUuid(), user, dry_run)
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
      "changes = $11::jsonb, change_count = $12, lease_holder = NULL, lease_expires_at = NULL "
      "WHERE workspace = $1 AND crawler = $2 AND crawl = $3",
      workspace, crawl.crawler, crawl.id, static_cast<int>(crawl.execution.state),
      ErrorToJson(error), crawl.file_count, crawl.changed_file_count, crawl.row_count,
      crawl.outcome, ProblemsToJson(crawl.problems), ChangesToJson(crawl.changes),
      crawl.change_count);
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
                     .settled = row.Get<bool>("settled"),
                     .format = static_cast<FileFormat>(row.Get<int>("format")),
                     .derived_path = row.Get<std::string>("derived_path")};
    file.scanned.row_count = row.Get<int64_t>("row_count");
    file.scanned.needs_copy = row.Get<bool>("needs_copy");
    file.scanned.fingerprint = row.Get<std::string>("fingerprint");
    file.scanned.columns = InferredTypeFromJson(json::parse(row.Get<std::string>("columns")));
    files.emplace(file.path, std::move(file));
  }
  return files;
}

void CrawlerStore::UpdateCrawledFiles(const std::string& workspace, const std::string& crawler,
                                      const std::map<std::string, CrawledFile>& known,
                                      const std::vector<CrawledFile>& files) {
  std::set<std::string> gone;
  for (const auto& [path, file] : known) gone.insert(path);
  json rows = json::array();
  for (const CrawledFile& file : files) {
    gone.erase(file.path);
    if (const auto old = known.find(file.path); old != known.end() && old->second == file) continue;
    json columns;
    ToJson(file.scanned.columns, columns);
    rows.push_back({{"path", file.path},
                    {"byte_count", file.byte_count},
                    {"modify_time", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", file.modify_time,
                                                     absl::UTCTimeZone())},
                    {"settled", file.settled},
                    {"format", static_cast<int>(file.format)},
                    {"row_count", file.scanned.row_count},
                    {"fingerprint", file.scanned.fingerprint},
                    {"needs_copy", file.scanned.needs_copy},
                    {"derived_path", file.derived_path},
                    {"columns", std::move(columns)}});
  }
  if (!gone.empty()) {
    txn_.Exec(
        "DELETE FROM catalog.crawled_files WHERE workspace = $1 AND crawler = $2 AND path IN "
        "(SELECT jsonb_array_elements_text($3::jsonb))",
        workspace, crawler, Dump(gone));
  }
  if (rows.empty()) return;
  txn_.Exec(
      "INSERT INTO catalog.crawled_files (workspace, crawler, path, byte_count, modify_time, "
      "settled, format, row_count, fingerprint, needs_copy, derived_path, columns) SELECT $1, $2, "
      "f.path, f.byte_count, f.modify_time, f.settled, f.format, f.row_count, f.fingerprint, "
      "f.needs_copy, f.derived_path, f.columns FROM jsonb_to_recordset($3::jsonb) AS f(path text, "
      "byte_count bigint, modify_time timestamptz, settled boolean, format smallint, row_count "
      "bigint, fingerprint text, needs_copy boolean, derived_path text, columns jsonb) "
      "ON CONFLICT (workspace, crawler, path) DO UPDATE SET byte_count = excluded.byte_count, "
      "modify_time = excluded.modify_time, settled = excluded.settled, format = excluded.format, "
      "row_count = excluded.row_count, fingerprint = excluded.fingerprint, "
      "needs_copy = excluded.needs_copy, derived_path = excluded.derived_path, "
      "columns = excluded.columns",
      workspace, crawler, Dump(rows));
}

void CrawlerStore::InsertExplanations(const std::string& workspace, const Crawl& crawl,
                                      const std::vector<ColumnExplanation>& explanations) {
  json rows = json::array();
  for (const ColumnExplanation& explanation : explanations) {
    rows.push_back(json::parse(ExplanationToJson(explanation)));
  }
  txn_.Exec(
      "INSERT INTO catalog.crawl_explanations (workspace, crawler, crawl, position, explanation) "
      "SELECT $1, $2, $3, e.ordinality, e.value FROM jsonb_array_elements($4::jsonb) WITH "
      "ORDINALITY AS e",
      workspace, crawl.crawler, crawl.id, Dump(rows));
  // Ids ascend with time.
  txn_.Exec(
      "DELETE FROM catalog.crawl_explanations WHERE workspace = $1 AND crawler = $2 AND crawl "
      "NOT IN (SELECT crawl FROM catalog.crawls WHERE workspace = $1 AND crawler = $2 ORDER BY "
      "crawl DESC LIMIT $3)",
      workspace, crawl.crawler, kExplainedCrawls);
}

std::vector<std::string> CrawlerStore::ListExplanations(const std::string& workspace,
                                                        const std::string& crawler,
                                                        const std::string& crawl, int64_t begin,
                                                        int limit) {
  std::vector<std::string> explanations;
  for (const Row row :
       txn_.Exec("SELECT explanation FROM catalog.crawl_explanations WHERE workspace = $1 AND "
                 "crawler = $2 AND crawl = $3 AND position >= $4 ORDER BY position LIMIT $5",
                 workspace, crawler, crawl, begin, limit)) {
    explanations.push_back(row.Get<std::string>("explanation"));
  }
  return explanations;
}

}  // namespace tarn::catalog
