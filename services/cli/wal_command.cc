// tarn wal: reads a write-ahead log of ingestion where it lies, without a server. Changes nothing.
#include <filesystem>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/session.h"
#include "services/cli/text_table.h"
#include "services/cli/wal_view.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using wal::FrameHeader;
using wal::FrameType;

struct InspectOptions {
  std::string path;
  bool json = false;
  std::string stream;
  bool records = false;
};

const char* TypeName(FrameType type) {
  switch (type) {
    case FrameType::kSegment:
      return "segment";
    case FrameType::kPositions:
      return "positions";
    case FrameType::kBatch:
    case FrameType::kRecords:
      return "records";
    case FrameType::kRequest:
      return "request";
    case FrameType::kProducers:
      return "producers";
  }
  return "?";
}

// A payload need not be UTF-8.
void WriteJson(Terminal& terminal, const ordered_json& value) {
  terminal.out << value.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << "\n";
}

std::string IsoTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

ordered_json FrameJson(const fs::path& path, uint64_t offset, const FrameHeader& header,
                       const wal::BatchBody* batch) {
  ordered_json json = {{"segment", path.filename().string()},
                       {"offset", offset},
                       {"type", TypeName(header.type)},
                       {"bytes", wal::kFrameHeaderBytes + header.body_bytes},
                       {"time", IsoTime(header.time)}};
  if (batch == nullptr) return json;
  json["workspace"] = batch->key.workspace;
  json["stream"] = batch->key.stream_uid;
  json["first_position"] = header.first_position;
  json["records"] = header.record_count;
  if (!batch->key.request_id.empty()) json["request_id"] = batch->key.request_id;
  if (!batch->key.producer_id.empty()) {
    json["producer_id"] = batch->key.producer_id;
    json["sequence"] = batch->key.sequence;
  }
  return json;
}

// Shows frames, and the records in them, as they are read: a log may be larger than the memory.
class FramePrinter {
 public:
  FramePrinter(Terminal& terminal, const InspectOptions& options, bool frames)
      : terminal_(terminal), options_(options), frames_(frames) {}

  void Show(const fs::path& path, uint64_t offset, const FrameHeader& header,
            const wal::BatchBody* batch) {
    if (!options_.stream.empty() &&
        (batch == nullptr || batch->key.stream_uid != options_.stream)) {
      return;
    }
    if (frames_ && options_.json) WriteJson(terminal_, FrameJson(path, offset, header, batch));
    if (frames_ && !options_.json) ShowFrame(offset, header, batch);
    if (options_.records && batch != nullptr) ShowRecords(header, *batch);
  }

 private:
  void ShowFrame(uint64_t offset, const FrameHeader& header, const wal::BatchBody* batch) {
    terminal_.out << offset << "\t" << TypeName(header.type) << "\t"
                  << wal::kFrameHeaderBytes + header.body_bytes << " bytes\t"
                  << IsoTime(header.time);
    if (batch != nullptr) {
      terminal_.out << "\t" << OneLine(batch->key.stream_uid) << "\t" << header.first_position
                    << "+" << header.record_count;
      if (!batch->key.producer_id.empty()) {
        terminal_.out << "\tproducer " << OneLine(batch->key.producer_id) << " #"
                      << batch->key.sequence;
      }
      if (!batch->key.request_id.empty()) {
        terminal_.out << "\trequest " << OneLine(batch->key.request_id);
      }
    }
    terminal_.out << "\n";
  }

  void ShowRecords(const FrameHeader& header, const wal::BatchBody& batch) {
    uint64_t position = header.first_position;
    for (std::string_view record : batch.records) {
      if (options_.json) {
        WriteJson(terminal_, {{"stream", batch.key.stream_uid},
                              {"position", position},
                              {"record", std::string(record)}});
      } else {
        terminal_.out << OneLine(batch.key.stream_uid) << "\t" << position << "\t"
                      << OneLine(record) << "\n";
      }
      ++position;
    }
  }

