// tarn put: JSON records into a stream, once for each file however often it is put.
#include <cstdlib>
#include <fstream>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/progress_line.h"
#include "services/cli/record_batcher.h"
#include "services/cli/record_splitter.h"
#include "services/cli/resource_name.h"
#include "services/cli/session.h"
#include "services/cli/sha256.h"

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
  bool flush = false;
  bool again = false;
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

// What one reading of the text finds: its hash, and its records on their way to the batcher.
class RecordFile {
 public:
  explicit RecordFile(std::string path) : path_(std::move(path)) {}

  // Calls `on_batch` with each batch; gives the SHA-256 of the whole text.
  absl::StatusOr<std::string> Read(RecordBatcher& batcher) const {
    std::ifstream file(path_, std::ios::binary);
    if (!file.is_open()) return Unreadable();
    RecordSplitter splitter([&](const RecordText& record) { return batcher.Add(record); });
    Sha256 hash;
    std::string piece(kPieceBytes, '\0');
    do {
      file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      if (file.bad()) return Unreadable();
      const std::string_view bytes(piece.data(), static_cast<size_t>(file.gcount()));
      hash.Update(bytes);
      TARN_RETURN_IF_ERROR(splitter.Add(bytes));
    } while (file.gcount() > 0);
    TARN_RETURN_IF_ERROR(splitter.Finish());
    TARN_RETURN_IF_ERROR(batcher.Finish());
    return hash.Finish();
  }

 private:
  absl::Status Unreadable() const {
    return FailedPrecondition("FILE_UNREADABLE", path_ + " cannot be read", {{"path", path_}});
  }

  const std::string path_;
};

struct PutCounts {
  int64_t stored = 0;
  int64_t replayed = 0;  // had been put before
  int64_t refused = 0;
};

class RecordPutter {
 public:
  RecordPutter(Connection& connection, std::string stream, Terminal& terminal)
      : connection_(connection),
        stream_(std::move(stream)),
        stub_(ingestion::IngestionService::NewStub(connection.channel())),
        terminal_(terminal),
        progress_(terminal) {}

  absl::Status Put(const RecordBatch& batch, const std::string& request_id, int64_t batch_count) {
    ingestion::PutRecordsRequest request;
    request.set_stream(stream_);
    for (const std::string& record : batch.records) request.add_records(record);
    request.set_request_id(request_id);
    TARN_ASSIGN_OR_RETURN(const auto response,
                          connection_.Call(*stub_, &Stub::PutRecords, request));
    if (response.results_size() != request.records_size()) {
      return Internal("RESPONSE_UNREADABLE",
                      "the server answered for " + std::to_string(response.results_size()) +
                          " of " + std::to_string(request.records_size()) + " records");
    }
    int64_t stored = 0;
    for (int i = 0; i < response.results_size(); ++i) {
      if (response.results(i).error_reason().empty()) {
        ++stored;
      } else {
        Refuse(batch.lines[i], response.results(i));
      }
    }
    (response.replayed() ? counts_.replayed : counts_.stored) += stored;
    progress_.Show(ProgressBar(static_cast<double>(batch.index + 1) /
                               static_cast<double>(std::max<int64_t>(1, batch_count))) +
                   "  " + Counted(counts_.stored + counts_.replayed, "record"));
    return absl::OkStatus();
  }

  absl::Status Flush() {
    progress_.Show("waiting for delivery …");
    ingestion::FlushStreamRequest request;
    request.set_name(stream_);
    request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(kFlushTimeout));
    const absl::Status status =
        connection_.Call(*stub_, &Stub::FlushStream, request, kFlushTimeout + absl::Seconds(15))
            .status();
    progress_.Clear();
    return status;
  }

  void ClearProgress() { progress_.Clear(); }
  const PutCounts& counts() const { return counts_; }

 private:
  void Refuse(int64_t line, const ingestion::RecordResult& result) {
    ++counts_.refused;
    if (counts_.refused > kShownRefusals) return;
    progress_.Clear();
    terminal_.err << "tarn: line " << line << ": " << result.error_reason();
    if (!result.error_message().empty()) terminal_.err << ": " << OneLine(result.error_message());
    terminal_.err << "\n";
    if (counts_.refused == kShownRefusals) terminal_.err << "tarn: further ones are counted only\n";
  }

  Connection& connection_;
  const std::string stream_;
  const std::unique_ptr<Stub> stub_;
  Terminal& terminal_;
  ProgressLine progress_;
  PutCounts counts_;
};

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
  // Twice over the text: the key of a batch names the whole, and how many batches it has.
  const RecordFile file(path);
  RecordBatcher counter([](const RecordBatch&) { return absl::OkStatus(); });
  TARN_ASSIGN_OR_RETURN(const std::string sha256, file.Read(counter));
  const int64_t batch_count = counter.batch_count();
  const std::string key = options.again ? NewUuid() : sha256;

  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  RecordPutter putter(*connection, stream, session.terminal());
  RecordBatcher batcher([&](const RecordBatch& batch) {
    return putter.Put(batch, BatchRequestId(stream, key, batch.index, batch_count), batch_count);
  });
  const absl::StatusOr<std::string> sha256_again = file.Read(batcher);
  putter.ClearProgress();
  if (!sha256_again.ok()) {
    return Annotate(sha256_again.status(),
                    Summary(stream, putter.counts()) + "; the same command goes on from there");
  }
  if (*sha256_again != sha256) {
    return FailedPrecondition(
        "FILE_CHANGED", path + " changed while it was read; " + Summary(stream, putter.counts()));
  }
  if (options.flush) TARN_RETURN_IF_ERROR(putter.Flush());
  session.terminal().out << Summary(stream, putter.counts())
                         << (options.flush ? "; all delivered" : "") << std::endl;
  return putter.counts().refused > 0 ? AlreadyReported() : absl::OkStatus();
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
  CLI::App* command = program.add_subcommand("put", "Put JSON records into a stream");
  command->add_option("stream", options->stream, "The stream")->required()->type_name("STREAM");
  command
      ->add_option("file", options->path,
                   "One record a line, or one array; - or none for standard input")
      ->type_name("FILE");
  command->add_flag("--flush", options->flush, "Wait until the records are in the table");
  command->add_flag("--again", options->again,
                    "Store the records also when the same file was put before");
  command->footer(
      "A file that is put again within a day changes nothing, also when the first time broke off.\n"
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
