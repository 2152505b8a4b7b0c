// The embedded engine: the one C++ wrapper over its C API. No other code includes duckdb.h.
//
//   TARN_ASSIGN_OR_RETURN(auto db, Database::Open({.threads = 2}));
//   TARN_ASSIGN_OR_RETURN(auto connection, db.Connect());
//   TARN_ASSIGN_OR_RETURN(auto statement, connection.Prepare("SELECT x FROM t WHERE d > $since"));
//   TARN_RETURN_IF_ERROR(statement.Bind("since", Date{19000}));
//   TARN_ASSIGN_OR_RETURN(auto stream, statement.Stream());
//   while (true) {
//     TARN_ASSIGN_OR_RETURN(std::optional<Chunk> chunk, stream.Next());
//     if (!chunk) break;
//     …
//   }
//
// Ownership: every object keeps what it came from open, so they may be destroyed in any order.
// Threads: a Database may be shared. A Connection runs one statement at a time and belongs to one
// thread at a time, but for Interrupt() and Progress(). While a ResultStream is open, its
// connection runs nothing else (the engine would end the stream).
//
// Errors, by the engine's own kind of error, never by its text:
//   INVALID_ARGUMENT    SQL_ERROR        the statement is wrong, or fails on its data
//   RESOURCE_EXHAUSTED  OUT_OF_MEMORY    the memory limit (and the temp directory's) is reached
//   CANCELLED           INTERRUPTED      Interrupt()
//   PERMISSION_DENIED   ENGINE_REFUSED   a file or setting outside of what the lock-down allows
//   FAILED_PRECONDITION ENGINE_IO        reading or writing a file failed
//   UNAVAILABLE         ENGINE_NETWORK   a remote file
//   INTERNAL            ENGINE_FATAL     the instance is broken: close it and open another
// Metadata: "engine_error" (the engine's kind: "Binder"), and where it says them "error_subtype"
// and "position" (bytes from the start of the text that was run).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/duckdb/chunk.h"
#include "common/duckdb/logical_type.h"
#include "common/duckdb/value.h"

namespace tarn::duckdb {

inline constexpr std::string_view kSqlError = "SQL_ERROR";
inline constexpr std::string_view kOutOfMemory = "OUT_OF_MEMORY";
inline constexpr std::string_view kInterrupted = "INTERRUPTED";
inline constexpr std::string_view kEngineRefused = "ENGINE_REFUSED";
inline constexpr std::string_view kEngineIo = "ENGINE_IO";
inline constexpr std::string_view kEngineNetwork = "ENGINE_NETWORK";
inline constexpr std::string_view kEngineFatal = "ENGINE_FATAL";

namespace internal {
struct DatabaseState;
struct ConnectionState;
struct StatementState;
struct ResultState;
}  // namespace internal

struct DatabaseOptions {
  // A database file; empty for one in memory.
  std::string path;
  // Worker threads, the caller's included; 0 for one a core.
  int threads = 0;
  // Bytes that the engine's buffers may take; 0 for 80 % of the machine. Not a limit of the
  // process: single expressions can exceed it several times.
  int64_t memory_limit_bytes = 0;
  // Where large operators spill; empty: nowhere, they fail with OUT_OF_MEMORY.
  std::string temp_directory;
  // Bytes that may be spilled; 0 for the engine's default (90 % of the free disk).
  int64_t temp_directory_limit_bytes = 0;
  // What may be read and written once external access is shut (lock_down). Absolute.
  std::vector<std::string> allowed_directories;
  std::vector<std::string> allowed_paths;
  // Shuts file and network access but for the above, forbids loading extensions, and locks every
  // setting but `runtime_settings`.
  bool lock_down = false;
  std::vector<std::string> runtime_settings = {"memory_limit", "threads", "TimeZone"};
  // Keeps Connection::Progress() filled; costs a little on very short statements.
  bool track_progress = false;
  // Whether statements may read row sources (row_source.h). Not for users' SQL.
  bool row_sources = false;
  // Further global settings by name, applied before the lock: {"disabled_optimizers",
  // "cte_filter_pusher"}.
  std::map<std::string, std::string> settings;
};

// What a statement gives back.
enum class ReturnKind { kNothing, kChangedRows, kRows };

enum class StatementKind {
  kOther,
  kSelect,
  kInsert,
  kUpdate,
  kDelete,
  kCreate,
  kCopy,
  kExplain,
  kSet,
  kTransaction,
  kDrop,
  kAlter,
  kAttach,
};

// A whole result in the engine's memory.
class QueryResult {
 public:
  const Schema& schema() const { return *schema_; }
  ReturnKind return_kind() const { return return_kind_; }
  uint64_t row_count() const { return row_count_; }
  uint64_t rows_changed() const { return rows_changed_; }
  const std::vector<Chunk>& chunks() const { return chunks_; }
  // The value at `row` (of all chunks) and `column`. Both must be in range.
  Value At(uint64_t row, size_t column) const;

