#include "services/catalog/crawl/crawl_worker.h"

#include <map>

#include <nlohmann/json.hpp>

#include "common/events/event.h"
#include "common/failpoint/failpoint.h"
#include "common/lease/lease_keeper.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/commit_manager.h"
#include "services/catalog/crawl/crawler_store.h"
#include "services/catalog/table_manager.h"

namespace tarn::catalog {
namespace {

constexpr absl::Duration kCancelPoll = absl::Milliseconds(500);
// Of the files that differ, in one crawl's report.
constexpr size_t kMaxFileChanges = 100;
// A property of the table; see DELETION_POLICY_MARK.
constexpr char kMissingFiles[] = "tarn.crawl.missing_files";

absl::Status CheckExternal(const Table& table) {
  if (table.type == TableType::kExternal) return absl::OkStatus();
  return FailedPrecondition("TABLE_EXISTS",
                            "table " + table.key.SqlName() +
                                " exists and is no external table; give the crawler another table",
                            {{"table", table.key.SqlName()}});
}

// The definition that a table gets.
struct NextDefinition {
  TableDefinition definition;
  int last_field_id = 0;
  bool changed = false;
};

absl::StatusOr<NextDefinition> Next(const Table& current, const TableDefinition& found) {
  TARN_ASSIGN_OR_RETURN(SchemaChange columns,
                        ReplaceColumns(current.definition.schema.fields, current.last_field_id,
                                       found.schema.fields, TypeChange::kAny));
  NextDefinition next{.definition = found, .last_field_id = columns.last_field_id};
  next.definition.schema.schema_id = current.definition.schema.schema_id;
  next.definition.schema.fields = std::move(columns.fields);
  next.definition.sort_fields = current.definition.sort_fields;
  next.changed = next.definition != current.definition;
  if (next.changed) {
    TARN_RETURN_IF_ERROR(
        ValidateTable({.type = TableType::kExternal, .definition = next.definition}));
  }
  return next;
}

// Makes the table, or gives it the columns found; says what it did.
absl::StatusOr<std::string> ApplyDefinition(Transaction& txn, const Actor& actor,
                                            const Crawler& crawler,
                                            const TableDefinition& definition) {
  TableManager tables(txn);
  const std::optional<Table> current = TableStore(txn).Lock(crawler.table);
  if (!current) {
    Table table{.key = crawler.table,
                .type = TableType::kExternal,
                .comment = crawler.comment,
                .definition = definition};
    TARN_RETURN_IF_ERROR(tables.Create(actor, std::move(table)).status());
    return "created";
  }
  TARN_RETURN_IF_ERROR(CheckExternal(*current));
  TARN_ASSIGN_OR_RETURN(NextDefinition next, Next(*current, definition));
  if (!next.changed) return "unchanged";
  TARN_RETURN_IF_ERROR(
      tables.Redefine(actor, *current, std::move(next.definition), next.last_field_id).status());
  return "schema_changed";
}

// Says in the table's properties how many of its files are gone, where the crawler is to.
absl::Status MarkMissing(Transaction& txn, const Actor& actor, const Crawler& crawler,
                         const Table& table, int64_t missing) {
  TableChange change{.properties = table.properties};
  change.properties->erase(kMissingFiles);
  if (crawler.options.on_deletion == DeletionPolicy::kMark && missing > 0) {
    change.properties->emplace(kMissingFiles, std::to_string(missing));
  }
  if (*change.properties == table.properties) return absl::OkStatus();
  return TableManager(txn).Update(actor, crawler.table, change).status();
}

// Puts what differs into the crawl's report: columns, then the first files.
void ReportChanges(const CrawlFindings& findings, const FileDifference& files, bool creates,
                   const Crawler& crawler, Crawl& crawl) {
  if (creates) {
    crawl.changes.push_back({CrawlChangeKind::kCreateTable, crawler.table.SqlName(), "", "", ""});
  }
  std::vector<CrawlChange> file_changes =
      DescribeFiles(files, crawler.table.workspace + "/landing/");
  for (const CrawlChange& change : findings.changes) {
    if (change.kind == CrawlChangeKind::kRemoveFile) {
      file_changes.push_back(change);
    } else {
      crawl.changes.push_back(change);
    }
  }
  crawl.change_count = static_cast<int64_t>(crawl.changes.size() + file_changes.size());
  if (file_changes.size() > kMaxFileChanges) file_changes.resize(kMaxFileChanges);
  crawl.changes.insert(crawl.changes.end(), file_changes.begin(), file_changes.end());
}

// What a crawl would do, which changes nothing.
absl::Status Foresee(Transaction& txn, const Crawler& crawler, const CrawlFindings& findings,
                     Crawl& crawl) {
  const std::optional<Table> current = TableStore(txn).Find(crawler.table);
  FileDifference files;
  if (!current) {
    crawl.outcome = "created";
    files.added = findings.files;
  } else {
    TARN_RETURN_IF_ERROR(CheckExternal(*current));
    TARN_ASSIGN_OR_RETURN(const NextDefinition next, Next(*current, findings.definition));
    files = CompareFiles(TableStore(txn).LiveFiles(current->uid), findings.files);
    const bool same_files = files.added.empty() && files.removed.empty();
    crawl.outcome = next.changed ? "schema_changed" : same_files ? "unchanged" : "files_changed";
  }
  ReportChanges(findings, files, !current, crawler, crawl);
  return absl::OkStatus();
}

// All of a crawl's effect, and what is reported of it.
absl::Status Apply(Transaction& txn, const Actor& actor, const Crawler& crawler,
                   const CrawlFindings& findings, const std::map<std::string, CrawledFile>& stored,
                   Crawl& crawl) {
  TARN_ASSIGN_OR_RETURN(crawl.outcome, ApplyDefinition(txn, actor, crawler, findings.definition));
  const bool created = crawl.outcome == "created";
  TableStore store(txn);
  TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(crawler.table));
  TARN_RETURN_IF_ERROR(MarkMissing(txn, actor, crawler, table, findings.missing_files));
  FileDifference files = CompareFiles(store.LiveFiles(table.uid), findings.files);
  ReportChanges(findings, files, created, crawler, crawl);
  if (!files.added.empty() || !files.removed.empty()) {
    CommitRequest commit;
    commit.parameters = {.key = crawler.table,
                         .request_id = "crawl-" + crawl.id,
                         .operation = SnapshotOperation::kCrawl,
                         .added_files = std::move(files.added),
                         .removed_paths = std::move(files.removed),
                         .summary = {{"crawl", "crawlers/" + crawler.id + "/crawls/" + crawl.id}},
                         .committed_by = actor.user,
                         .call_request_id = actor.request_id};
    TARN_RETURN_IF_ERROR(CommitManager::CommitIn(txn, actor, commit).status());
    if (crawl.outcome == "unchanged") crawl.outcome = "files_changed";
  }
  CrawlerStore crawlers(txn);
  const std::optional<Crawler> now =
      crawlers.Find(actor.workspace, crawler.id, /*for_update=*/true);
  // Told otherwise meanwhile, it is to read the files in another way: nothing learnt here holds.
  if (now && now->revision == crawler.revision) {
    crawlers.UpdateCrawledFiles(actor.workspace, crawler.id, stored, findings.crawled);
  }
  return absl::OkStatus();
}

// The error of a crawl whose files have problems; the first of them stands in its message.
absl::Status ProblemsError(const std::vector<FileProblem>& problems) {
  const std::string more =
      problems.size() > 1 ? " (and " + std::to_string(problems.size() - 1) + " more)" : "";
  return InvalidArgument(
      "CORRUPT_FILES",
      problems[0].path + ": " + problems[0].message + more +
          "; the table is as it was. Correct or remove the files and crawl again",
      {{"file", problems[0].path}});
}

absl::Status AppendEvent(Transaction& txn, const Actor& actor, const Crawler& crawler,
                         const Crawl& crawl, const absl::Status& error) {
  nlohmann::json data = {{"crawl", crawl.id},
                         {"table", crawler.table.SqlName()},
                         {"outcome", crawl.outcome},
                         {"files", crawl.file_count},
                         {"changed_files", crawl.changed_file_count},
                         {"rows", crawl.row_count}};
  if (!error.ok()) {
    data["reason"] = ErrorReason(error);
    data["message"] = std::string(error.message());
  }
  return events::Append(
      txn, {.workspace = actor.workspace,
            .type = error.ok() ? "tarn.catalog.crawl.succeeded" : "tarn.catalog.crawl.failed",
            .source = "catalog",
            .subject = "crawlers/" + crawler.id,
            .data = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
            .request_id = actor.request_id});
}

}  // namespace

