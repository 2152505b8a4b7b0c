#include "common/duckdb/database.h"

#include <duckdb.h>
#include <limits>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/duckdb/engine_convert.h"
#include "common/duckdb/engine_error.h"
#include "common/duckdb/row_source_function.h"
#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::duckdb {
namespace internal {

struct DatabaseState {
  duckdb_database database = nullptr;
  bool track_progress = false;
  ~DatabaseState() { duckdb_close(&database); }
};

struct ConnectionState {
  std::shared_ptr<DatabaseState> database;
  duckdb_connection connection = nullptr;
  ~ConnectionState() { duckdb_disconnect(&connection); }
};

struct StatementState {
  std::shared_ptr<ConnectionState> connection;
  duckdb_prepared_statement statement = nullptr;
  ~StatementState() { duckdb_destroy_prepare(&statement); }
};

struct ResultState {
  std::shared_ptr<ConnectionState> connection;
  duckdb_result result = {};
  std::shared_ptr<const Schema> schema;
  ReturnKind return_kind = ReturnKind::kNothing;
  absl::Status error;
  bool finished = false;
  ~ResultState() { duckdb_destroy_result(&result); }

  void ReadSchema();
  absl::StatusOr<std::optional<Chunk>> Next();
  absl::StatusOr<QueryResult> ReadAll();
};

void ResultState::ReadSchema() {
  auto columns = std::make_shared<Schema>();
  for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
    duckdb_logical_type type = duckdb_column_logical_type(&result, i);
    columns->push_back(Column{duckdb_column_name(&result, i), TypeFromEngine(type)});
    duckdb_destroy_logical_type(&type);
  }
  schema = std::move(columns);
  switch (duckdb_result_return_type(result)) {
    case DUCKDB_RESULT_TYPE_CHANGED_ROWS:
      return_kind = ReturnKind::kChangedRows;
      break;
    case DUCKDB_RESULT_TYPE_QUERY_RESULT:
      return_kind = ReturnKind::kRows;
      break;
    default:
      return_kind = ReturnKind::kNothing;
  }
}

absl::StatusOr<std::optional<Chunk>> ResultState::Next() {
  while (!finished) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk == nullptr) {
      // No more rows and a failure look alike; only the result's error tells them apart.
      finished = true;
      if (const char* text = duckdb_result_error(&result); text != nullptr && *text != '\0') {
        error = ErrorOfResult(result);
      }
      break;
    }
    if (duckdb_data_chunk_get_size(chunk) == 0) {
      duckdb_destroy_data_chunk(&chunk);
      continue;
    }
    return ChunkBuilder::Build(chunk, schema, connection);
  }
  if (!error.ok()) return error;
  return std::optional<Chunk>();
}

absl::StatusOr<QueryResult> ResultState::ReadAll() {
  ReadSchema();
  QueryResult out;
  out.schema_ = schema;
  out.return_kind_ = return_kind;
  out.rows_changed_ = duckdb_rows_changed(&result);
  while (true) {
    TARN_ASSIGN_OR_RETURN(std::optional<Chunk> chunk, Next());
    if (!chunk) return out;
    out.row_count_ += chunk->size();
    out.chunks_.push_back(std::move(*chunk));
  }
}

}  // namespace internal