 private:
  friend class Connection;
  friend class PreparedStatement;
  friend struct internal::ResultState;
  std::shared_ptr<const Schema> schema_;
  ReturnKind return_kind_ = ReturnKind::kNothing;
  uint64_t row_count_ = 0;
  uint64_t rows_changed_ = 0;
  std::vector<Chunk> chunks_;
};

// A result that is computed as it is read: its size does not matter to memory.
class ResultStream {
 public:
  ResultStream(ResultStream&&) noexcept;
  ResultStream& operator=(ResultStream&&) noexcept;
  ~ResultStream();

  const Schema& schema() const;
  std::shared_ptr<const Schema> shared_schema() const;
  ReturnKind return_kind() const;
  // The next rows (never an empty chunk), or nullopt after the last. After an error every call
  // returns that error.
  absl::StatusOr<std::optional<Chunk>> Next();

 private:
  friend class PreparedStatement;
  explicit ResultStream(std::unique_ptr<internal::ResultState> state);
  std::unique_ptr<internal::ResultState> state_;
};

// One statement, parsed and planned, with its parameters.
class PreparedStatement {
 public:
  PreparedStatement(PreparedStatement&&) noexcept;
  PreparedStatement& operator=(PreparedStatement&&) noexcept;
  ~PreparedStatement();

  StatementKind kind() const;
  // The columns that it will return. Types may still be kInvalid where they hang on parameters.
  Schema schema() const;
  // Names as SQL wrote them: {"1", "2"} for $1 and $2 or ?, {"since"} for $since.
  std::vector<std::string> parameter_names() const;

  // `index` counts from 1. A value stays bound until it is bound again. INVALID_ARGUMENT SQL_ERROR
  // where there is no such parameter.
  absl::Status Bind(size_t index, const Value& value);
  absl::Status Bind(std::string_view name, const Value& value);
  // All parameters in order; their number must be right.
  absl::Status BindAll(const std::vector<Value>& values);

  absl::StatusOr<QueryResult> Execute();
  absl::StatusOr<ResultStream> Stream();

 private:
  friend class Connection;
  explicit PreparedStatement(std::unique_ptr<internal::StatementState> state);
  std::unique_ptr<internal::StatementState> state_;
};

struct QueryProgress {
  double percent = -1;  // below 0 while unknown, or when nothing runs
  uint64_t rows_processed = 0;
  uint64_t rows_total = 0;
};

class Connection {
 public:
  // Runs `sql`, which may be several statements, and returns the last one's result. For SQL of our
  // own: one that comes from a user goes through Prepare, which takes a single statement.
  absl::StatusOr<QueryResult> Query(const std::string& sql);
  // Prepares one statement, binds `parameters` in order and runs it.
  absl::StatusOr<QueryResult> Query(const std::string& sql, const std::vector<Value>& parameters);
  // Query without its result.
  absl::Status Execute(const std::string& sql);
  absl::StatusOr<PreparedStatement> Prepare(const std::string& sql);
  absl::StatusOr<ResultStream> Stream(const std::string& sql);

  // Ends the running statement with CANCELLED as soon as the engine looks, mostly within 150 ms,
  // for some expressions only after seconds. Without one it does nothing. Any thread.
  void Interrupt();
  // Of the running statement; needs DatabaseOptions::track_progress. Any thread.
  QueryProgress Progress() const;

 private:
  friend class Database;
  explicit Connection(std::shared_ptr<internal::ConnectionState> state);
  std::shared_ptr<internal::ConnectionState> state_;
};

class Database {
 public:
  // Opens the engine in UTC, with single-arrow lambdas and without extension downloads.
  // FAILED_PRECONDITION ENGINE_OPEN_FAILED when the file cannot be opened, SQL_ERROR for a setting
  // that does not exist.
  static absl::StatusOr<Database> Open(const DatabaseOptions& options);
  absl::StatusOr<Connection> Connect() const;
  // Whether a connection, something that came from one, or a copy of this is there; exact when
  // nobody connects meanwhile.
  bool HasConnections() const { return state_.use_count() > 1; }
  // "v1.5.6".
  static std::string EngineVersion();

 private:
  explicit Database(std::shared_ptr<internal::DatabaseState> state);
  std::shared_ptr<internal::DatabaseState> state_;
};

// True for an error after which the instance must be closed.
bool IsEngineFatal(const absl::Status& status);

}  // namespace tarn::duckdb