CrawlWorker::CrawlWorker(PostgresPool& pool, const lake::LakePaths& lake,
                         duckdb::LazyDatabase& engine, CatalogMetrics& metrics,
                         CrawlWorkerOptions options)
    : pool_(pool), lake_(lake), engine_(engine), metrics_(metrics), options_(std::move(options)) {}

bool CrawlWorker::CancelRequested(const Lease& lease) {
  const absl::StatusOr<bool> requested = pool_.Run([&](Transaction& txn) -> absl::StatusOr<bool> {
    const auto crawl = CrawlerStore(txn).FindCrawl(lease.key[0], lease.key[1], lease.key[2]);
    return !crawl || crawl->cancel_requested;
  });
  return requested.ok() && *requested;
}

struct CrawlWorker::Work {
  Lease lease;
  Crawler crawler;
  bool dry_run = false;
  // What crawls before left of files.
  std::map<std::string, CrawledFile> stored;
};

absl::StatusOr<CrawlFindings> CrawlWorker::Find(Work& work, const std::function<bool()>& stop) {
  const Crawler& crawler = work.crawler;
  const std::string& workspace = work.lease.key[0];
  CrawlInput input{.workspace = workspace,
                   .folder = crawler.path,
                   .format = crawler.format,
                   .csv = crawler.csv,
                   .xml_row_element = crawler.xml_row_element,
                   .options = crawler.options,
                   .max_problems = options_.max_problems,
                   .dry_run = work.dry_run};
  TARN_RETURN_IF_ERROR(pool_.Run([&](Transaction& txn) -> absl::Status {
    const std::optional<Table> table = TableStore(txn).Find(crawler.table);
    work.stored = CrawlerStore(txn).CrawledFiles(workspace, crawler.id);
    // What was learned holds only for the table that it led to.
    if (table && table->type == TableType::kExternal) {
      input.current = table->definition;
      input.known = work.stored;
    }
    return absl::OkStatus();
  }));
  return CrawlRunner(lake_, engine_).Run(input, stop);
}