namespace {

StatementKind KindFromEngine(duckdb_statement_type type) {
  switch (type) {
    case DUCKDB_STATEMENT_TYPE_SELECT:
      return StatementKind::kSelect;
    case DUCKDB_STATEMENT_TYPE_INSERT:
      return StatementKind::kInsert;
    case DUCKDB_STATEMENT_TYPE_UPDATE:
      return StatementKind::kUpdate;
    case DUCKDB_STATEMENT_TYPE_DELETE:
      return StatementKind::kDelete;
    case DUCKDB_STATEMENT_TYPE_CREATE:
      return StatementKind::kCreate;
    case DUCKDB_STATEMENT_TYPE_COPY:
      return StatementKind::kCopy;
    case DUCKDB_STATEMENT_TYPE_EXPLAIN:
      return StatementKind::kExplain;
    case DUCKDB_STATEMENT_TYPE_SET:
    case DUCKDB_STATEMENT_TYPE_VARIABLE_SET:
    case DUCKDB_STATEMENT_TYPE_PRAGMA:
      return StatementKind::kSet;
    case DUCKDB_STATEMENT_TYPE_TRANSACTION:
      return StatementKind::kTransaction;
    case DUCKDB_STATEMENT_TYPE_DROP:
      return StatementKind::kDrop;
    case DUCKDB_STATEMENT_TYPE_ALTER:
      return StatementKind::kAlter;
    case DUCKDB_STATEMENT_TYPE_ATTACH:
      return StatementKind::kAttach;
    default:
      return StatementKind::kOther;
  }
}

// What every connection of an instance that tracks progress sets for itself: the engine has no
// global form of these.
constexpr const char* kProgressSettings[][2] = {{"enable_progress_bar", "true"},
                                                {"enable_progress_bar_print", "false"},
                                                {"progress_bar_time", "0"}};

std::string SetGlobal(const std::string& name, const std::string& value) {
  return "SET GLOBAL " + QuoteIdentifier(name) + " = " + value;
}

// The settings of an instance, in the order in which they must be made: the lock is the last.
std::vector<std::string> SettingStatements(const DatabaseOptions& options) {
  std::vector<std::string> sql = {
      SetGlobal("errors_as_json", "true"),
      SetGlobal("lambda_syntax", "'ENABLE_SINGLE_ARROW'"),
      SetGlobal("autoinstall_known_extensions", "false"),
      SetGlobal("autoload_known_extensions", "false"),
      SetGlobal("TimeZone", "'UTC'"),
      SetGlobal("temp_directory", QuoteLiteral(options.temp_directory)),
  };
  if (options.threads > 0) sql.push_back(SetGlobal("threads", std::to_string(options.threads)));
  if (options.memory_limit_bytes > 0) {
    sql.push_back(SetGlobal("memory_limit", absl::StrCat("'", options.memory_limit_bytes, "B'")));
  }
  if (options.temp_directory_limit_bytes > 0) {
    sql.push_back(SetGlobal("max_temp_directory_size",
                            absl::StrCat("'", options.temp_directory_limit_bytes, "B'")));
  }
  for (const auto& [name, value] : options.settings) {
    sql.push_back(SetGlobal(name, QuoteLiteral(value)));
  }
  if (!options.allowed_directories.empty()) {
    sql.push_back(SetGlobal("allowed_directories", QuoteLiteralList(options.allowed_directories)));
  }
  if (!options.allowed_paths.empty()) {
    sql.push_back(SetGlobal("allowed_paths", QuoteLiteralList(options.allowed_paths)));
  }
  if (options.lock_down) {
    std::vector<std::string> unlocked = options.runtime_settings;
    if (options.track_progress) {
      for (const auto& setting : kProgressSettings) unlocked.emplace_back(setting[0]);
    }
    sql.push_back(SetGlobal("enable_external_access", "false"));
    sql.push_back(SetGlobal("allowed_configs", QuoteLiteralList(unlocked)));
    sql.push_back(SetGlobal("lock_configuration", "true"));
  }
  return sql;
}

}  // namespace

Value QueryResult::At(uint64_t row, size_t column) const {
  for (const Chunk& chunk : chunks_) {
    if (row < chunk.size()) return chunk.column(column).Get(row);
    row -= chunk.size();
  }
  return {};
}

ResultStream::ResultStream(std::unique_ptr<internal::ResultState> state)
    : state_(std::move(state)) {}
ResultStream::ResultStream(ResultStream&&) noexcept = default;
ResultStream& ResultStream::operator=(ResultStream&&) noexcept = default;
ResultStream::~ResultStream() = default;

