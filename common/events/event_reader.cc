#include "common/events/event_reader.h"

#include <algorithm>

#include "common/postgres/postgres_pool.h"

namespace tarn::events {
namespace {

// An xid8 has no sign; it does not fit into bigint in all eternity, so it goes as text.
uint64_t ParseXid(const std::string& text) { return std::stoull(text); }

// The last place below `horizon`: later events of running transactions have seq 1 or more.
Cursor Before(uint64_t horizon) { return {horizon, 0}; }

Event ReadEvent(const Row& row) {
  Event event;
  event.id = row.Get<std::string>("id");
  event.workspace = row.Get<std::string>("workspace");
  event.type = row.Get<std::string>("type");
  event.source = row.Get<std::string>("source");
  event.subject = row.Get<std::string>("subject");
  event.time = row.Get<absl::Time>("time");
  event.data = row.Get<std::string>("data");
  event.request_id = row.Get<std::string>("request_id");
  event.position = {ParseXid(row.Get<std::string>("xid")), row.Get<int64_t>("seq")};
  return event;
}

}  // namespace

absl::StatusOr<EventBatch> ReadEvents(PostgresPool& pool, const Cursor& cursor, int limit,
                                      const EventFilter& filter) {
  return pool.Run({.read_only = true}, [&](Transaction& txn) -> absl::StatusOr<EventBatch> {
    // One statement, one snapshot; a row with the horizon alone when there are no events.
    Result rows = txn.ExecPrepared(
        "WITH h AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon) "
        "SELECT h.horizon, e.* FROM h LEFT JOIN LATERAL (SELECT * FROM events.outbox o "
        "WHERE (o.xid, o.seq) > ($1::xid8, $2::bigint) AND o.xid < h.horizon "
        "AND ($3::text = '' OR o.workspace = $3::text) "
        "AND (cardinality($4::text[]) = 0 OR EXISTS (SELECT 1 FROM unnest($4::text[]) p "
        "WHERE starts_with(o.type, p))) "
        "ORDER BY o.xid, o.seq LIMIT $5::bigint) e ON true ORDER BY e.xid, e.seq",
        std::to_string(cursor.xid), cursor.seq, filter.workspace, filter.type_prefixes, limit);
    EventBatch batch;
    for (const Row& row : rows) {
      if (!row.IsNull("id")) batch.events.push_back(ReadEvent(row));
    }
    batch.next = static_cast<int>(batch.events.size()) >= limit
                     ? batch.events.back().position
                     : std::max(cursor, Before(ParseXid(rows[0].Get<std::string>("horizon"))));
    return batch;
  });
}

absl::StatusOr<Cursor> LatestCursor(PostgresPool& pool) {
  return pool.Run({.read_only = true}, [](Transaction& txn) -> absl::StatusOr<Cursor> {
    return Before(ParseXid(txn.Exec("SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon")
                               .One()
                               .Get<std::string>("horizon")));
  });
}

}  // namespace tarn::events
