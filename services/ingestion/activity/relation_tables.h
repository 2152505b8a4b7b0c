// The rows of look-ups and of the device registry as tables of the engine, which steps join to. A
// table is read again when its refresh interval is over, the registry when a device has changed;
// while that fails, what is there goes on being used. Tables that no batch uses any more are
// dropped.
//
// Thread safe. The engine is that of the connections that run pipelines; it, source and clock
// outlive this. A table keeps the instance open that it is in: where the engine was opened anew, a
// table of the one before is not used again.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock/clock.h"
#include "common/duckdb/lazy_database.h"
#include "services/ingestion/activity/activity_step.h"
#include "services/ingestion/activity/relation_source.h"

namespace tarn::ingestion {

// A table of the engine, dropped with the last who holds it. Its columns are __tarn_r0, __tarn_r1,
// … and __tarn_hit, which is true.
class RelationTable {
 public:
  RelationTable(duckdb::Connection connection, std::string name)
      : connection_(std::move(connection)), name_(std::move(name)) {}
  ~RelationTable();
  RelationTable(const RelationTable&) = delete;
  RelationTable& operator=(const RelationTable&) = delete;

  const std::string& name() const { return name_; }

 private:
  friend class RelationTables;
  duckdb::Connection connection_;
  const std::string name_;
};
using RelationTablePtr = std::shared_ptr<const RelationTable>;

class RelationTables {
 public:
  RelationTables(duckdb::LazyDatabase& engine, RelationSource& source, Clock& clock)
      : engine_(engine), source_(source), clock_(clock) {}

  RelationSource& source() { return source_; }

  // UNAVAILABLE and the like where it was never read; FAILED_PRECONDITION LOOKUP_KEY_NOT_UNIQUE;
  // RESOURCE_EXHAUSTED LOOKUP_TOO_LARGE.
  absl::StatusOr<RelationTablePtr> Get(const std::string& workspace, const std::string& owner,
                                       const JoinedRelation& relation);
  // Drops the tables that no batch has asked for in the last ten minutes.
  void DropUnused();

 private:
  struct Entry {
    std::mutex refreshing;  // before mutex_
    RelationTablePtr table;
    absl::Time read_time = absl::InfinitePast();
    absl::Time used_time = absl::InfinitePast();
    int64_t device_version = -1;
    int64_t engine_opening = 0;  // of the engine that the table is in
  };

  absl::StatusOr<RelationTablePtr> Refresh(Entry& entry, const std::string& workspace,
                                           const std::string& owner, const JoinedRelation& relation,
                                           absl::Time now);
  absl::StatusOr<RelationTablePtr> LoadDevices(const DeviceSnapshot& snapshot);
  absl::StatusOr<RelationTablePtr> LoadTable(const RelationRows& rows,
                                             const JoinedRelation& relation);

  duckdb::LazyDatabase& engine_;
  RelationSource& source_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace tarn::ingestion
