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

// Whether the catalog names the file in just this form already.
bool SameFile(const DataFile& a, const DataFile& b) {
  return a.path == b.path && a.derived_path == b.derived_path && a.row_count == b.row_count &&
         a.byte_count == b.byte_count && a.partition == b.partition &&
         a.modify_time == b.modify_time;
}

// The change from the live files to those found.
struct FileChange {
  std::vector<DataFile> added;
  std::vector<std::string> removed;
};

FileChange Difference(const std::vector<DataFile>& live, const std::vector<DataFile>& found) {
  std::map<std::string, const DataFile*> before;
  for (const DataFile& file : live) before.emplace(file.path, &file);
  FileChange change;
  for (const DataFile& file : found) {
    const auto old = before.find(file.path);
    if (old != before.end() && SameFile(*old->second, file)) {
      before.erase(old);
    } else {
      change.added.push_back(file);
    }
  }
  for (const auto& [path, file] : before) change.removed.push_back(path);
  return change;
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
  if (current->type != TableType::kExternal) {
    return FailedPrecondition("TABLE_EXISTS",
                              "table " + crawler.table.SqlName() +
                                  " exists and is no external table; give the crawler another "
                                  "table",
                              {{"table", crawler.table.SqlName()}});
  }
  TARN_ASSIGN_OR_RETURN(SchemaChange columns,
                        ReplaceColumns(current->definition.schema.fields, current->last_field_id,
                                       definition.schema.fields, TypeChange::kAny));
  TableDefinition next = definition;
  next.schema.schema_id = current->definition.schema.schema_id;
  next.schema.fields = std::move(columns.fields);
  next.sort_fields = current->definition.sort_fields;
  if (next == current->definition) return "unchanged";
  TARN_RETURN_IF_ERROR(ValidateTable({.type = TableType::kExternal, .definition = next}));
  TARN_RETURN_IF_ERROR(
      tables.Redefine(actor, *current, std::move(next), columns.last_field_id).status());
  return "schema_changed";
}

// All of a crawl's effect; its outcome.
absl::StatusOr<std::string> Apply(Transaction& txn, const Actor& actor, const Crawler& crawler,
                                  const std::string& crawl, const CrawlFindings& findings) {
  TARN_ASSIGN_OR_RETURN(std::string outcome,
                        ApplyDefinition(txn, actor, crawler, findings.definition));
  TableStore store(txn);
  TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(crawler.table));
  FileChange change = Difference(store.LiveFiles(table.uid), findings.files);
  if (!change.added.empty() || !change.removed.empty()) {
    CommitRequest commit;
    commit.parameters = {.key = crawler.table,
                         .request_id = "crawl-" + crawl,
                         .operation = SnapshotOperation::kCrawl,
                         .added_files = std::move(change.added),
                         .removed_paths = std::move(change.removed),
                         .summary = {{"crawl", "crawlers/" + crawler.id + "/crawls/" + crawl}},
                         .committed_by = actor.user,
                         .call_request_id = actor.request_id};
    TARN_RETURN_IF_ERROR(CommitManager::CommitIn(txn, actor, commit).status());
    if (outcome == "unchanged") outcome = "files_changed";
  }
  CrawlerStore(txn).ReplaceCrawledFiles(actor.workspace, crawler.id, findings.crawled);
  return outcome;
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

absl::StatusOr<CrawlFindings> CrawlWorker::Find(const Crawler& crawler, const Lease& lease,
                                                const std::function<bool()>& stop) {
  CrawlInput input{.workspace = lease.key[0],
                   .folder = crawler.path,
                   .format = crawler.format,
                   .csv = crawler.csv,
                   .xml_row_element = crawler.xml_row_element,
                   .max_problems = options_.max_problems};
  TARN_RETURN_IF_ERROR(pool_.Run([&](Transaction& txn) -> absl::Status {
    const std::optional<Table> table = TableStore(txn).Find(crawler.table);
    // What was learned holds only for the table that it led to.
    if (table && table->type == TableType::kExternal) {
      input.current = table->definition;
      input.known = CrawlerStore(txn).CrawledFiles(lease.key[0], crawler.id);
    }
    return absl::OkStatus();
  }));
  return CrawlRunner(lake_, engine_).Run(input, stop);
}

absl::StatusOr<std::string> CrawlWorker::End(const Crawler& crawler, const Lease& lease,
                                             const absl::StatusOr<CrawlFindings>& found) {
  const Actor actor{lease.key[0], crawler.owner, ""};
  absl::Status error = found.status();
  if (found.ok() && !found->problems.empty()) error = ProblemsError(found->problems);

  // Once with the findings; where they cannot be applied, once more to say so.
  while (true) {
    std::string outcome;
    const absl::Status ended = pool_.Run([&](Transaction& txn) -> absl::Status {
      TARN_RETURN_IF_ERROR(CheckLease(txn, CrawlerStore::Leases(), lease));
      Crawl crawl{.crawler = crawler.id, .id = lease.key[2]};
      crawl.execution.state = error.ok()                 ? ExecutionState::kSucceeded
                              : absl::IsCancelled(error) ? ExecutionState::kCancelled
                                                         : ExecutionState::kFailed;
      if (found.ok()) {
        crawl.file_count = static_cast<int64_t>(found->crawled.size());
        crawl.changed_file_count = found->changed_files;
        crawl.row_count = found->row_count;
        crawl.problems = found->problems;
      }
      if (error.ok()) {
        TARN_RETURN_IF_FAILPOINT("catalog.crawl.before_apply");
        TARN_ASSIGN_OR_RETURN(crawl.outcome, Apply(txn, actor, crawler, crawl.id, *found));
      }
      CrawlerStore(txn).Finish(actor.workspace, crawl, error);
      outcome = crawl.outcome;
      if (crawl.execution.state == ExecutionState::kCancelled) return absl::OkStatus();
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
  std::optional<Crawler> crawler;
  TARN_ASSIGN_OR_RETURN(const std::optional<Lease> lease,
                        pool_.Run([&](Transaction& txn) -> absl::StatusOr<std::optional<Lease>> {
                          CrawlerStore store(txn);
                          std::optional<Lease> claimed =
                              store.Claim(options_.holder, options_.lease);
                          if (claimed) crawler = store.Find(claimed->key[0], claimed->key[1]);
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
  const absl::StatusOr<CrawlFindings> found = Find(*crawler, *lease, should_stop);
  if (duckdb::IsEngineFatal(found.status())) engine_.Discard();
  // Stopped by nobody who wanted the crawl to end: another worker takes it up.
  if (absl::IsCancelled(found.status()) && !cancelled) {
    if (!keeper.lost()) {
      pool_.Run([&](Transaction& txn) { return Release(txn, CrawlerStore::Leases(), *lease); })
          .IgnoreError();
    }
    return true;
  }
  const absl::StatusOr<std::string> outcome = End(*crawler, *lease, found);
  TARN_RETURN_IF_ERROR(outcome.status());
  metrics_.crawls.With({*outcome}).Increment();
  metrics_.crawl_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  logging::Info("catalog", "crawl ended",
                {{"crawler", crawler->id}, {"crawl", lease->key[2]}, {"outcome", *outcome}});
  return true;
}

}  // namespace tarn::catalog