  Terminal& terminal_;
  const InspectOptions& options_;
  const bool frames_;
};

std::string Number(uint64_t number) { return WithThousands(static_cast<int64_t>(number)); }

void ShowFiles(Terminal& terminal, const WalView& view) {
  std::vector<TableRow> rows;
  for (const WalFileView& file : view.segments) {
    uint64_t damaged = 0;
    for (const wal::DamagedRange& range : file.scan.damaged) damaged += range.bytes;
    const bool empty = file.first > file.last;
    rows.push_back({{file.path.filename().string()},
                    {BytesText(static_cast<int64_t>(file.scan.file_bytes))},
                    {Number(file.batches)},
                    {Number(file.records)},
                    {empty ? "" : IsoTime(file.first)},
                    {empty ? "" : IsoTime(file.last)},
                    {damaged == 0 ? "" : Number(damaged), Style::kBad}});
  }
  WriteTable(terminal,
             {{"SEGMENT"},
              {"SIZE", true},
              {"BATCHES", true},
              {"RECORDS", true},
              {"FROM"},
              {"TO"},
              {"DAMAGED BYTES", true}},
             rows);
}

void ShowStreams(Terminal& terminal, const WalView& view, const std::string& only) {
  std::vector<TableRow> rows;
  for (const auto& [uid, stream] : view.streams) {
    if (!only.empty() && uid != only) continue;
    rows.push_back({{OneLine(uid)},
                    {OneLine(stream.workspace)},
                    {Number(stream.batches)},
                    {Number(stream.records)},
                    {stream.records == 0 ? "" : Number(stream.first_position)},
                    {Number(stream.next_position)},
                    {Number(stream.producers.size())}});
  }
  if (rows.empty()) return;
  terminal.out << "\n";
  WriteTable(terminal,
             {{"STREAM"},
              {"WORKSPACE"},
              {"BATCHES", true},
              {"RECORDS", true},
              {"FIRST", true},
              {"NEXT", true},
              {"PRODUCERS", true}},
             rows);
}

void ShowSummaryJson(Terminal& terminal, const WalView& view, const std::string& only) {
  ordered_json streams = ordered_json::array();
  for (const auto& [uid, stream] : view.streams) {
    if (!only.empty() && uid != only) continue;
    ordered_json json = {{"stream", uid},
                         {"workspace", stream.workspace},
                         {"batches", stream.batches},
                         {"records", stream.records},
                         {"next_position", stream.next_position},
                         {"producers", stream.producers.size()}};
    if (stream.records > 0) json["first_position"] = stream.first_position;
    streams.push_back(std::move(json));
  }
  ordered_json segments = ordered_json::array();
  for (const WalFileView& file : view.segments) {
    uint64_t damaged = 0;
    for (const wal::DamagedRange& range : file.scan.damaged) damaged += range.bytes;
    segments.push_back({{"segment", file.path.filename().string()},
                        {"bytes", file.scan.file_bytes},
                        {"batches", file.batches},
                        {"records", file.records},
                        {"damaged_bytes", damaged}});
  }
  WriteJson(terminal, {{"log", view.uuid},
                       {"segments", std::move(segments)},
                       {"streams", std::move(streams)},
                       {"open_tail_bytes", OpenTailOf(view)}});
}

absl::Status Inspect(Session& session, const InspectOptions& options) {
  Terminal& terminal = session.terminal();
  std::error_code code;
  const bool is_folder = fs::is_directory(options.path, code);
  FramePrinter printer(terminal, options, !is_folder);
  const WalFrameVisitor visit =
      [&](const fs::path& path, uint64_t offset, const FrameHeader& header, std::string_view,
          const wal::BatchBody* batch) { printer.Show(path, offset, header, batch); };
  if (!is_folder) return ViewWalFile(options.path, visit).status();
  TARN_ASSIGN_OR_RETURN(const WalView view, ViewWal(options.path, visit));
  if (!options.stream.empty() && view.streams.count(options.stream) == 0) {
    return NotFound(
        "STREAM_NOT_IN_LOG",
        absl::StrCat("the log holds nothing of a stream with the uid \"", options.stream,
                     "\". A log knows streams by their uids, not by their names; "
                     "without --stream all of them are listed"));
  }
  if (options.records) return absl::OkStatus();
  if (options.json) {
    ShowSummaryJson(terminal, view, options.stream);
    return absl::OkStatus();
  }
  terminal.out << "log  " << (view.uuid.empty() ? "(its UUID cannot be read)" : view.uuid)
               << "\n\n";
  ShowFiles(terminal, view);
  ShowStreams(terminal, view, options.stream);
  return absl::OkStatus();
}

