// Tables, schema versions, snapshots and files in PostgreSQL. Runs SQL in the caller's transaction,
// as Transaction::Exec does; no state.
//
// Who changes a table locks the row of its head first (LockByKey, or the commit function), so that
// definitions, snapshots and files change one after the other.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/postgres/transaction.h"
#include "services/catalog/history/schema_version.h"
#include "services/catalog/live_files.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// What a commit says, in the form of catalog.commit_table (migrations/0002_commit.sql).
struct CommitParameters {
  TableKey key;
  std::string request_id;
  SnapshotOperation operation = SnapshotOperation::kAppend;
  int64_t base_snapshot_id = 0;
  std::optional<int> schema_id;
  std::vector<DataFile> added_files;
  std::vector<std::string> removed_paths;
  bool remove_all = false;
  bool conflict_whole_table = false;
  std::vector<PartitionTuple> conflict_partitions;
  struct LogRange {
    std::string log_id;
    int64_t from = 0;
    int64_t to = 0;
  };
  std::optional<LogRange> log_range;
  std::map<std::string, std::string> summary;
  std::string committed_by;
  std::string call_request_id;
};

// What became of it: see migrations/0002_commit.sql. `table` is set when there is one.
struct CommitOutcome {
  std::string outcome;
  std::string detail;
  std::optional<Table> table;
  std::optional<Snapshot> snapshot;
};

// From one snapshot to a later one, in the order in which they were added.
struct FileChanges {
  std::vector<DataFile> added;
  std::vector<RemovedFile> removed;
};

class TableStore {
 public:
  explicit TableStore(Transaction& txn) : txn_(txn) {}

  // False when there is a table of that name. The foreign key guards the database.
  bool Insert(const Table& table);
  std::optional<Table> Find(const TableKey& key);
  std::optional<Table> FindByUid(const std::string& workspace, const std::string& uid);
  // As Find; nobody else changes the table before this transaction ends.
  std::optional<Table> Lock(const TableKey& key);
  // Of one database, or of all when `database` is empty, ordered by database and name.
  std::vector<Table> List(const std::string& workspace, const std::string& database,
                          const TableKey& after, int limit);
  std::vector<std::string> ListNames(const std::string& workspace, const std::string& database);
  // Writes comment, properties and, as a new schema version, a definition that differs.
  void Update(const Table& table, bool new_definition);
  void Delete(const Table& table);

  // One round trip, the only one when the transaction is autocommit.
  absl::StatusOr<CommitOutcome> Commit(const CommitParameters& commit);
  bool HasCommit(const std::string& uid, const std::string& request_id);

  bool HasSnapshot(const std::string& uid, int64_t sequence_number);
  std::optional<Snapshot> FindSnapshot(const std::string& uid, int64_t snapshot_id);
  // The newest one at that time.
  std::optional<Snapshot> FindSnapshotAt(const std::string& uid, absl::Time time);
  std::optional<Snapshot> OldestSnapshot(const std::string& uid);
  // The newest first, those with a lower sequence number than `before`.
  std::vector<Snapshot> ListSnapshots(const std::string& uid, int64_t before, int limit);
  // Gives the table the files of that snapshot by a new one, which is returned. As
  // catalog.rollback_table (migrations/0008_history.sql) wants it: the table is locked.
  Snapshot RollBack(const std::string& uid, int64_t sequence_number, const std::string& request_id,
                    const std::map<std::string, std::string>& summary,
                    const std::string& committed_by, const std::string& call_request_id);
  // Whether a schema version after `earlier`, up to `later`, was made by a replacement of the
  // table.
  bool WasReplaced(const std::string& uid, int earlier, int later);
  void MarkReplaced(const std::string& uid, int schema_id);
  // Rows of catalog.snapshots.
  static std::vector<Snapshot> ReadSnapshots(const Result& rows);
  std::optional<SchemaVersion> FindVersion(const std::string& uid, int schema_id);
  // The newest first, those before `before`.
  std::vector<SchemaVersion> ListVersions(const std::string& uid, int64_t before, int limit);
  absl::StatusOr<TableDefinition> DefinitionOf(const std::string& uid, int schema_id);

  // Calls `visit` for each file of the snapshot, in pieces: memory is bounded by what it keeps.
  void VisitFiles(const std::string& uid, int64_t sequence_number, bool with_statistics,
                  const std::function<void(DataFile)>& visit);
  std::vector<DataFile> LiveFiles(const std::string& uid);
  // What distinguishes the files of two snapshots, of which the earlier is still kept.
  FileChanges ChangesBetween(const std::string& uid, int64_t from, int64_t to);

  // A live file of which it is not known that all integers of a column lie within [-limit, limit];
  // of a column that `may_be_missing`, a file with statistics of others alone does not have it.
  std::optional<std::string> FindFileBeyond(const std::string& uid, int field_id,
                                            bool may_be_missing, int64_t limit);

  std::optional<int64_t> LogPosition(const std::string& uid, const std::string& log_id);

  // Has a path of the lake removed once nobody can read it any more.
  void AddGarbage(const std::string& workspace, const std::string& path, absl::Duration grace);
  // Whether exactly this path is to be removed.
  bool IsGarbage(const std::string& workspace, const std::string& path);

 private:
  Transaction& txn_;
};

}  // namespace tarn::catalog