const Schema& ResultStream::schema() const { return *state_->schema; }
std::shared_ptr<const Schema> ResultStream::shared_schema() const { return state_->schema; }
ReturnKind ResultStream::return_kind() const { return state_->return_kind; }
absl::StatusOr<std::optional<Chunk>> ResultStream::Next() { return state_->Next(); }

PreparedStatement::PreparedStatement(std::unique_ptr<internal::StatementState> state)
    : state_(std::move(state)) {}
PreparedStatement::PreparedStatement(PreparedStatement&&) noexcept = default;
PreparedStatement& PreparedStatement::operator=(PreparedStatement&&) noexcept = default;
PreparedStatement::~PreparedStatement() = default;

StatementKind PreparedStatement::kind() const {
  return KindFromEngine(duckdb_prepared_statement_type(state_->statement));
}

Schema PreparedStatement::schema() const {
  Schema schema;
  for (idx_t i = 0; i < duckdb_prepared_statement_column_count(state_->statement); ++i) {
    const char* name = duckdb_prepared_statement_column_name(state_->statement, i);
    duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(state_->statement, i);
    schema.push_back(Column{name == nullptr ? "" : name, internal::TypeFromEngine(type)});
    duckdb_free(const_cast<char*>(name));
    duckdb_destroy_logical_type(&type);
  }
  return schema;
}

std::vector<std::string> PreparedStatement::parameter_names() const {
  std::vector<std::string> names;
  for (idx_t i = 1; i <= duckdb_nparams(state_->statement); ++i) {
    const char* name = duckdb_parameter_name(state_->statement, i);
    names.emplace_back(name == nullptr ? "" : name);
    duckdb_free(const_cast<char*>(name));
  }
  return names;
}

absl::Status PreparedStatement::Bind(size_t index, const Value& value) {
  const size_t count = duckdb_nparams(state_->statement);
  if (index < 1 || index > count) {
    return InvalidArgument(kSqlError, "there is no parameter " + std::to_string(index) +
                                          "; the statement has " + std::to_string(count));
  }
  TARN_ASSIGN_OR_RETURN(internal::EngineValue converted, internal::ValueToEngine(value));
  if (duckdb_bind_value(state_->statement, index, converted.get()) != DuckDBSuccess) {
    const char* text = duckdb_prepare_error(state_->statement);
    return internal::MakeEngineError(text == nullptr ? "" : text, DUCKDB_ERROR_INVALID);
  }
  return absl::OkStatus();
}

absl::Status PreparedStatement::Bind(std::string_view name, const Value& value) {
  idx_t index = 0;
  const std::string text(name);
  if (duckdb_bind_parameter_index(state_->statement, &index, text.c_str()) != DuckDBSuccess) {
    return InvalidArgument(kSqlError, "the statement has no parameter $" + text);
  }
  return Bind(index, value);
}

absl::Status PreparedStatement::BindAll(const std::vector<Value>& values) {
  const size_t count = duckdb_nparams(state_->statement);
  if (values.size() != count) {
    return InvalidArgument(kSqlError, "the statement has " + std::to_string(count) +
                                          " parameters, but " + std::to_string(values.size()) +
                                          " values were given");
  }
  for (size_t i = 0; i < values.size(); ++i) TARN_RETURN_IF_ERROR(Bind(i + 1, values[i]));
  return absl::OkStatus();
}

absl::StatusOr<QueryResult> PreparedStatement::Execute() {
  internal::ResultState result;
  result.connection = state_->connection;
  if (duckdb_execute_prepared(state_->statement, &result.result) != DuckDBSuccess) {
    return internal::ErrorOfResult(result.result);
  }
  return result.ReadAll();
}

absl::StatusOr<ResultStream> PreparedStatement::Stream() {
  auto result = std::make_unique<internal::ResultState>();
  result->connection = state_->connection;
  if (duckdb_execute_prepared_streaming(state_->statement, &result->result) != DuckDBSuccess) {
    return internal::ErrorOfResult(result->result);
  }
  result->ReadSchema();
  return ResultStream(std::move(result));
}

