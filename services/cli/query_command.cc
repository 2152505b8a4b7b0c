// tarn query: one SQL statement, its rows on standard output.
#include <iterator>
#include <memory>

#include <CLI/CLI.hpp>
#include <absl/time/clock.h>

#include "tarn/query/v1/query_service.grpc.pb.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/cli/commands.h"
#include "services/cli/display_text.h"
#include "services/cli/error_report.h"
#include "services/cli/interrupt.h"
#include "services/cli/key_value.h"
#include "services/cli/progress_line.h"
#include "services/cli/result_writer.h"
#include "services/cli/session.h"
#include "services/cli/sql_error.h"

namespace tarn::cli {
namespace {

namespace query = ::tarn::query::v1;

// The server ends a query at its timeout and says so; the call waits a little longer for that.
constexpr absl::Duration kTimeoutMargin = absl::Seconds(15);

struct QueryOptions {
  std::string sql;
  std::string format = "table";
  std::string database;
  std::vector<std::string> parameters;
  std::string timeout;
  std::string time_zone;
};

std::unique_ptr<ResultWriter> NewWriter(const std::string& format, Terminal& terminal) {
  if (format == "csv") return NewCsvWriter(terminal);
  if (format == "json") return NewJsonWriter(terminal);
  return NewTableWriter(terminal);
}

absl::StatusOr<std::string> ReadSql(const QueryOptions& options, Terminal& terminal) {
  if (!options.sql.empty() && options.sql != "-") return options.sql;
  if (terminal.in_is_tty && options.sql.empty()) {
    return UsageError("give a statement, or write one to standard input");
  }
  std::string sql(std::istreambuf_iterator<char>(terminal.in), {});
  if (sql.find_first_not_of(" \t\r\n") == std::string::npos) {
    return UsageError("there is no statement on standard input");
  }
  return sql;
}

absl::StatusOr<absl::Duration> ReadTimeout(const std::string& text) {
  if (text.empty()) return absl::InfiniteDuration();
  absl::Duration timeout;
  if (!absl::ParseDuration(text, &timeout) || timeout <= absl::ZeroDuration()) {
    return UsageError("--timeout takes a duration such as 30s, 5m or 1h, not '" + text + "'");
  }
  return timeout;
}

absl::StatusOr<query::ExecuteQueryRequest> ToRequest(const QueryOptions& options,
                                                     const std::string& sql, absl::Duration timeout,
                                                     bool csv) {
  query::ExecuteQueryRequest request;
  query::Statement* statement = request.mutable_statement();
  statement->set_sql(sql);
  statement->set_default_database(options.database);
  statement->set_time_zone(options.time_zone);
  statement->set_source("cli");
  TARN_ASSIGN_OR_RETURN(const auto parameters, ParseKeyValues("--param", options.parameters));
  for (const auto& [name, value] : parameters) {
    (*statement->mutable_parameters())[name].set_string_value(value);
  }
  if (timeout != absl::InfiniteDuration()) {
    auto* limit = statement->mutable_limits()->mutable_timeout();
    limit->set_seconds(absl::IDivDuration(timeout, absl::Seconds(1), &timeout));
    limit->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(timeout)));
  }
  request.set_format(csv ? query::RESULT_FORMAT_CSV : query::RESULT_FORMAT_JSON_ROWS);
  return request;
}

// One execution of a statement.
class QueryExecution {
 public:
  QueryExecution(Session& session, ResultWriter& writer)
      : writer_(writer), progress_(session.terminal()) {}

  absl::Status Run(Connection& connection, const query::ExecuteQueryRequest& request,
                   absl::Duration timeout) {
    TARN_ASSIGN_OR_RETURN(const rpc::Credentials credentials, connection.GetCredentials());
    grpc::ClientContext context;
    rpc::PrepareContext(context, credentials, timeout + kTimeoutMargin);
    InterruptListener interrupt([&context] { context.TryCancel(); });
    auto stub = query::QueryService::NewStub(connection.channel());
    auto reader = stub->ExecuteQuery(&context, request);
    query::ResultChunk chunk;
    while (reader->Read(&chunk)) Take(chunk);
    const absl::Status status = rpc::FromGrpcStatus(reader->Finish());
    progress_.Clear();
    if (interrupt.interrupted() && !status.ok()) {
      return MakeError(absl::StatusCode::kCancelled, "QUERY_CANCELLED", "the query was cancelled");
    }
    return status;
  }

  // Whether anything was heard of the query: then it was accepted, and must not be sent again.
  bool has_begun() const { return has_begun_; }
  const query::Query& query() const { return query_; }
  int64_t row_count() const { return row_count_; }

 private:
  void Take(const query::ResultChunk& chunk) {
    has_begun_ = true;
    switch (chunk.content_case()) {
      case query::ResultChunk::kQuery:
        query_ = chunk.query();
        progress_.Show("running …");
        break;
      case query::ResultChunk::kSchema:
        progress_.Clear();
        writer_.Begin(chunk.schema());
        break;
      case query::ResultChunk::kRows:
        progress_.Clear();
        writer_.Write(chunk.rows().data());
        row_count_ += chunk.rows().row_count();
        break;
      default:
        break;
    }
  }

