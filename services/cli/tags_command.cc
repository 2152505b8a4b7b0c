// tarn tags: names for snapshots, which are kept while their tags are there.
#include <memory>

#include <CLI/CLI.hpp>
#include <google/protobuf/util/time_util.h>

#include "tarn/catalog/v1/history_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/snapshot_reference.h"
#include "services/cli/text_table.h"
#include "services/cli/time_option.h"

namespace tarn::cli {
namespace {

namespace catalog = ::tarn::catalog::v1;
using Stub = catalog::HistoryService::Stub;

constexpr int kMaxPage = 1000;

struct TagsOptions {
  std::string table;
  std::string create;
  std::string at;
  std::string expires;
  std::string comment;
  std::string remove;
};

absl::Status Create(Session& session, Connection& connection, const std::string& table,
                    const TagsOptions& options) {
  catalog::CreateTagRequest request;
  request.mutable_tag()->set_name(table + "/tags/" + options.create);
  request.mutable_tag()->set_comment(options.comment);
  if (!options.at.empty()) {
    TARN_ASSIGN_OR_RETURN(*request.mutable_at(), ParseSnapshotReference("--at", options.at));
  }
  if (!options.expires.empty()) {
    TARN_ASSIGN_OR_RETURN(*request.mutable_tag()->mutable_expire_time(),
                          ParseTimeOption("--expires", options.expires));
  }
  request.set_request_id(NewUuid());
  auto stub = catalog::HistoryService::NewStub(connection.channel());
  TARN_ASSIGN_OR_RETURN(const catalog::Tag tag, connection.Call(*stub, &Stub::CreateTag, request));
  session.terminal().out << options.create << " names snapshot " << tag.snapshot_id() << " of "
                         << ShortName(table) << "\n";
  return absl::OkStatus();
}

absl::Status Delete(Session& session, Connection& connection, const std::string& table,
                    const std::string& name) {
  catalog::DeleteTagRequest request;
  request.set_name(table + "/tags/" + name);
  request.set_request_id(NewUuid());
  auto stub = catalog::HistoryService::NewStub(connection.channel());
  TARN_RETURN_IF_ERROR(connection.Call(*stub, &Stub::DeleteTag, request).status());
  session.terminal().out << name << " removed; its snapshot of " << ShortName(table)
                         << " expires as others do\n";
  return absl::OkStatus();
}

std::string Text(const google::protobuf::Timestamp& time) {
  return TimeText(
      absl::FromUnixMicros(google::protobuf::util::TimeUtil::TimestampToMicroseconds(time)));
}

absl::Status List(Session& session, Connection& connection, const std::string& table) {
  catalog::ListTagsRequest request;
  request.set_parent(table);
  request.set_page_size(kMaxPage);
  auto stub = catalog::HistoryService::NewStub(connection.channel());
  std::vector<TableRow> rows;
  do {
    TARN_ASSIGN_OR_RETURN(const catalog::ListTagsResponse page,
                          connection.Call(*stub, &Stub::ListTags, request));
    for (const catalog::Tag& tag : page.tags()) {
      rows.push_back({{tag.name().substr(tag.name().rfind('/') + 1)},
                      {std::to_string(tag.snapshot_id())},
                      {Text(tag.create_time())},
                      {OneLine(tag.created_by())},
                      {tag.has_expire_time() ? Text(tag.expire_time()) : "never"},
                      {OneLine(tag.comment())}});
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (rows.empty()) {
    session.terminal().out << ShortName(table) << " has no tags\n";
    return absl::OkStatus();
  }
  WriteTable(session.terminal(), {{"TAG"}, {"SNAPSHOT"}, {"MADE"}, {"BY"}, {"ENDS"}, {"COMMENT"}},
             rows);
  return absl::OkStatus();
}

absl::Status Tags(Session& session, const TagsOptions& options) {
  TARN_ASSIGN_OR_RETURN(const std::string table,
                        FullName("databases/{database}/tables/{table}", options.table));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  if (!options.create.empty()) return Create(session, *connection, table, options);
  if (!options.remove.empty()) return Delete(session, *connection, table, options.remove);
  return List(session, *connection, table);
}

}  // namespace

void AddTagsCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<TagsOptions>();
  CLI::App* command =
      program.add_subcommand("tags", "Name snapshots of a table, which are kept from then on");
  command->add_option("table", options->table, "The table")
      ->required()
      ->type_name("DATABASE.TABLE");
  CLI::Option* create =
      command->add_option("--create", options->create, "Make a tag")->type_name("NAME");
  command
      ->add_option("--at", options->at,
                   "What it names: a snapshot's id, a time or another tag (the current snapshot "
                   "unless given)")
      ->type_name("SNAPSHOT")
      ->needs(create);
  command->add_option("--expires", options->expires, "When it ends (never unless given)")
      ->type_name("TIME")
      ->needs(create);
  command->add_option("--comment", options->comment, "What it stands for")
      ->type_name("TEXT")
      ->needs(create);
  command->add_option("--delete", options->remove, "Remove a tag")
      ->type_name("NAME")
      ->excludes(create);
  command->footer(
      "Examples:\n"
      "  tarn tags iot.readings\n"
      "  tarn tags iot.readings --create before-cleanup\n"
      "  tarn tags iot.readings --create november --at 2026-12-01 --expires 2027-12-01\n"
      "  tarn tags iot.readings --delete before-cleanup\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Tags(session, *options); };
  });
}

}  // namespace tarn::cli
