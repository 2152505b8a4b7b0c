// tarn access: what somebody may see of a table, and why.
#include <algorithm>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/time/clock.h>

#include "tarn/catalog/v1/governance_service.grpc.pb.h"
#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/proto_json/proto_json.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/key_value.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/text_table.h"

namespace tarn::cli {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace dashboard = ::tarn::dashboard::v1;
using Reasons = google::protobuf::RepeatedPtrField<catalog::AccessReason>;

struct AccessOptions {
  std::string table;
  std::string user;
  std::vector<std::string> groups;
  std::vector<std::string> roles;
  std::vector<std::string> attributes;
  std::string format = "table";
};

bool IsLive(const dashboard::Key& key) {
  if (key.has_revoke_time()) return false;
  return !key.has_expire_time() || key.expire_time().seconds() > absl::ToUnixSeconds(absl::Now());
}

// The user's live keys, oldest first.
absl::StatusOr<std::vector<dashboard::Key>> KeysOf(Connection& connection,
                                                   const std::string& user) {
  auto stub = dashboard::AuthService::NewStub(connection.channel());
  std::vector<dashboard::Key> keys;
  dashboard::ListKeysRequest request;
  request.set_page_size(1000);
  do {
    TARN_ASSIGN_OR_RETURN(const dashboard::ListKeysResponse page,
                          connection.Call(*stub, &dashboard::AuthService::Stub::ListKeys, request));
    for (const dashboard::Key& key : page.keys()) {
      if (key.user() == user && IsLive(key)) keys.push_back(key);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
    return std::make_pair(a.create_time().seconds(), a.create_time().nanos()) <
           std::make_pair(b.create_time().seconds(), b.create_time().nanos());
  });
  return keys;
}

void AddOnce(const std::string& text, google::protobuf::RepeatedPtrField<std::string>* list) {
  if (std::find(list->begin(), list->end(), text) == list->end()) list->Add(std::string(text));
}

// What options say of the user; without roles among them also what the user's keys say, as a token
// made for the user would carry it.
absl::Status FillPrincipal(Connection& connection, const AccessOptions& options,
                           catalog::Principal* principal) {
  principal->set_user(options.user);
  if (options.roles.empty()) {
    const absl::StatusOr<std::vector<dashboard::Key>> keys = KeysOf(connection, options.user);
    if (!keys.ok()) {
      return Annotate(keys.status(),
                      "the user's groups and roles are on the user's keys; name them by --role "
                      "and --group instead");
    }
    if (keys->empty()) {
      return FailedPrecondition(
          "USER_NOT_FOUND",
          "the user " + options.user + " has no key; say by --role and --group who it is",
          {{"user", options.user}});
    }
    for (const dashboard::Key& key : *keys) {
      for (const std::string& group : key.groups()) AddOnce(group, principal->mutable_groups());
      for (const std::string& role : key.roles()) AddOnce(role, principal->mutable_roles());
      for (const auto& [name, value] : key.attributes()) {
        (*principal->mutable_attributes())[name] = value;
      }
    }
  }
  for (const std::string& group : options.groups) AddOnce(group, principal->mutable_groups());
  for (const std::string& role : options.roles) AddOnce(role, principal->mutable_roles());
  TARN_ASSIGN_OR_RETURN(const auto attributes, ParseKeyValues("--attribute", options.attributes));
  for (const auto& [name, value] : attributes) (*principal->mutable_attributes())[name] = value;
  return absl::OkStatus();
}

std::string ReasonText(const catalog::AccessReason& reason) {
  std::string text = reason.message();
  if (!reason.resource().empty()) text = reason.resource() + ": " + text;
  if (!reason.member().empty()) text += " (" + reason.member() + ")";
  return text;
}

void WriteReasons(const Reasons& reasons, Terminal& terminal) {
  for (const catalog::AccessReason& reason : reasons) {
    terminal.out << "  " << ReasonText(reason) << "\n";
  }
}

std::string LevelText(catalog::AccessLevel level) {
  if (level == catalog::ACCESS_LEVEL_UNSPECIFIED) return "nothing";
  const std::string name = catalog::AccessLevel_Name(level);
  return name.substr(std::string("ACCESS_LEVEL_").size());
}

std::string RowsText(const catalog::EffectiveAccess& access) {
  switch (access.rows()) {
    case catalog::ROW_VISIBILITY_ALL:
      return "all";
    case catalog::ROW_VISIBILITY_FILTERED:
      return access.row_predicate().empty() ? "some" : "where " + access.row_predicate();
    default:
      return "none";
  }
}

std::string ColumnText(const catalog::ColumnAccess& column) {
  switch (column.visibility()) {
    case catalog::COLUMN_VISIBILITY_PLAIN:
      return "plain";
    case catalog::COLUMN_VISIBILITY_MASKED:
      return column.expression().empty() ? "masked" : column.expression();
    default:
      return "hidden";
  }
}

void WriteAccess(const catalog::EffectiveAccess& access, Terminal& terminal) {
  terminal.out << access.principal().user() << " on " << ShortName(access.table()) << ": "
               << LevelText(access.level()) << "\n";
  WriteReasons(access.level_reasons(), terminal);
  terminal.out << "rows: " << RowsText(access) << "\n";
  WriteReasons(access.row_reasons(), terminal);
  for (const catalog::PolicySource& source : access.sources()) {
    terminal.out << "  reads " << ShortName(source.table()) << " with the rights of "
                 << source.owner() << " (" << source.row_filter() << ")\n";
  }
  std::vector<TableRow> rows;
  for (const catalog::ColumnAccess& column : access.columns()) {
    std::string why;
    for (const catalog::AccessReason& reason : column.reasons()) {
      why += (why.empty() ? "" : "; ") + ReasonText(reason);
    }
    rows.push_back({{column.column()}, {ColumnText(column)}, {why}});
  }
  WriteTable(terminal, {{"COLUMN"}, {"SEEN"}, {"WHY"}}, rows);
}

absl::Status Access(Session& session, const AccessOptions& options) {
  const bool names_somebody =
      !options.groups.empty() || !options.roles.empty() || !options.attributes.empty();
  if (options.user.empty() && names_somebody) {
    return UsageError("--group, --role and --attribute say who --as is; give --as USER as well");
  }
  catalog::GetEffectiveAccessRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_table(),
                        FullName("databases/{database}/tables/{table}", options.table));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  if (!options.user.empty()) {
    TARN_RETURN_IF_ERROR(FillPrincipal(*connection, options, request.mutable_principal()));
  }
  auto stub = catalog::GovernanceService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(
      const catalog::EffectiveAccess access,
      connection->Call(*stub, &catalog::GovernanceService::Stub::GetEffectiveAccess, request));
  if (options.format == "json") {
    TARN_ASSIGN_OR_RETURN(const std::string json, proto_json::ToJson(access, {.pretty = true}));
    session.terminal().out << json << "\n";
  } else {
    WriteAccess(access, session.terminal());
  }
  return absl::OkStatus();
}

}  // namespace

void AddAccessCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<AccessOptions>();
  CLI::App* command = program.add_subcommand("access", "What somebody may see of a table, and why");
  command->add_option("table", options->table, "The table")
      ->required()
      ->type_name("DATABASE.TABLE");
  command->add_option("--as", options->user, "Of whom (yourself unless given)")->type_name("USER");
  const auto add_list = [&](const char* name, std::vector<std::string>* list, const char* what,
                            const char* type) {
    command->add_option(name, *list, what)->type_name(type)->expected(1)->take_all();
  };
  add_list("--group", &options->groups, "A group of the user; may be repeated", "GROUP");
  add_list("--role", &options->roles,
           "admin, editor or viewer; may be repeated. Without it the user's keys say who it is",
           "ROLE");
  add_list("--attribute", &options->attributes, "An attribute; may be repeated", "KEY=VALUE");
  command->add_option("-o,--output", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT");
  command->footer(
      "Examples:\n"
      "  tarn access sales.orders\n"
      "  tarn access sales.orders --as ada\n"
      "  tarn access sales.orders --as somebody --role viewer --group sales\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Access(session, *options); };
  });
}

}  // namespace tarn::cli
