// tarn put: records into a stream, once for each file however often it is put.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/digest/sha256.h"
#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/progress_line.h"
#include "services/cli/record_batcher.h"
#include "services/cli/record_ingester.h"
#include "services/cli/record_splitter.h"
#include "services/cli/resource_name.h"
#include "services/cli/row_splitter.h"
#include "services/cli/session.h"

namespace tarn::cli {
namespace {

namespace ingestion = ::tarn::ingestion::v1;
using Stub = ingestion::IngestionService::Stub;

constexpr size_t kPieceBytes = 256 << 10;
constexpr int64_t kShownRefusals = 20;
constexpr absl::Duration kFlushTimeout = absl::Minutes(5);

struct PutOptions {
  std::string stream;
  std::string path = "-";
  std::string format = "json";
  std::string delimiter = ",";
  bool flush = false;
  bool again = false;
  bool backfill = false;
};

// Standard input as a file that can be read twice. Nobody else sees it; gone when it is closed.
class SpooledInput {
 public:
  static absl::StatusOr<SpooledInput> Spool(std::istream& in) {
    const char* folder = std::getenv("TMPDIR");
    std::string path =
        std::string(folder == nullptr || *folder == '\0' ? "/tmp" : folder) + "/tarn-put-XXXXXX";
    const int file = mkstemp(path.data());
    if (file < 0) return Unwritable(path);
    close(file);
    SpooledInput spooled(path);
    std::ofstream out(path, std::ios::binary);
    if (in.peek() != std::istream::traits_type::eof()) out << in.rdbuf();
    out.close();
    if (!out) return Unwritable(path);
    return spooled;
  }

  explicit SpooledInput(std::string path) : path_(std::move(path)) {}
  SpooledInput(SpooledInput&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  SpooledInput& operator=(SpooledInput&&) = delete;
  ~SpooledInput() {
    if (!path_.empty()) unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }

 private:
  static absl::Status Unwritable(const std::string& path) {
    return FailedPrecondition("FILE_UNWRITABLE", "standard input cannot be kept in " + path +
                                                     "; is there room? TMPDIR names another "
                                                     "folder");
  }

  std::string path_;
};

// A text of records, read as often as it is needed.
class RecordFile {
 public:
  RecordFile(std::string path, const PutOptions& options)
      : path_(std::move(path)), options_(options) {}

  // Gives the records to the batcher, and the SHA-256 of the whole text.
  absl::StatusOr<std::string> Read(RecordBatcher& batcher) {
    std::ifstream file(path_, std::ios::binary);
    if (!file.is_open()) return Unreadable();
    bool header_due = options_.format == "csv";
    const std::unique_ptr<TextSplitter> splitter =
        NewSplitter([&](const RecordText& record) -> absl::Status {
          if (!std::exchange(header_due, false)) return batcher.Add(record);
          return TakeHeader(record.bytes);
        });
    Sha256 hash;
    std::string piece(kPieceBytes, '\0');
    do {
      file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      if (file.bad()) return Unreadable();
      const std::string_view bytes(piece.data(), static_cast<size_t>(file.gcount()));
      hash.Update(bytes);
      TARN_RETURN_IF_ERROR(splitter->Add(bytes));
    } while (file.gcount() > 0);
    TARN_RETURN_IF_ERROR(splitter->Finish());
    TARN_RETURN_IF_ERROR(batcher.Finish());
    return hash.Hex();
  }

  // What the batches' payloads are; of CSV after the first reading, which finds the header.
  const ingestion::PayloadFormat& format() const { return format_; }

 private:
  std::unique_ptr<TextSplitter> NewSplitter(RecordSink sink) {
    if (options_.format == "json") {
      format_.set_format(ingestion::RECORD_FORMAT_JSON_LINES);
      return std::make_unique<RecordSplitter>(std::move(sink));
    }
    const bool csv = options_.format == "csv";
    format_.set_format(csv ? ingestion::RECORD_FORMAT_CSV : ingestion::RECORD_FORMAT_TEXT);
    return std::make_unique<RowSplitter>(csv ? options_.delimiter[0] : '\0', std::move(sink));
  }
  absl::Status TakeHeader(std::string_view line) {
    TARN_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          CsvFields(line, options_.delimiter[0]));
    format_.mutable_csv_header()->Assign(names.begin(), names.end());
    format_.set_csv_delimiter(options_.delimiter);
    return absl::OkStatus();
  }
  absl::Status Unreadable() const {
    return FailedPrecondition("FILE_UNREADABLE", path_ + " cannot be read", {{"path", path_}});
  }

