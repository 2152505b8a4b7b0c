#include "services/query/worker/worker_session.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <signal.h>
#include <string.h>
#include <thread>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sys/prctl.h>

#include "common/duckdb/database.h"
#include "common/duckdb/row_writer.h"
#include "common/duckdb/sql_text.h"
#include "common/duckdb/sql_tree.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "services/query/sql/bound_check.h"
#include "services/query/worker/frame_io.h"
#include "services/query/worker/table_output.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {
namespace {

namespace wire = worker;
using duckdb::Chunk;
using duckdb::QuoteLiteral;

// What the reading thread hands to the working one.
class RequestQueue {
 public:
  void Push(wire::WorkerRequest request) {
    std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    changed_.notify_one();
  }
  wire::WorkerRequest Pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !requests_.empty(); });
    wire::WorkerRequest request = std::move(requests_.front());
    requests_.pop_front();
    return request;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<wire::WorkerRequest> requests_;
};

void FillSchema(const duckdb::Schema& schema, wire::ResultSchema* out) {
  for (const duckdb::Column& column : schema) {
    wire::ResultSchema::Column* described = out->add_columns();
    described->set_name(column.name);
    auto field = table_schema::FieldFromEngine(column.name, column.type);
    if (field.ok()) {
      described->set_display_type(table_schema::DisplayTypeOf(*field));
      *described->mutable_field() = *std::move(field);
    } else {
      described->set_display_type(column.type.ToSqlString());
      described->set_problem(std::string(field.status().message()));
    }
  }
}

// A row as a JSON array, in the order of the columns.
void AppendJsonArray(const Chunk& chunk, uint64_t row, std::string& out) {
  out.push_back('[');
  for (size_t column = 0; column < chunk.column_count(); ++column) {
    if (column > 0) out.push_back(',');
    duckdb::AppendJsonValue(chunk.column(column), row, out);
  }
  out.append("]\n");
}

class Session {
 public:
  explicit Session(int fd) : fd_(fd) {}

  void Serve() {
    std::thread([this] { ReadRequests(); }).detach();
    while (true) {
      const wire::WorkerRequest request = queue_.Pop();
      const absl::Status status = Handle(request);
      busy_ = false;
      if (!status.ok() && !Fail(status).ok()) return;
    }
  }

 private:
  // Ends the process with the socket: whoever asked is gone.
  void ReadRequests() {
    while (true) {
      wire::WorkerRequest request;
      if (!ReadFrame(fd_, &request).ok()) ::_exit(0);
      if (request.has_cancel()) {
        if (!busy_) continue;
        cancelled_ = true;
        std::lock_guard lock(connection_mutex_);
        if (connection_.has_value()) connection_->Interrupt();
        continue;
      }
      cancelled_ = false;
      busy_ = true;
      queue_.Push(std::move(request));
    }
  }

  absl::Status Handle(const wire::WorkerRequest& request) {
    switch (request.request_case()) {
      case wire::WorkerRequest::kOpen:
        TARN_RETURN_IF_ERROR(Open(request.open()));
        return Finish({});
      case wire::WorkerRequest::kParse:
        return Parse(request.parse());
      case wire::WorkerRequest::kParseTypes:
        return ParseTypes(request.parse_types());
      case wire::WorkerRequest::kExecute:
        return Execute(request.execute());
      default:
        return Internal("FRAME_MALFORMED", "a request without content");
    }
  }

