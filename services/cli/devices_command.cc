// tarn devices: many devices at once, from a file.
#include <fstream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <grpcpp/client_context.h>

#include "tarn/ingestion/v1/device_registry_service.grpc.pb.h"

#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

namespace ingestion = ::tarn::ingestion::v1;

constexpr size_t kChunkBytes = 1 << 20;
// What the server takes; a little more is read, so that it is the server that says so.
constexpr size_t kMaxBytes = (64u << 20) + kChunkBytes;

struct ImportOptions {
  std::string path = "-";
  std::string format;
  std::string type;
  bool dry_run = false;
};

absl::StatusOr<std::string> ReadText(Terminal& terminal, const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? terminal.in : file;
  std::string text;
  std::string piece(kChunkBytes, '\0');
  while (in && text.size() < kMaxBytes) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    text.append(piece, 0, static_cast<size_t>(in.gcount()));
  }
  if (path != "-" && (!file.is_open() || file.bad())) {
    return FailedPrecondition("FILE_UNREADABLE", path + " cannot be read", {{"path", path}});
  }
  return text;
}

// By the option, the file's name, or what the text begins with.
ingestion::DeviceImportFormat FormatOf(const ImportOptions& options, std::string_view text) {
  bool json = options.format == "json";
  if (options.format.empty()) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    json = absl::EndsWith(options.path, ".json") || absl::EndsWith(options.path, ".jsonl") ||
           (!absl::EndsWith(options.path, ".csv") && first != std::string_view::npos &&
            (text[first] == '{' || text[first] == '['));
  }
  return json ? ingestion::DEVICE_IMPORT_FORMAT_JSON : ingestion::DEVICE_IMPORT_FORMAT_CSV;
}

absl::StatusOr<ingestion::ImportDevicesResponse> Send(Connection& connection,
                                                      const ingestion::ImportDevicesHeader& header,
                                                      const std::string& text) {
  TARN_ASSIGN_OR_RETURN(const rpc::Credentials credentials, connection.GetCredentials());
  const auto stub = ingestion::DeviceRegistryService::NewStub(connection.channel());
  grpc::ClientContext context;
  rpc::PrepareContext(context, credentials, absl::Minutes(10));
  ingestion::ImportDevicesResponse response;
  const auto writer = stub->ImportDevices(&context, &response);
  ingestion::ImportDevicesRequest request;
  *request.mutable_header() = header;
  bool sent = writer->Write(request);
  for (size_t at = 0; sent && at < text.size(); at += kChunkBytes) {
    request.set_chunk(text.substr(at, kChunkBytes));
    sent = writer->Write(request);
  }
  if (sent) writer->WritesDone();
  TARN_RETURN_IF_ERROR(rpc::FromGrpcStatus(writer->Finish()));
  return response;
}

absl::Status ReportBadLines(const Terminal& terminal, const std::string& path,
                            const absl::Status& status) {
  for (const FieldViolation& line : FieldViolationsOf(status)) {
    terminal.err << (path == "-" ? "standard input" : path) << ", " << line.field << ": "
                 << line.description << "\n";
  }
  terminal.err << terminal.OnErr(Style::kBad, "tarn:") << " nothing was imported\n";
  return AlreadyReported();
}

absl::Status Import(Session& session, const ImportOptions& options) {
  TARN_ASSIGN_OR_RETURN(const std::string text, ReadText(session.terminal(), options.path));
  ingestion::ImportDevicesHeader header;
  header.set_format(FormatOf(options, text));
  header.set_default_type(options.type);
  header.set_validate_only(options.dry_run);
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  // All of it or nothing, and the same again changes nothing: it may be sent twice.
  const absl::StatusOr<ingestion::ImportDevicesResponse> done = rpc::RetryUnavailable(
      connection->options().retry, [&] { return Send(*connection, header, text); });
  if (ErrorReason(done.status()) == "INVALID_IMPORT") {
    return ReportBadLines(session.terminal(), options.path, done.status());
  }
  TARN_RETURN_IF_ERROR(done.status());
  session.terminal().out << Counted(done->created_count(), "device") << " created, "
                         << done->updated_count() << " updated, " << done->unchanged_count()
                         << " unchanged" << (options.dry_run ? " (dry run)" : "") << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddDevicesCommand(CLI::App& program, Session& session) {
  CLI::App* devices = program.add_subcommand("devices", "Import many devices from a file");
  devices->require_subcommand(1);
  devices->fallthrough();
  auto options = std::make_shared<ImportOptions>();
  CLI::App* import = devices->add_subcommand(
      "import", "Make or replace the devices of a file; all of them, or none when a line is bad");
  import
      ->add_option("file", options->path,
                   "CSV with a header, or JSON: lines or one array; - for "
                   "standard input")
      ->capture_default_str()
      ->type_name("FILE");
  import->add_option("--format", options->format, "csv or json; else by the file's name or text")
      ->check(CLI::IsMember({"csv", "json"}));
  import->add_option("--type", options->type, "The type of devices that name none");
  import->add_flag("--dry-run", options->dry_run, "Check everything and change nothing");
  import->footer("Example:\n  tarn devices import devices.csv --type sensor\n");
  import->fallthrough();
  import->callback([&session, options] {
    session.action = [&session, options] { return Import(session, *options);
};
}  // namespace tarn::cli
);
}

}  // namespace tarn::cli
