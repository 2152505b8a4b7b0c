// tarn upload: files into a table's landing folder.
#include <atomic>
#include <memory>

#include <CLI/CLI.hpp>

#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/error_report.h"
#include "services/cli/file_uploader.h"
#include "services/cli/progress_line.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/upload_plan.h"

namespace tarn::cli {
namespace {

// Of failures of the same kind, the first few say it.
constexpr size_t kShownFailures = 10;

struct UploadOptions {
  std::string table;
  std::vector<std::string> paths;
  std::vector<std::string> partitions;
};

std::string Summary(const std::string& table, const UploadPlan& plan, const UploadReport& report) {
  const int done = report.created + report.replaced + report.unchanged;
  std::string text = ShortName(table) + ": " + Counted(done, "file") + " (" +
                     BytesText(plan.byte_count) + "): " + std::to_string(report.created) +
                     " created, " + std::to_string(report.replaced) + " replaced, " +
                     std::to_string(report.unchanged) + " unchanged";
  if (plan.hidden_files > 0) text += "; " + Counted(plan.hidden_files, "hidden file") + " left out";
  return text;
}

absl::Status ReportFailures(Session& session, const UploadPlan& plan, const UploadReport& report) {
  if (report.failures.empty()) return absl::OkStatus();
  for (size_t i = 0; i < std::min(kShownFailures, report.failures.size()); ++i) {
    ReportError(session, Annotate(report.failures[i].status, report.failures[i].path));
  }
  const size_t done = report.created + report.replaced + report.unchanged;
  session.terminal().err << "tarn: " << Counted(plan.items.size() - done, "file") << " of "
                         << plan.items.size() << " not uploaded; the same command goes on\n";
  return AlreadyReported();
}

absl::Status Upload(Session& session, const UploadOptions& options) {
  TARN_ASSIGN_OR_RETURN(const std::string table,
                        FullName("databases/{database}/tables/{table}", options.table));
  TARN_ASSIGN_OR_RETURN(const UploadPlan plan, PlanUpload(options.paths, options.partitions));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  ProgressLine progress(session.terminal());
  std::atomic<int64_t> sent = 0;
  FileUploader uploader(*connection, table, [&](int64_t bytes) {
    const int64_t so_far = sent += bytes;
    const double share = static_cast<double>(so_far) / std::max<int64_t>(1, plan.byte_count);
    progress.Show(ProgressBar(share) + "  " + BytesText(so_far) + " of " +
                  BytesText(plan.byte_count));
  });
  const UploadReport report = uploader.Upload(plan.items);
  progress.Clear();
  session.terminal().out << Summary(table, plan, report) << std::endl;
  return ReportFailures(session, plan, report);
}

}  // namespace

void AddUploadCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<UploadOptions>();
  CLI::App* command =
      program.add_subcommand("upload", "Put files into the landing folder of a table");
  command->add_option("table", options->table, "The external table, which need not exist yet")
      ->required()
      ->type_name("DATABASE.TABLE");
  command
      ->add_option("files", options->paths,
                   "Files, and folders, whose KEY=VALUE subfolders are kept")
      ->required()
      ->type_name("FILE...");
  command->add_option("--partition", options->partitions, "The partition that the files belong to")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command->footer(
      "Example:\n"
      "  tarn upload smart_hub.usage_json data/usage\n"
      "  tarn upload smart_hub.locations_csv denver.csv --partition state=co\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Upload(session, *options); };
  });
}

}  // namespace tarn::cli