absl::StatusOr<std::string> CrawlWorker::End(const Work& work,
                                             const absl::StatusOr<CrawlFindings>& found) {
  const Crawler& crawler = work.crawler;
  const Actor actor{work.lease.key[0], crawler.owner, ""};
  absl::Status error = found.status();
  if (found.ok() && !found->problems.empty()) error = ProblemsError(found->problems);

  // Once with the findings; where they cannot be applied, once more to say so.
  while (true) {
    std::string outcome;
    const absl::Status ended = pool_.Run([&](Transaction& txn) -> absl::Status {
      TARN_RETURN_IF_ERROR(CheckLease(txn, CrawlerStore::Leases(), work.lease));
      Crawl crawl{.crawler = crawler.id, .id = work.lease.key[2]};
      crawl.execution.state = error.ok()                 ? ExecutionState::kSucceeded
                              : absl::IsCancelled(error) ? ExecutionState::kCancelled
                                                         : ExecutionState::kFailed;
      if (found.ok()) {
        crawl.file_count = static_cast<int64_t>(found->crawled.size());
        crawl.changed_file_count = found->changed_files;
        crawl.row_count = found->row_count;
        crawl.problems = found->problems;
      }
      if (error.ok() && work.dry_run) {
        TARN_RETURN_IF_ERROR(Foresee(txn, crawler, *found, crawl));
      } else if (error.ok()) {
        TARN_RETURN_IF_FAILPOINT("catalog.crawl.before_apply");
        TARN_RETURN_IF_ERROR(Apply(txn, actor, crawler, *found, work.stored, crawl));
      }
      CrawlerStore store(txn);
      store.Finish(actor.workspace, crawl, error);
      if (found.ok() && !found->explanations.empty()) {
        store.InsertExplanations(actor.workspace, crawl, found->explanations);
      }
      outcome = crawl.outcome;
      if (crawl.execution.state == ExecutionState::kCancelled || work.dry_run) {
        return absl::OkStatus();
      }
      return AppendEvent(txn, actor, crawler, crawl, error);
    });
    if (ended.ok()) return error.ok() ? outcome : "failed";
    // What PostgreSQL or a lost lease stopped is taken up again; what is wrong with the findings is
    // the crawl's failure.
    const bool retry_later = absl::IsUnavailable(ended) || absl::IsUnknown(ended) ||
                             absl::IsDeadlineExceeded(ended) || ErrorReason(ended) == "LEASE_LOST";
    if (retry_later || !error.ok()) return ended;
    error = ended;
  }
}

