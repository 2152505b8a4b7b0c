// tarn snapshots: the states of a table, and what expiry would remove of them.
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"
#include "tarn/catalog/v1/history_service.grpc.pb.h"

#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/text_table.h"

namespace tarn::cli {
namespace {

namespace catalog = ::tarn::catalog::v1;
using Catalog = catalog::CatalogService::Stub;
using History = catalog::HistoryService::Stub;

constexpr int kMaxPage = 1000;

struct SnapshotsOptions {
  std::string table;
  int limit = 50;
  bool expiring = false;
};

std::string LowerName(const std::string& enum_name) {
  return absl::AsciiStrToLower(enum_name.substr(enum_name.rfind('_') + 1));
}

// A number of a snapshot's summary.
std::string Number(const catalog::Snapshot& snapshot, const char* key, const char* sign = "") {
  const auto found = snapshot.summary().find(key);
  int64_t number = 0;
  if (found == snapshot.summary().end() || !absl::SimpleAtoi(found->second, &number)) return "";
  if (number == 0 && *sign != '\0') return "";
  return sign + WithThousands(number);
}

// The names of tags by the snapshots that they name. Of very many tags the first.
absl::StatusOr<std::map<int64_t, std::string>> TagsOf(Connection& connection,
                                                      const std::string& table) {
  auto stub = catalog::HistoryService::NewStub(connection.channel());
  catalog::ListTagsRequest request;
  request.set_parent(table);
  request.set_page_size(kMaxPage);
  TARN_ASSIGN_OR_RETURN(const catalog::ListTagsResponse page,
                        connection.Call(*stub, &History::ListTags, request));
  std::map<int64_t, std::string> names;
  for (const catalog::Tag& tag : page.tags()) {
    std::string& text = names[tag.snapshot_id()];
    absl::StrAppend(&text, text.empty() ? "" : ", ", tag.name().substr(tag.name().rfind('/') + 1));
  }
  return names;
}

void Show(Terminal& terminal,
          const google::protobuf::RepeatedPtrField<catalog::Snapshot>& snapshots,
          const std::map<int64_t, std::string>& tags) {
  std::vector<TableRow> rows;
  for (const catalog::Snapshot& snapshot : snapshots) {
    const auto tag = tags.find(snapshot.snapshot_id());
    const absl::Time time = absl::FromUnixMicros(
        google::protobuf::util::TimeUtil::TimestampToMicroseconds(snapshot.commit_time()));
    rows.push_back({{std::to_string(snapshot.snapshot_id())},
                    {TimeText(time)},
                    {LowerName(catalog::SnapshotOperation_Name(snapshot.operation()))},
                    {OneLine(snapshot.committed_by())},
                    {Number(snapshot, "added-rows", "+")},
                    {Number(snapshot, "removed-rows", "-")},
                    {Number(snapshot, "total-rows")},
                    {Number(snapshot, "total-files")},
                    {tag == tags.end() ? "" : tag->second}});
  }
  WriteTable(terminal,
             {{"SNAPSHOT"},
              {"COMMITTED"},
              {"OPERATION"},
              {"BY"},
              {"ADDED", true},
              {"REMOVED", true},
              {"ROWS", true},
              {"FILES", true},
              {"TAGS"}},
             rows);
}

absl::Status ShowExpiring(Session& session, Connection& connection, const std::string& table,
                          int limit) {
  auto stub = catalog::HistoryService::NewStub(connection.channel());
  catalog::PreviewExpiryRequest request;
  request.set_table(table);
  request.set_page_size(limit);
  TARN_ASSIGN_OR_RETURN(const catalog::PreviewExpiryResponse preview,
                        connection.Call(*stub, &History::PreviewExpiry, request));
  Terminal& terminal = session.terminal();
  if (preview.snapshots_size() > 0) Show(terminal, preview.snapshots(), {});
  terminal.out << Counted(preview.snapshot_count(), "snapshot") << " would expire, with "
               << Counted(preview.files().file_count(), "file") << " ("
               << BytesText(preview.files().byte_count()) << "); "
               << WithThousands(preview.tagged_snapshot_count())
               << " kept by tags. The table keeps "
               << Counted(preview.policy().min_count(), "snapshot") << " and those of the last "
               << DurationText(absl::Seconds(preview.policy().max_age().seconds())) << ".\n";
  return absl::OkStatus();
}

absl::Status Snapshots(Session& session, const SnapshotsOptions& options) {
  TARN_ASSIGN_OR_RETURN(const std::string table,
                        FullName("databases/{database}/tables/{table}", options.table));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  if (options.expiring) return ShowExpiring(session, *connection, table, options.limit);
  auto stub = catalog::CatalogService::NewStub(connection->channel());
  catalog::ListSnapshotsRequest request;
  request.set_parent(table);
  request.set_page_size(options.limit);
  TARN_ASSIGN_OR_RETURN(const catalog::ListSnapshotsResponse page,
                        connection->Call(*stub, &Catalog::ListSnapshots, request));
  TARN_ASSIGN_OR_RETURN(const auto tags, TagsOf(*connection, table));
  Show(session.terminal(), page.snapshots(), tags);
  if (!page.next_page_token().empty()) {
    session.terminal().err << "there are older ones; ask for more with --limit\n";
  }
  return absl::OkStatus();
}

}  // namespace

void AddSnapshotsCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<SnapshotsOptions>();
  CLI::App* command =
      program.add_subcommand("snapshots", "Show the states of a table, the newest first");
  command->add_option("table", options->table, "The table")
      ->required()
      ->type_name("DATABASE.TABLE");
  command->add_option("--limit", options->limit, "At most so many (50 unless given)")
      ->check(CLI::Range(1, kMaxPage));
  command->add_flag("--expiring", options->expiring,
                    "What expiry would remove now; nothing is changed");
  command->footer(
      "Examples:\n  tarn snapshots iot.readings\n  tarn snapshots iot.readings "
      "--expiring\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Snapshots(session, *options); };
  });
}

}  // namespace tarn::cli