  const std::string path_;
  const PutOptions& options_;
  ingestion::PayloadFormat format_;
};

// Whether every record stands on one line, so that lines are a payload of them.
bool AreLines(const RecordBatch& batch) {
  return std::none_of(batch.records.begin(), batch.records.end(), [](const std::string& record) {
    return record.find('\n') != std::string::npos;
  });
}

// A batch as one piece of text, or as a list.
template <typename Message>
void FillRecords(const RecordBatch& batch, bool as_payload, Message& message) {
  for (const std::string& record : batch.records) {
    if (as_payload) {
      message.mutable_payload()->append(record).push_back('\n');
    } else {
      message.add_records(record);
    }
  }
}

struct PutCounts {
  int64_t stored = 0;
  int64_t replayed = 0;  // had been put before
  int64_t refused = 0;
};

// Tells what becomes of the batches, and counts it.
class PutReport {
 public:
  PutReport(Terminal& terminal, int64_t batch_count)
      : terminal_(terminal), progress_(terminal), batch_count_(batch_count) {}

  void Batch(int64_t index, int64_t stored, bool replayed) {
    (replayed ? counts_.replayed : counts_.stored) += stored;
    progress_.Show(ProgressBar(static_cast<double>(index + 1) /
                               static_cast<double>(std::max<int64_t>(1, batch_count_))) +
                   "  " + Counted(counts_.stored + counts_.replayed, "record"));
  }
  void Refused(int64_t line, const std::string& reason, const std::string& message) {
    ++counts_.refused;
    if (counts_.refused > kShownRefusals) return;
    progress_.Clear();
    terminal_.err << "tarn: line " << line << ": " << reason;
    if (!message.empty()) terminal_.err << ": " << OneLine(message);
    terminal_.err << "\n";
    if (counts_.refused == kShownRefusals) terminal_.err << "tarn: further ones are counted only\n";
  }
  // Refusals that the server counted without naming them.
  void RefusedToo(int64_t count) { counts_.refused += count; }

  ProgressLine& progress() { return progress_; }
  const PutCounts& counts() const { return counts_; }

 private:
  Terminal& terminal_;
  ProgressLine progress_;
  const int64_t batch_count_;
  PutCounts counts_;
};

// A text of one batch: the answer says of each record at once whether it is JSON.
absl::Status PutAtOnce(Connection& connection, const std::string& stream, const std::string& key,
                       bool backfill, RecordFile& file, PutReport& report) {
  const auto stub = ingestion::IngestionService::NewStub(connection.channel());
  RecordBatcher batcher([&](const RecordBatch& batch) -> absl::Status {
    ingestion::PutRecordsRequest request;
    request.set_stream(stream);
    const bool json = file.format().format() == ingestion::RECORD_FORMAT_JSON_LINES;
    FillRecords(batch, /*as_payload=*/!json, request);
    if (!json) *request.mutable_format() = file.format();
    request.set_request_id(BatchRequestId(stream, key, batch.index, 1));
    request.set_backfill(backfill);
    TARN_ASSIGN_OR_RETURN(const auto response, connection.Call(*stub, &Stub::PutRecords, request));
    if (static_cast<size_t>(response.results_size()) != batch.records.size()) {
      return Internal("RESPONSE_UNREADABLE", "the server answered for " +
                                                 std::to_string(response.results_size()) + " of " +
                                                 std::to_string(batch.records.size()) + " records");
    }
    int64_t stored = 0;
    for (int i = 0; i < response.results_size(); ++i) {
      const ingestion::RecordResult& result = response.results(i);
      if (result.error_reason().empty()) {
        ++stored;
      } else {
        report.Refused(batch.lines[i], result.error_reason(), result.error_message());
      }
    }
    report.Batch(batch.index, stored, response.replayed());
    return absl::OkStatus();
  });
  return file.Read(batcher).status();
}

// A longer text, by Ingest: what an earlier time has stored is passed over.
absl::StatusOr<std::string> PutBatches(Connection& connection, const std::string& stream,
                                       const std::string& key, int64_t batch_count, bool backfill,
                                       RecordFile& file, PutReport& report) {
  RecordIngester ingester(connection,
                          {.stream = stream,
                           .producer_id = BatchRequestId(stream, key, 0, batch_count),
                           .format = file.format(),
                           .backfill = backfill},
                          [&](const ingestion::IngestAck& ack, const std::vector<int64_t>& lines) {
                            for (const ingestion::RefusedRecord& refused : ack.refused()) {
                              const auto index = static_cast<size_t>(refused.index());
                              report.Refused(index < lines.size() ? lines[index] : 0,
                                             refused.reason(), refused.message());
                            }
                            report.RefusedToo(ack.refused_count() - ack.refused_size());
                            report.Batch(ack.sequence() - 1, ack.record_count(), ack.duplicate());
                          });
  TARN_ASSIGN_OR_RETURN(const int64_t last, ingester.Open());
  RecordBatcher batcher([&](const RecordBatch& batch) -> absl::Status {
    if (batch.index < last) {
      report.Batch(batch.index, static_cast<int64_t>(batch.records.size()), /*replayed=*/true);
      return absl::OkStatus();
    }
    ingestion::IngestBatch message;
    message.set_sequence(batch.index + 1);
    const bool json = file.format().format() == ingestion::RECORD_FORMAT_JSON_LINES;
    FillRecords(batch, /*as_payload=*/!json || AreLines(batch), message);
    return ingester.Send(std::move(message), batch.lines);
  });
  TARN_ASSIGN_OR_RETURN(std::string sha256, file.Read(batcher));
  TARN_RETURN_IF_ERROR(ingester.Finish());
  return sha256;
}

absl::Status Flush(Connection& connection, const std::string& stream, ProgressLine& progress) {
  const auto stub = ingestion::IngestionService::NewStub(connection.channel());
  progress.Show("waiting for delivery …");
  ingestion::FlushStreamRequest request;
  request.set_name(stream);
  request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(kFlushTimeout));
  const absl::Status status =
      connection.Call(*stub, &Stub::FlushStream, request, kFlushTimeout + absl::Seconds(15))
          .status();
  progress.Clear();
  return status;
}

std::string Summary(const std::string& stream, const PutCounts& counts) {
  std::string text = ShortName(stream) + ": " + Counted(counts.stored, "record") + " stored";
  if (counts.replayed > 0) {
    text += ", " + WithThousands(counts.replayed) + " had been put before";
  }
  if (counts.refused > 0) text += ", " + WithThousands(counts.refused) + " refused";
  return text;
}

absl::Status PutFile(Session& session, const std::string& path, const std::string& stream,
                     const PutOptions& options) {
  // Twice over the text: the key of its batches names the whole, and how many there are.
  RecordFile file(path, options);
  RecordBatcher counter([](const RecordBatch&) { return absl::OkStatus(); });
  TARN_ASSIGN_OR_RETURN(const std::string sha256, file.Read(counter));
  const int64_t batch_count = counter.batch_count();
  std::string key = options.again ? NewUuid() : sha256;
  // Read otherwise, the same text is other records.
  if (options.format != "json") key += "\n" + options.format + options.delimiter;

  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  PutReport report(session.terminal(), batch_count);
  absl::Status put;
  std::string sha256_again = sha256;
  if (batch_count <= 1) {
    put = PutAtOnce(*connection, stream, key, options.backfill, file, report);
  } else {
    absl::StatusOr<std::string> again =
        PutBatches(*connection, stream, key, batch_count, options.backfill, file, report);
    put = again.status();
    if (again.ok()) sha256_again = *std::move(again);
  }
  report.progress().Clear();
  const std::string summary = Summary(stream, report.counts());
  if (!put.ok()) return Annotate(put, summary + "; the same command goes on from there");
  if (sha256_again != sha256) {
    return FailedPrecondition("FILE_CHANGED", path + " changed while it was read; " + summary);
  }
  if (options.flush) TARN_RETURN_IF_ERROR(Flush(*connection, stream, report.progress()));
  session.terminal().out << summary << (options.flush ? "; all delivered" : "") << std::endl;
  return report.counts().refused > 0 ? AlreadyReported() : absl::OkStatus();
}

absl::Status Put(Session& session, const PutOptions& options) {
  TARN_ASSIGN_OR_RETURN(const std::string stream, FullName("streams/{stream}", options.stream));
  if (options.path != "-") return PutFile(session, options.path, stream, options);
  Terminal& terminal = session.terminal();
  if (terminal.in_is_tty) terminal.err << "tarn: type JSON records, Ctrl-D ends\n";
  TARN_ASSIGN_OR_RETURN(const SpooledInput spooled, SpooledInput::Spool(terminal.in));
  return PutFile(session, spooled.path(), stream, options);
}

}  // namespace

void AddPutCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<PutOptions>();
  CLI::App* command = program.add_subcommand("put", "Put records into a stream");
  command->add_option("stream", options->stream, "The stream")->required()->type_name("STREAM");
  command
      ->add_option("file", options->path,
                   "JSON: one record a line, or one array; - or none for standard input")
      ->type_name("FILE");
  command->add_option("--format", options->format, "What the file is: json, csv or text")
      ->check(CLI::IsMember({"json", "csv", "text"}))
      ->type_name("FORMAT");
  command
      ->add_option("--delimiter", options->delimiter,
                   "Of CSV: the character between two fields (default a comma)")
      ->check([](const std::string& text) {
        const bool fits = text.size() == 1 && text != "\"" && text != "\n" && text != "\r";
        return fits ? std::string() : std::string("must be one character");
      })
      ->type_name("CHARACTER");
  command->add_flag("--flush", options->flush, "Wait until the records are in the table");
  command->add_flag("--again", options->again,
                    "Store the records also when the same file was put before");
  command->add_flag("--backfill", options->backfill,
                    "Fill in history: in large batches, behind what arrives live");
  command->footer(
      "A file that is put again within a day changes nothing, also when the first time broke off.\n"
      "The first line of CSV is its header; a line of text becomes {\"line\": …}. Of a long file, "
      "what\n"
      "turns out not to be JSON goes to the stream's dead letters.\n"
      "\n"
      "Example:\n"
      "  tarn put device_messages raw_data_large.json --flush\n"
      "  echo '{\"device\": \"a\", \"ts\": 1594598735}' | tarn put device_messages\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Put(session, *options); };
  });
}

}  // namespace tarn::cli