Connection::Connection(std::shared_ptr<internal::ConnectionState> state)
    : state_(std::move(state)) {}

absl::StatusOr<QueryResult> Connection::Query(const std::string& sql) {
  internal::ResultState result;
  result.connection = state_;
  if (duckdb_query(state_->connection, sql.c_str(), &result.result) != DuckDBSuccess) {
    return internal::ErrorOfResult(result.result);
  }
  return result.ReadAll();
}

absl::StatusOr<QueryResult> Connection::Query(const std::string& sql,
                                              const std::vector<Value>& parameters) {
  TARN_ASSIGN_OR_RETURN(PreparedStatement statement, Prepare(sql));
  TARN_RETURN_IF_ERROR(statement.BindAll(parameters));
  return statement.Execute();
}

absl::Status Connection::Execute(const std::string& sql) { return Query(sql).status(); }

absl::StatusOr<PreparedStatement> Connection::Prepare(const std::string& sql) {
  auto state = std::make_unique<internal::StatementState>();
  state->connection = state_;
  if (sql.find('\0') != std::string::npos) {
    return InvalidArgument(kSqlError, "SQL must not hold a NUL byte; write chr(0)");
  }
  if (duckdb_prepare(state_->connection, sql.c_str(), &state->statement) != DuckDBSuccess) {
    const char* text = duckdb_prepare_error(state->statement);
    return internal::MakeEngineError(text == nullptr ? "" : text, DUCKDB_ERROR_INVALID);
  }
  return PreparedStatement(std::move(state));
}

absl::StatusOr<ResultStream> Connection::Stream(const std::string& sql) {
  TARN_ASSIGN_OR_RETURN(PreparedStatement statement, Prepare(sql));
  return statement.Stream();
}

void Connection::Interrupt() { duckdb_interrupt(state_->connection); }

QueryProgress Connection::Progress() const {
  const duckdb_query_progress_type progress = duckdb_query_progress(state_->connection);
  return QueryProgress{progress.percentage, progress.rows_processed,
                       progress.total_rows_to_process};
}

Database::Database(std::shared_ptr<internal::DatabaseState> state) : state_(std::move(state)) {}

absl::StatusOr<Database> Database::Open(const DatabaseOptions& options) {
  auto state = std::make_shared<internal::DatabaseState>();
  char* text = nullptr;
  const char* path = options.path.empty() ? nullptr : options.path.c_str();
  if (duckdb_open_ext(path, &state->database, nullptr, &text) != DuckDBSuccess) {
    const std::string message = text == nullptr ? "no reason given" : text;
    duckdb_free(text);
    return FailedPrecondition("ENGINE_OPEN_FAILED",
                              "the engine could not open '" + options.path + "': " + message);
  }
  Database database(state);
  TARN_ASSIGN_OR_RETURN(Connection connection, database.Connect());
  for (const std::string& sql : SettingStatements(options)) {
    TARN_RETURN_IF_ERROR(Annotate(connection.Execute(sql), "the engine refused " + sql));
  }
  if (options.row_sources) {
    TARN_RETURN_IF_ERROR(internal::RegisterRowSourceFunction(connection.state_->connection));
  }
  state->track_progress = options.track_progress;
  return database;
}

absl::StatusOr<Connection> Database::Connect() const {
  auto state = std::make_shared<internal::ConnectionState>();
  state->database = state_;
  if (duckdb_connect(state_->database, &state->connection) != DuckDBSuccess) {
    return Internal(kEngineFatal, "the engine refused a connection; its instance is broken");
  }
  Connection connection(std::move(state));
  if (state_->track_progress) {
    for (const auto& setting : kProgressSettings) {
      TARN_RETURN_IF_ERROR(
          connection.Execute(std::string("SET ") + setting[0] + " = " + setting[1]));
    }
  }
  return connection;
}

std::string Database::EngineVersion() { return duckdb_library_version(); }

bool IsEngineFatal(const absl::Status& status) { return ErrorReason(status) == kEngineFatal; }

}  // namespace tarn::duckdb
