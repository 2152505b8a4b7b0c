// tarn crawl: runs a crawler and waits for what it finds; says what it would change, and why
// columns have their types.
#include <memory>

#include <CLI/CLI.hpp>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/catalog/v1/crawl_explanation_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/progress_line.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/text_table.h"

namespace tarn::cli {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace common = ::tarn::common::v1;
using Stub = catalog::CatalogService::Stub;

struct CrawlOptions {
  std::string crawler;
  bool dry_run = false;
  bool explain = false;
};

// One wait on the server; a terminal's clock ticks in between.
constexpr int kWaitSeconds = 20;
constexpr int kWatchedWaitSeconds = 1;
constexpr int kExplanationPage = 200;

bool IsTerminal(common::ExecutionState state) {
  return state != common::EXECUTION_STATE_QUEUED && state != common::EXECUTION_STATE_RUNNING;
}

absl::StatusOr<catalog::Crawl> WaitFor(Connection& connection, Stub& stub, catalog::Crawl crawl,
                                       Terminal& terminal) {
  ProgressLine progress(terminal);
  const absl::Time begin = absl::Now();
  while (!IsTerminal(crawl.state())) {
    progress.Show("crawling … " + DurationText(absl::Now() - begin));
    catalog::GetCrawlRequest request;
    request.set_name(crawl.name());
    request.mutable_wait()->set_seconds(terminal.err_is_tty ? kWatchedWaitSeconds : kWaitSeconds);
    TARN_ASSIGN_OR_RETURN(crawl, connection.Call(stub, &Stub::GetCrawl, request));
  }
  return crawl;
}

// "+ column temp double": what is added, changed (~) and removed (-).
std::string ChangeText(const catalog::CrawlChange& change) {
  const auto line = [&](const char* sign, const char* what) {
    std::string text = std::string(sign) + " " + what;
    if (!change.subject().empty()) text += " " + change.subject();
    if (!change.before().empty()) text += " " + change.before();
    if (!change.before().empty() && !change.after().empty()) text += " ->";
    if (!change.after().empty()) text += " " + change.after();
    if (!change.held_back_by().empty()) text += " (held back by " + change.held_back_by() + ")";
    return text;
  };
  switch (change.kind()) {
    case catalog::CRAWL_CHANGE_KIND_CREATE_TABLE:
      return line("+", "table");
    case catalog::CRAWL_CHANGE_KIND_ADD_COLUMN:
      return line("+", "column");
    case catalog::CRAWL_CHANGE_KIND_CHANGE_COLUMN:
      return line("~", "column");
    case catalog::CRAWL_CHANGE_KIND_DROP_COLUMN:
      return line("-", "column");
    case catalog::CRAWL_CHANGE_KIND_ADD_FILE:
      return line("+", "file");
    case catalog::CRAWL_CHANGE_KIND_REPLACE_FILE:
      return line("~", "file");
    case catalog::CRAWL_CHANGE_KIND_REMOVE_FILE:
      return line("-", "file");
    case catalog::CRAWL_CHANGE_KIND_CHANGE_READING:
      return line("~", "reading");
    default:
      return line("?", "change");
  }
}

// All changes of a dry run; of a crawl those that its table does not follow.
void ReportChanges(const catalog::Crawl& crawl, Terminal& terminal) {
  for (const catalog::CrawlChange& change : crawl.changes()) {
    if (!crawl.dry_run() && change.held_back_by().empty()) continue;
    terminal.out << "  " << ChangeText(change) << "\n";
  }
  const int64_t more = crawl.change_count() - crawl.changes_size();
  if (crawl.dry_run() && more > 0) {
    terminal.out << "  and " << Counted(more, "more change") << "\n";
  }
}

absl::Status Report(const catalog::Crawl& crawl, const std::string& crawler, Terminal& terminal) {
  for (const catalog::CrawlProblem& problem : crawl.problems()) {
    terminal.err << "tarn: " << problem.path() << ": " << problem.message() << "\n";
  }
  if (crawl.state() == common::EXECUTION_STATE_SUCCEEDED) {
    terminal.out << crawler << ": " << (crawl.dry_run() ? "would be " : "") << crawl.outcome()
                 << ", " << Counted(crawl.file_count(), "file") << " ("
                 << WithThousands(crawl.changed_file_count()) << " changed), "
                 << Counted(crawl.row_count(), "row") << std::endl;
    ReportChanges(crawl, terminal);
    return absl::OkStatus();
  }
  if (crawl.error().message().empty()) {
    return Aborted("CRAWL_STOPPED", "the crawl " + ShortName(crawl.name()) + " was stopped");
  }
  return MakeError(static_cast<absl::StatusCode>(crawl.error().code()), crawl.error().reason(),
                   "the crawl failed: " + crawl.error().message(),
                   {crawl.error().metadata().begin(), crawl.error().metadata().end()});
}

// "long: 998 (x.csv \"1\"); string: 2 (y.csv \"n/a\")"
std::string SeenText(const catalog::ColumnExplanation& column) {
  std::string text;
  for (const catalog::SeenType& seen : column.seen()) {
    if (!text.empty()) text += "; ";
    text += seen.type();
    if (seen.value_count() > 0) text += " " + WithThousands(seen.value_count());
    if (seen.samples().empty()) continue;
    const catalog::ValueSample& sample = seen.samples(0);
    text +=
        " (" + sample.path() + (sample.value().empty() ? "" : " \"" + sample.value() + "\"") + ")";
  }
  return OneLine(text);
}

absl::Status Explain(Connection& connection, const std::string& crawl, Terminal& terminal) {
  auto stub = catalog::CrawlExplanationService::NewStub(connection.channel());
  catalog::ListColumnExplanationsRequest request;
  request.set_parent(crawl);
  request.set_page_size(kExplanationPage);
  std::vector<TableRow> rows;
  do {
    TARN_ASSIGN_OR_RETURN(
        const catalog::ListColumnExplanationsResponse page,
        connection.Call(*stub, &catalog::CrawlExplanationService::Stub::ListColumnExplanations,
                        request));
    for (const catalog::ColumnExplanation& column : page.columns()) {
      rows.push_back({{column.column()},
                      {column.type()},
                      {absl::StrFormat("%.2f", column.confidence())},
                      {WithThousands(column.file_count())},
                      {OneLine(column.reason())},
                      {SeenText(column)}});
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  WriteTable(terminal,
             {{"COLUMN"}, {"TYPE"}, {"CONFIDENCE", true}, {"FILES", true}, {"WHY"}, {"SEEN"}},
             rows);
  return absl::OkStatus();
}

absl::Status Crawl(Session& session, const CrawlOptions& options) {
  catalog::StartCrawlRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_name(), FullName("crawlers/{crawler}", options.crawler));
  request.set_request_id(NewUuid());
  request.set_dry_run(options.dry_run);
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  auto stub = catalog::CatalogService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(catalog::Crawl crawl, connection->Call(*stub, &Stub::StartCrawl, request));
  TARN_ASSIGN_OR_RETURN(crawl, WaitFor(*connection, *stub, std::move(crawl), session.terminal()));
  const absl::Status reported = Report(crawl, ShortName(request.name()), session.terminal());
  // A crawl that failed explains itself as well.
  if (options.explain) {
    TARN_RETURN_IF_ERROR(Explain(*connection, crawl.name(), session.terminal()));
  }
  return reported;
}

}  // namespace

void AddCrawlCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<CrawlOptions>();
  CLI::App* command =
      program.add_subcommand("crawl", "Read a landing folder into its table, and wait");
  command->add_option("crawler", options->crawler, "The crawler")->required()->type_name("NAME");
  command->add_flag("--dry-run", options->dry_run, "Only say what would change");
  command->add_flag("--explain", options->explain,
                    "Say which values led to the columns' types, and with what confidence");
  command->footer("Example:\n  tarn crawl usage-json --dry-run --explain\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Crawl(session, *options); };
  });
}

}  // namespace tarn::cli