  ResultWriter& writer_;
  ProgressLine progress_;
  query::Query query_;
  int64_t row_count_ = 0;
  bool has_begun_ = false;
};

// What a statement that returns no rows has done.
std::string WrittenText(const query::Query& query) {
  const std::string rows = Counted(query.statistics().row_count(), "row");
  switch (query.statement_type()) {
    case query::STATEMENT_TYPE_CREATE_TABLE_AS:
    case query::STATEMENT_TYPE_INSERT:
    case query::STATEMENT_TYPE_INSERT_OVERWRITE:
      return rows + " written" +
             (query.written_snapshot().empty() ? "" : " (" + query.written_snapshot() + ")");
    case query::STATEMENT_TYPE_CREATE_VIEW:
    case query::STATEMENT_TYPE_CREATE_DATABASE:
    case query::STATEMENT_TYPE_CREATE_TABLE:
      return "created";
    case query::STATEMENT_TYPE_DROP:
      return "dropped";
    default:
      return "";
  }
}

void ReportSuccess(Terminal& terminal, const QueryOptions& options, const QueryExecution& execution,
                   absl::Duration elapsed) {
  const std::string written = WrittenText(execution.query());
  if (!written.empty() && options.format == "table") terminal.out << written << "\n";
  terminal.out.flush();
  if (!terminal.err_is_tty) return;
  std::string summary = DurationText(elapsed);
  if (written.empty()) summary = Counted(execution.row_count(), "row") + ", " + summary;
  if (const int64_t bytes = execution.query().statistics().bytes_read(); bytes > 0) {
    summary += ", " + BytesText(bytes) + " read";
  }
  terminal.err << terminal.OnErr(Style::kDim, summary) << "\n";
}

absl::Status Query(Session& session, const QueryOptions& options) {
  Terminal& terminal = session.terminal();
  TARN_ASSIGN_OR_RETURN(const std::string sql, ReadSql(options, terminal));
  TARN_ASSIGN_OR_RETURN(const absl::Duration timeout, ReadTimeout(options.timeout));
  const std::unique_ptr<ResultWriter> writer = NewWriter(options.format, terminal);
  TARN_ASSIGN_OR_RETURN(const query::ExecuteQueryRequest request,
                        ToRequest(options, sql, timeout, writer->WantsCsv()));
  TARN_ASSIGN_OR_RETURN(Connection * connection, session.GetConnection());
  const absl::Time begin = absl::Now();
  QueryExecution execution(session, *writer);
  rpc::RetryPolicy retry = connection->options().retry;
  if (!IsReadOnly(sql)) retry.max_attempts = 1;
  absl::Status status = absl::OkStatus();
  for (int attempt = 1;; ++attempt) {
    status = execution.Run(*connection, request, timeout);
    const bool again = status.code() == absl::StatusCode::kUnavailable && !execution.has_begun();
    if (!again || attempt >= retry.max_attempts) break;
    SystemClock().SleepFor(rpc::RetryBackoff(retry, attempt));
  }
  writer->End();
  if (status.ok()) {
    ReportSuccess(terminal, options, execution, absl::Now() - begin);
    return status;
  }
  terminal.out.flush();
  ReportError(session, status);
  terminal.err << PointAtError(sql, status);
  return AlreadyReported();
}

}  // namespace

void AddQueryCommand(CLI::App& program, Session& session) {
  auto options = std::make_shared<QueryOptions>();
  CLI::App* command = program.add_subcommand("query", "Run one SQL statement");
  command->add_option("sql", options->sql, "The statement; - or none for standard input")
      ->type_name("SQL");
  command->add_option("--format", options->format, "table, csv or json (one object a line)")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->type_name("FORMAT");
  command->add_option("--database", options->database, "Where unqualified names are looked up")
      ->type_name("DATABASE");
  command->add_option("--param", options->parameters, "A value for $KEY; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command->add_option("--timeout", options->timeout, "The longest time, such as 30s")
      ->type_name("DURATION");
  command->add_option("--time-zone", options->time_zone, "Of the session; default UTC")
      ->type_name("ZONE");
  command->footer(
      "Example:\n"
      "  tarn query 'SELECT device, sum(cost) FROM smart_hub.usage_enriched GROUP BY ALL'\n"
      "  tarn query --format csv --param home=b6a8d42425fde548 \\\n"
      "    'SELECT * FROM smart_hub.usage_enriched WHERE loc_id = $home' > home.csv\n"
      "  tarn query --database smart_hub < report.sql\n");
  command->fallthrough();
  command->callback([&session, options] {
    session.action = [&session, options] { return Query(session, *options); };
  });
}

}  // namespace tarn::cli