absl::Status Verify(Session& session, const std::string& folder) {
  TARN_ASSIGN_OR_RETURN(const WalView view, ViewWal(folder, [](const auto&...) {}));
  Terminal& terminal = session.terminal();
  const std::vector<WalDamage> damage = DamageOf(view);
  for (const WalDamage& part : damage) {
    terminal.out << part.path.string() << ": " << Counted(static_cast<int64_t>(part.bytes), "byte")
                 << " from byte " << part.offset << " on cannot be read\n";
  }
  const bool has_uuid = !view.uuid.empty();
  if (!has_uuid) {
    terminal.out << folder << ": the file LOG with the log's UUID is missing or damaged\n";
  }
  if (const uint64_t tail = OpenTailOf(view); tail > 0) {
    terminal.err << "tarn: the last " << Counted(static_cast<int64_t>(tail), "byte") << " of "
                 << view.segments.back().path.string()
                 << " are a write that is going on, or never ended; nothing of it was "
                    "acknowledged\n";
  }
  uint64_t records = 0;
  for (const WalFileView& file : view.segments) records += file.records;
  if (damage.empty() && has_uuid) {
    terminal.out << "sound: " << Counted(static_cast<int64_t>(view.segments.size()), "segment")
                 << ", " << Counted(static_cast<int64_t>(records), "record") << "\n";
    return absl::OkStatus();
  }
  terminal.err << "tarn: the log is damaged; " << Counted(static_cast<int64_t>(records), "record")
               << " in it can be read. When ingestion opens it, it sets the damaged parts aside, "
                  "and lists what stood in them among the dead letters as WAL_DAMAGED\n";
  return AlreadyReported();
}

}  // namespace

void AddWalCommand(CLI::App& program, Session& session) {
  CLI::App* wal = program.add_subcommand(
      "wal", "Read a write-ahead log where it lies, without a server; changes nothing");
  wal->require_subcommand(1);
  wal->fallthrough();
  wal->footer("Example:\n  tarn wal verify /var/lib/tarn/wal\n");

  auto options = std::make_shared<InspectOptions>();
  CLI::App* inspect = wal->add_subcommand(
      "inspect", "Show segments and streams of a log, or the frames of one segment");
  inspect->add_option("path", options->path, "The log's folder, or one segment")
      ->required()
      ->type_name("DIR|SEGMENT");
  inspect->add_flag("--json", options->json, "JSON lines instead of tables");
  inspect->add_option("--stream", options->stream, "Only this stream, by its uid")
      ->type_name("UID");
  inspect->add_flag("--records", options->records, "The records themselves");
  inspect->footer("Example:\n  tarn wal inspect /var/lib/tarn/wal --records | head\n");
  inspect->fallthrough();
  inspect->callback([&session, options] {
    session.action = [&session, options] { return Inspect(session, *options); };
  });

  auto folder = std::make_shared<std::string>();
  CLI::App* verify =
      wal->add_subcommand("verify", "Check every byte; fails and says where when one is wrong");
  verify->add_option("folder", *folder, "The log's folder")->required()->type_name("DIR");
  verify->footer("Example:\n  tarn wal verify /var/lib/tarn/wal\n");
  verify->fallthrough();
  verify->callback([&session, folder] {
    session.action = [&session, folder] { return Verify(session, *folder); };
  });
}

}  // namespace tarn::cli
