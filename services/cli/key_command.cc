// tarn key: makes, lists and revokes keys. For administrators.
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <absl/time/clock.h>
#include <sys/stat.h>

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/key_value.h"
#include "services/cli/resource_client.h"
#include "services/cli/resource_name.h"
#include "services/cli/resource_text.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

namespace dashboard = ::tarn::dashboard::v1;
using Stub = dashboard::AuthService::Stub;

struct CreateOptions {
  std::string display_name;
  std::string user;
  std::vector<std::string> roles;
  std::vector<std::string> groups;
  std::vector<std::string> attributes;
  int expire_days = 0;
  std::string out_path;
};

// The file that takes the secret, made before the key is: a secret is shown once, and a file that
// cannot be written would lose it. For its owner alone; one that exists is left as it is.
class SecretOutput {
 public:
  static absl::StatusOr<SecretOutput> Open(const std::string& path) {
    SecretOutput output(path);
    if (path.empty()) return output;
    output.file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (output.file_ < 0) {
      return FailedPrecondition("KEY_FILE_UNWRITABLE",
                                "the key file " + path + " cannot be made, or exists already",
                                {{"path", path}});
    }
    return output;
  }

  SecretOutput(SecretOutput&& other) noexcept
      : path_(std::move(other.path_)),
        file_(std::exchange(other.file_, -1)),
        written_(other.written_) {}
  SecretOutput& operator=(SecretOutput&&) = delete;
  ~SecretOutput() {
    if (file_ < 0) return;
    close(file_);
    if (!written_) unlink(path_.c_str());
  }

  // To the file, or to the terminal where there is none or it takes no bytes.
  void Write(const std::string& secret, Terminal& terminal) {
    const std::string line = secret + "\n";
    written_ = file_ >= 0 &&
               write(file_, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
               fsync(file_) == 0;
    if (!written_) terminal.out << line;
  }

 private:
  explicit SecretOutput(std::string path) : path_(std::move(path)) {}

  std::string path_;
  int file_ = -1;
  bool written_ = false;
};

absl::Status Create(Session& session, const CreateOptions& options) {
  dashboard::CreateKeyRequest request;
  dashboard::Key* key = request.mutable_key();
  key->set_display_name(options.display_name);
  key->set_user(options.user);
  for (const std::string& role : options.roles) key->add_roles(role);
  for (const std::string& group : options.groups) key->add_groups(group);
  TARN_ASSIGN_OR_RETURN(const auto attributes, ParseKeyValues("--attribute", options.attributes));
  key->mutable_attributes()->insert(attributes.begin(), attributes.end());
  if (options.expire_days > 0) {
    key->mutable_expire_time()->set_seconds(
        absl::ToUnixSeconds(absl::Now() + absl::Hours(24) * options.expire_days));
  }
  request.set_request_id(NewUuid());
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  TARN_ASSIGN_OR_RETURN(SecretOutput output, SecretOutput::Open(options.out_path));
  auto stub = dashboard::AuthService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(const dashboard::CreateKeyResponse response,
                        connection->Call(*stub, &Stub::CreateKey, request));
  Terminal& terminal = session.terminal();
  terminal.err << "key/" << ShortName(response.key().name())
               << " created; its secret is not shown again\n";
  output.Write(response.secret(), terminal);
  return absl::OkStatus();
}

absl::Status List(Session& session) {
  TARN_ASSIGN_OR_RETURN(const Kind* kind, FindKind("key"));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  ResourceClient client(*connection);
  TARN_ASSIGN_OR_RETURN(const ResourceClient::Page page, client.List(*kind, "", 0));
  std::vector<TableRow> rows;
  for (const MessagePtr& key : page.resources) {
    TableRow& row = rows.emplace_back();
    for (const KindColumn& column : kind->columns) row.push_back(FieldCell(*key, column));
  }
  WriteTable(session.terminal(), TableColumnsOf(*kind), rows);
  return absl::OkStatus();
}

absl::Status Revoke(Session& session, const std::string& text) {
  dashboard::RevokeKeyRequest request;
  TARN_ASSIGN_OR_RETURN(*request.mutable_name(), FullName("keys/{key}", text));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  auto stub = dashboard::AuthService::NewStub(connection->channel());
  TARN_ASSIGN_OR_RETURN(const dashboard::Key key,
                        connection->Call(*stub, &Stub::RevokeKey, request));
  session.terminal().out << "key/" << ShortName(key.name())
                         << " revoked; nothing accepts it after five minutes\n";
  return absl::OkStatus();
}

void AddCreate(CLI::App& keys, Session& session) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command = keys.add_subcommand("create", "Make a key and show its secret, once");
  command->add_option("name", options->display_name, "What the key is for")
      ->required()
      ->type_name("NAME");
  command->add_option("--user", options->user, "As whom its bearer acts")
      ->required()
      ->type_name("USER");
  command->add_option("--role", options->roles, "admin, editor or viewer; may be repeated")
      ->required()
      ->type_name("ROLE")
      ->expected(1)
      ->take_all();
  command->add_option("--group", options->groups, "A group of the user; may be repeated")
      ->type_name("GROUP")
      ->expected(1)
      ->take_all();
  command->add_option("--attribute", options->attributes, "An attribute; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command->add_option("--expire-days", options->expire_days, "When it ends; never by default")
      ->check(CLI::PositiveNumber)
      ->type_name("DAYS");
  command->add_option("--out", options->out_path, "A new file, for you alone, takes the secret")
      ->type_name("FILE");
  command->footer(
      "Example:\n"
      "  tarn key create laptop --user ada --role editor --out ~/.tarn-key\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Create(session, *options); };
  });
}

}  // namespace

void AddKeyCommand(CLI::App& program, Session& session) {
  CLI::App* keys = program.add_subcommand("key", "Make, list and revoke keys");
  keys->require_subcommand(1);
  keys->fallthrough();
  keys->footer("Example:\n  tarn key list\n");
  AddCreate(*keys, session);

  CLI::App* list = keys->add_subcommand("list", "Show all keys, without their secrets");
  list->footer("Example:\n  tarn key list\n");
  list->fallthrough();
  list->callback([&session] { session.action = [&session] { return List(session); }; });

  auto key = std::make_shared<std::string>();
  CLI::App* revoke = keys->add_subcommand("revoke", "Make a key worthless");
  revoke->add_option("key", *key, "The key")->required()->type_name("KEY");
  revoke->footer("Example:\n  tarn key revoke 0190c7c2\n");
  revoke->fallthrough();
  revoke->callback(
      [&session, key] { session.action = [&session, key] { return Revoke(session, *key); }; });
}

}  // namespace tarn::cli
