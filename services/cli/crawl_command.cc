// tarn crawl: runs a crawler and waits for what it finds.
#include <memory>

#include <CLI/CLI.hpp>
#include <absl/time/clock.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/progress_line.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace common = ::tarn::common::v1;
using Stub = catalog::CatalogService::Stub;

// One wait on the server; a terminal's clock ticks in between.
constexpr int kWaitSeconds = 20;
constexpr int kWatchedWaitSeconds = 1;

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

absl::Status Report(const catalog::Crawl& crawl, const std::string& crawler, Terminal& terminal) {
  for (const catalog::CrawlProblem& problem : crawl.problems()) {
    terminal.err << "tarn: " << problem.path() << ": " << problem.message() << "\n";
  }
  if (crawl.state() == common::EXECUTION_STATE_SUCCEEDED) {
    terminal.out << crawler << ": " << crawl.outcome() << ", "
                 << Counted(crawl.file_count(), "file") << " ("
                 << WithThousands(crawl.changed_file_count()) << " changed), "
                 << Counted(crawl.row_count(), "row") << std::endl;
    return absl::OkStatus();
  }
  if (crawl.error().message().empty()) {
    return Aborted("CRAWL_STOPPED", "the crawl " + ShortName(crawl.name()) + " was stopped");
  }
  return MakeError(static_cast<absl::StatusCode>(crawl.error().code()), crawl.error().reason(),
                   "the crawl failed: " + crawl.error().message(),
                   {crawl.error().metadata().begin(), crawl.error().metadata().end()});
}

absl::Status Crawl(Session& session, const std::string& crawler) {
  catalog::StartCrawlRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_name(), FullName("crawlers/{crawler}", crawler));
  request.set_request_id(NewUuid());
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  auto stub = catalog::CatalogService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(catalog::Crawl crawl, connection->Call(*stub, &Stub::StartCrawl, request));
  TARN_ASSIGN_OR_RETURN(crawl, WaitFor(*connection, *stub, std::move(crawl), session.terminal()));
  return Report(crawl, ShortName(request.name()), session.terminal());
}

}  // namespace

void AddCrawlCommand(CLI::App& program, Session& session) {
  auto crawler = std::make_shared<std::string>();
  CLI::App* command =
      program.add_subcommand("crawl", "Read a landing folder into its table, and wait");
  command->add_option("crawler", *crawler, "The crawler")->required()->type_name("NAME");
  command->footer("Example:\n  tarn crawl usage-json\n");
  command->fallthrough();
  command->callback([&session, crawler] {
    session.action = [&session, crawler] { return Crawl(session, *crawler); };
  });
}

}  // namespace tarn::cli