absl::StatusOr<bool> CrawlWorker::RunOne(const std::atomic<bool>& stop) {
  Work work;
  TARN_ASSIGN_OR_RETURN(
      const std::optional<Lease> lease,
      pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Lease>> {
        CrawlerStore store(txn);
        std::optional<Lease> claimed = store.Claim(options_.holder, options_.lease);
        if (!claimed) return claimed;
        const std::vector<std::string>& key = claimed->key;
        const std::optional<Crawl> crawl = store.FindCrawl(key[0], key[1], key[2]);
        const std::optional<Crawler> crawler = store.Find(key[0], key[1]);
        if (!crawl || !crawler) return std::optional<Lease>();  // removed just now
        work = {.lease = *claimed, .crawler = *crawler, .dry_run = crawl->dry_run};
        return claimed;
      }));
  if (!lease) return false;
  TARN_FAILPOINT("catalog.crawl.claimed");

  const absl::Time start = absl::Now();
  absl::Time next_poll = start + kCancelPoll;
  LeaseKeeper keeper(pool_, CrawlerStore::Leases(), *lease, options_.lease);
  bool cancelled = CancelRequested(*lease);
  const auto should_stop = [&] {
    if (absl::Now() >= next_poll) {
      cancelled = cancelled || CancelRequested(*lease);
      next_poll = absl::Now() + kCancelPoll;
    }
    return cancelled || keeper.lost() || stop;
  };
  const absl::StatusOr<CrawlFindings> found = Find(work, should_stop);
  if (duckdb::IsEngineFatal(found.status())) engine_.Discard();
  // Stopped by nobody who wanted the crawl to end: another worker takes it up.
  if (absl::IsCancelled(found.status()) && !cancelled) {
    if (!keeper.lost()) {
      pool_.Run([&](Transaction& txn) { return Release(txn, CrawlerStore::Leases(), *lease); })
          .IgnoreError();
    }
    return true;
  }
  const absl::StatusOr<std::string> outcome = End(work, found);
  TARN_RETURN_IF_ERROR(outcome.status());
  metrics_.crawls.With({work.dry_run ? "dry_run" : *outcome}).Increment();
  metrics_.crawl_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  logging::Info("catalog", "crawl ended",
                {{"crawler", work.crawler.id},
                 {"crawl", lease->key[2]},
                 {"outcome", *outcome},
                 {"dry_run", work.dry_run ? "true" : "false"}});
  return true;
}

}  // namespace tarn::catalog