  absl::Status Open(const wire::Open& open) {
    duckdb::DatabaseOptions options;
    options.threads = open.threads();
    options.memory_limit_bytes = open.memory_limit_bytes();
    options.temp_directory = open.temp_directory();
    options.allowed_directories = {open.allowed_directories().begin(),
                                   open.allowed_directories().end()};
    options.lock_down = true;
    TARN_ASSIGN_OR_RETURN(duckdb::Database database, duckdb::Database::Open(options));
    TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, database.Connect());
    std::lock_guard lock(connection_mutex_);
    connection_.emplace(std::move(connection));
    return absl::OkStatus();
  }

  absl::Status Parse(const wire::Parse& parse) {
    TARN_ASSIGN_OR_RETURN(std::string tree, duckdb::SelectToTree(*connection_, parse.sql()));
    wire::WorkerResponse response;
    response.mutable_parsed()->set_tree_json(std::move(tree));
    return WriteFrame(fd_, response);
  }

  absl::Status ParseTypes(const wire::ParseTypes& types) {
    duckdb::Schema schema;
    for (int i = 0; i < types.names_size(); ++i) {
      // The type stands inside a SELECT that must be one, so that nothing else can be smuggled in.
      const std::string sql = "SELECT CAST(NULL AS " + types.sql_types(i) + ")";
      auto tree = duckdb::SelectToTree(*connection_, sql);
      TARN_RETURN_IF_ERROR(Annotate(tree.status(), types.names(i)));
      TARN_RETURN_IF_ERROR(Annotate(CheckIsOneCast(nlohmann::json::parse(*tree)), types.names(i)));
      auto prepared = connection_->Prepare(sql);
      TARN_RETURN_IF_ERROR(Annotate(prepared.status(), types.names(i)));
      duckdb::Schema one = prepared->schema();
      if (one.size() != 1) {
        return InvalidArgument("SQL_ERROR", types.names(i) + ": expected one type");
      }
      schema.push_back({types.names(i), one[0].type});
    }
    wire::WorkerResponse response;
    FillSchema(schema, response.mutable_schema());
    return WriteFrame(fd_, response);
  }

  absl::Status Configure(const wire::Execute& execute) {
    TARN_RETURN_IF_ERROR(connection_->Execute(
        "SET memory_limit = " + QuoteLiteral(std::to_string(execute.memory_limit_bytes()) + "B")));
    TARN_RETURN_IF_ERROR(
        connection_->Execute("SET threads = " + std::to_string(execute.threads())));
    const std::string zone = execute.time_zone().empty() ? "UTC" : execute.time_zone();
    return connection_->Execute("SET TimeZone = " + QuoteLiteral(zone));
  }

  absl::Status Execute(const wire::Execute& execute) {
    TARN_RETURN_IF_ERROR(Configure(execute));
    TARN_ASSIGN_OR_RETURN(std::string sql, duckdb::TreeToSelect(*connection_, execute.tree_json()));
    TARN_ASSIGN_OR_RETURN(const std::string bound, duckdb::SelectToTree(*connection_, sql));
    TARN_RETURN_IF_ERROR(CheckBound(nlohmann::json::parse(bound)));
    if (cancelled_) return absl::CancelledError("the statement was cancelled");
    switch (execute.output_case()) {
      case wire::Execute::kRows:
        return Stream(sql, execute.rows());
      case wire::Execute::kExplain: {
        wire::RowsOutput rows;
        rows.set_format(wire::RowsOutput::FORMAT_JSON_ROWS);
        rows.set_max_rows(1000);
        return Stream("EXPLAIN " + sql, rows);
      }
      case wire::Execute::kDescribe:
        return Describe(sql);
      case wire::Execute::kTable: {
        TARN_ASSIGN_OR_RETURN(wire::Done done, WriteTable(*connection_, sql, execute.table()));
        return Finish(std::move(done));
      }
      case wire::Execute::kFile: {
        TARN_ASSIGN_OR_RETURN(wire::Done done, WriteExport(*connection_, sql, execute.file()));
        return Finish(std::move(done));
      }
      default:
        return Internal("FRAME_MALFORMED", "a request without an output");
    }
  }

  absl::Status Describe(const std::string& sql) {
    TARN_ASSIGN_OR_RETURN(duckdb::PreparedStatement statement, connection_->Prepare(sql));
    wire::WorkerResponse response;
    FillSchema(statement.schema(), response.mutable_schema());
    return WriteFrame(fd_, response);
  }

  absl::Status Stream(const std::string& sql, const wire::RowsOutput& output) {
    TARN_ASSIGN_OR_RETURN(duckdb::ResultStream stream, connection_->Stream(sql));
    const bool csv = output.format() == wire::RowsOutput::FORMAT_CSV;
    const duckdb::CsvRowWriter csv_writer;
    wire::WorkerResponse response;
    FillSchema(stream.schema(), response.mutable_schema());
    TARN_RETURN_IF_ERROR(WriteFrame(fd_, response));

    std::string batch;
    int64_t batch_rows = 0;
    int64_t rows = 0;
    if (csv) csv_writer.AppendHeader(stream.schema(), batch);
    const int64_t batch_bytes = output.batch_bytes() > 0 ? output.batch_bytes() : 256 << 10;
    auto flush = [&]() -> absl::Status {
      wire::WorkerResponse full;
      full.mutable_rows()->set_data(std::move(batch));
      full.mutable_rows()->set_row_count(batch_rows);
      batch.clear();
      batch_rows = 0;
      return WriteFrame(fd_, full);
    };
    while (true) {
      TARN_ASSIGN_OR_RETURN(std::optional<Chunk> chunk, stream.Next());
      if (!chunk.has_value()) break;
      if (cancelled_) return absl::CancelledError("the statement was cancelled");
      for (uint64_t row = 0; row < chunk->size(); ++row) {
        if (output.max_rows() > 0 && rows == output.max_rows()) {
          return ResourceExhausted("RESULT_TOO_LARGE",
                                   "the result has more than " + std::to_string(output.max_rows()) +
                                       " rows; add a LIMIT, aggregate, or export it to a file");
        }
        if (csv) {
          csv_writer.AppendRow(*chunk, row, batch);
        } else {
          AppendJsonArray(*chunk, row, batch);
        }
        ++rows;
        ++batch_rows;
        if (static_cast<int64_t>(batch.size()) >= batch_bytes) TARN_RETURN_IF_ERROR(flush());
      }
    }
    if (!batch.empty()) TARN_RETURN_IF_ERROR(flush());
    wire::Done done;
    done.set_row_count(rows);
    return Finish(std::move(done));
  }

  absl::Status Finish(wire::Done done) {
    wire::WorkerResponse response;
    *response.mutable_done() = std::move(done);
    busy_ = false;
    return WriteFrame(fd_, response);
  }

  absl::Status Fail(const absl::Status& status) {
    // A broken instance cannot be mended: the service starts another worker.
    if (duckdb::IsEngineFatal(status)) ::_exit(3);
    wire::WorkerResponse response;
    wire::Failure* failure = response.mutable_failure();
    failure->set_code(static_cast<int>(status.code()));
    failure->set_reason(ErrorReason(status));
    failure->set_message(std::string(status.message()));
    for (auto& [key, value] : ErrorMetadataOf(status)) (*failure->mutable_metadata())[key] = value;
    return WriteFrame(fd_, response);
  }

  const int fd_;
  RequestQueue queue_;
  std::mutex
      connection_mutex_;  // guards only the existence of connection_ against the reading thread
  std::optional<duckdb::Connection> connection_;
  std::atomic<bool> busy_ = false;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace

bool IsWorkerCommand(int argc, char** argv) {
  return argc >= 2 && ::strncmp(argv[1], kWorkerFlag, sizeof kWorkerFlag - 1) == 0;
}

int RunWorker(int argc, char** argv) {
  ::prctl(PR_SET_NAME, "tarn-worker");
  // A terminal's Ctrl-C is for the service, which ends its workers itself.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  Session session(std::atoi(argv[argc >= 2 ? 1 : 0] + sizeof kWorkerFlag - 1));
  session.Serve();
  return 0;
}

}  // namespace tarn::query
