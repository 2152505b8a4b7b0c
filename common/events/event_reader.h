// Reads the outbox from a place on, without skipping what commits late.
//
// An event is visible once every transaction with a lower xid has ended (pg_snapshot_xmin), so a
// transaction that stays open delays the events of all others. Order is that of (xid, seq): within
// a subject it is the order of the changes, as long as those lock the subject's row before their
// first write. Transaction numbers belong to one server: a dump restored into another one needs
// events.outbox and events.cursors emptied.
// Stateless; any thread.
#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/events/event.h"

namespace tarn::events {

struct EventFilter {
  std::string workspace;                   // "" means all
  std::vector<std::string> type_prefixes;  // "tarn.catalog." …; none means all
};

struct EventBatch {
  std::vector<Event> events;
  // Where to go on; beyond events that the filter left out. Never before the given cursor.
  Cursor next;
};

// At most `limit` (1 or more) events after `cursor`.
absl::StatusOr<EventBatch> ReadEvents(PostgresPool& pool, const Cursor& cursor, int limit,
                                      const EventFilter& filter = {});

// The place after everything that is visible now.
absl::StatusOr<Cursor> LatestCursor(PostgresPool& pool);

}  // namespace tarn::events
