// tarn diff: what one snapshot of a table has and another has not.
#include <memory>

#include <CLI/CLI.hpp>
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "tarn/catalog/v1/history_service.grpc.pb.h"

#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/snapshot_reference.h"
#include "services/cli/text_table.h"

namespace tarn::cli {
namespace {

namespace catalog = ::tarn::catalog::v1;
using Stub = catalog::HistoryService::Stub;

constexpr int kFilesAtOnce = 1000;

struct DiffOptions {
  std::string table;
  std::string from;
  std::string to;
  bool files = false;
};

std::string RowsText(const catalog::FileTotals& totals, const char* sign) {
  if (totals.row_count() < 0) return "?";
  return totals.row_count() == 0 ? "" : sign + WithThousands(totals.row_count());
}

std::string FilesText(const catalog::FileTotals& totals, const char* sign) {
  return totals.file_count() == 0 ? "" : sign + WithThousands(totals.file_count());
}

template <typename Values>
std::string PartitionText(const Values& values) {
  std::string text;
  for (const auto& value : values) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", value.name(), "=",
                    value.has_value() ? value.value() : "NULL");
  }
  return OneLine(text);
}

void ShowTotals(Terminal& terminal, const catalog::DiffSnapshotsResponse& page) {
  std::vector<TableRow> rows;
  const auto add = [&rows](const std::string& name, const catalog::FileTotals& added,
                           const catalog::FileTotals& removed) {
    rows.push_back({{name},
                    {RowsText(added, "+")},
                    {RowsText(removed, "-")},
                    {FilesText(added, "+")},
                    {FilesText(removed, "-")}});
  };
  for (const catalog::PartitionDifference& partition : page.partitions()) {
    if (partition.partition_size() == 0) continue;  // the whole table, which follows
    add(PartitionText(partition.partition()), partition.added(), partition.removed());
  }
  add("all", page.added(), page.removed());
  WriteTable(terminal, {{"PARTITION"}, {"ROWS", true}, {"", true}, {"FILES", true}, {"", true}},
             rows);
  if (page.partition_count() > page.partitions_size()) {
    terminal.err << "of " << Counted(page.partition_count(), "partition")
                 << " those with the most rows\n";
  }
}

// "+ name string", "~ id int -> long (widened)".
absl::Status ShowColumns(Terminal& terminal, Connection& connection, Stub& stub,
                         const std::string& table, const catalog::DiffSnapshotsResponse& page) {
  if (page.from().schema_id() == page.to().schema_id()) return absl::OkStatus();
  catalog::CompareSchemasRequest request;
  request.set_table(table);
  request.set_from_schema_id(page.from().schema_id());
  request.set_to_schema_id(page.to().schema_id());
  TARN_ASSIGN_OR_RETURN(const catalog::CompareSchemasResponse compared,
                        connection.Call(stub, &Stub::CompareSchemas, request));
  if (compared.changes_size() > 0) terminal.out << "\ncolumns:\n";
  for (const catalog::FieldChange& change : compared.changes()) {
    std::string line = OneLine(change.path());
    if (change.kind() == catalog::FIELD_CHANGE_KIND_ADDED) {
      line = "+ " + line + " " + change.after();
    } else if (change.kind() == catalog::FIELD_CHANGE_KIND_DROPPED) {
      line = "- " + line + " " + change.before();
    } else {
      constexpr size_t kPrefix = sizeof("FIELD_CHANGE_KIND_") - 1;
      const std::string kind = catalog::FieldChangeKind_Name(change.kind()).substr(kPrefix);
      line = "~ " + line + " " + OneLine(change.before()) + " -> " + OneLine(change.after()) +
             " (" + absl::AsciiStrToLower(kind) + ")";
    }
    terminal.out << "  " << line << "\n";
  }
  return absl::OkStatus();
}

void ShowFiles(Terminal& terminal, const catalog::DiffSnapshotsResponse& page) {
  for (const catalog::FileDifference& file : page.files()) {
    const bool added = file.side() == catalog::DIFFERENCE_SIDE_ADDED;
    terminal.out << (added ? "+ " : "- ") << OneLine(file.file().path()) << "  "
                 << Counted(file.file().row_count(), "row") << "\n";
  }
}

absl::Status Diff(Session& session, const DiffOptions& options) {
  catalog::DiffSnapshotsRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_table(),
                        FullName("databases/{database}/tables/{table}", options.table));
  TARN_ASSIGN_OR_RETURN(*request.mutable_from(), ParseSnapshotReference("FROM", options.from));
  if (!options.to.empty()) {
    TARN_ASSIGN_OR_RETURN(*request.mutable_to(), ParseSnapshotReference("TO", options.to));
  }
  request.set_page_size(options.files ? kFilesAtOnce : 1);
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  auto stub = catalog::HistoryService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(catalog::DiffSnapshotsResponse page,
                        connection->Call(*stub, &Stub::DiffSnapshots, request));
  Terminal& terminal = session.terminal();
  terminal.out << ShortName(request.table()) << " from snapshot " << page.from().snapshot_id()
               << " to " << page.to().snapshot_id() << "\n";
  ShowTotals(terminal, page);
  TARN_RETURN_IF_ERROR(ShowColumns(terminal, *connection, *stub, request.table(), page));
  if (!options.files) return absl::OkStatus();
  // Further pages are of the snapshots that the first one found.
  request.mutable_from()->set_snapshot_id(page.from().snapshot_id());
  request.mutable_to()->set_snapshot_id(page.to().snapshot_id());
  terminal.out << "\nfiles:\n";
  while (true) {
    ShowFiles(terminal, page);
    if (page.next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(page.next_page_token());
    TARN_ASSIGN_OR_RETURN(page, connection->Call(*stub, &Stub::DiffSnapshots, request));
  }
}

}  // namespace

void AddDiffCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command =
      program.add_subcommand("diff", "Show what changed in a table from one snapshot to another");
  command->add_option("table", options->table, "The table")
      ->required()
      ->type_name("DATABASE.TABLE");
  command->add_option("from", options->from, "A snapshot's id, a time or a tag")
      ->required()
      ->type_name("FROM");
  command->add_option("to", options->to, "Another one (the current snapshot unless given)")
      ->type_name("TO");
  command->add_flag("--files", options->files, "Also every file");
  command->footer(
      "Rows are those of files: a file that was rewritten counts on both sides.\n"
      "Examples:\n"
      "  tarn diff iot.readings before-cleanup\n"
      "  tarn diff iot.readings 2026-11-20 2026-11-21 --files\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Diff(session, *options); };
  });
}

}  // namespace tarn::cli
