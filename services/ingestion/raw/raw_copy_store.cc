#include "services/ingestion/raw/raw_copy_store.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/events/event.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

const LeaseTable& LogsTable() {
  static const auto* const kTable = new LeaseTable{"ingestion.logs", {"wal_uuid"}};
  return *kTable;
}

std::vector<RawCopyStore::Kept> ReadKept(const Result& rows) {
  std::vector<RawCopyStore::Kept> streams;
  for (const Row row : rows) {
    streams.push_back({row.Get<std::string>("workspace"), row.Get<std::string>("stream_id"),
                       row.Get<std::string>("uid"),
                       absl::Seconds(row.Get<int64_t>("retention_seconds"))});
  }
  return streams;
}

}  // namespace

void RawCopyStore::Follow(Transaction& txn, std::string_view stream_uid,
                          const v1::Stream& definition, bool is_new) {
  if (!definition.has_raw_copy()) {
    if (is_new) return;
    // Reprocesses need them complete; the files stay until their time is over.
    txn.Exec("UPDATE ingestion.raw_copies SET kept_from = 'infinity' WHERE stream_uid = $1",
             stream_uid);
    txn.Exec("DELETE FROM ingestion.raw_logs WHERE stream_uid = $1", stream_uid);
    return;
  }
  // Copied is what is acknowledged from now on. Complete they are a little later: until then other
  // instances may not know of it, and clocks may differ.
  txn.Exec(
      "INSERT INTO ingestion.raw_copies AS r (stream_uid, kept_from, begin_time, "
      "retention_seconds) VALUES ($1, CASE WHEN $3::boolean THEN '-infinity' ELSE now() + interval "
      "'15 seconds' END, CASE WHEN $3::boolean THEN NULL ELSE now() END, $2) ON CONFLICT "
      "(stream_uid) DO UPDATE SET retention_seconds = $2, kept_from = CASE WHEN r.kept_from = "
      "'infinity' THEN excluded.kept_from ELSE r.kept_from END, begin_time = CASE WHEN r.kept_from "
      "= 'infinity' THEN excluded.begin_time ELSE r.begin_time END",
      stream_uid, definition.raw_copy().retention().seconds(), is_new);
}

void RawCopyStore::Bury(Transaction& txn, std::string_view stream_uid) {
  txn.Exec(
      "INSERT INTO ingestion.former_streams (uid, workspace, stream_id, definition, create_time, "
      "delete_time, raw_copies_removed) SELECT uid, workspace, stream_id, definition, create_time, "
      "now(), NOT EXISTS (SELECT 1 FROM ingestion.raw_copies WHERE stream_uid = $1) FROM "
      "ingestion.streams WHERE uid = $1",
      stream_uid);
}

absl::StatusOr<uint64_t> RawCopyStore::Resume(
    const Lease& lease, std::string_view stream_uid, std::string_view log_id,
    std::string_view wal_uuid, const std::function<uint64_t(absl::Time)>& position_at) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<uint64_t> {
    TARN_RETURN_IF_ERROR(CheckLease(txn, LogsTable(), lease));
    const Result found =
        txn.Exec("SELECT position FROM ingestion.raw_logs WHERE stream_uid = $1 AND log_id = $2",
                 stream_uid, log_id);
    if (!found.empty()) return static_cast<uint64_t>(found[0].Get<int64_t>("position"));
    const Result begun = txn.Exec(
        "SELECT begin_time FROM ingestion.raw_copies WHERE stream_uid = $1 AND kept_from < "
        "'infinity' FOR SHARE",
        stream_uid);
    if (begun.empty()) {
      return FailedPrecondition("RAW_COPY_OFF", "the stream has no raw copies any more");
    }
    const auto begin = begun[0].Get<std::optional<absl::Time>>("begin_time");
    const uint64_t position = begin ? position_at(*begin) : 0;
    txn.Exec(
        "INSERT INTO ingestion.raw_logs (stream_uid, log_id, wal_uuid, position) VALUES ($1, $2, "
        "$3, $4)",
        stream_uid, log_id, wal_uuid, position);
    return position;
  });
}

absl::Status RawCopyStore::SetPosition(const Lease& lease, std::string_view stream_uid,
                                       std::string_view log_id, uint64_t from, uint64_t to) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    TARN_RETURN_IF_ERROR(CheckLease(txn, LogsTable(), lease));
    const Result moved = txn.Exec(
        "UPDATE ingestion.raw_logs SET position = $4 WHERE stream_uid = $1 AND log_id = $2 AND "
        "position = $3",
        stream_uid, log_id, from, to);
    if (moved.affected_rows() == 1) return absl::OkStatus();
    return Aborted("RAW_POSITION_MOVED",
                   "the stream's raw copies were turned off, or are elsewhere than expected");
  });
}

absl::StatusOr<std::vector<RawCopyStore::Kept>> RawCopyStore::ListKept() {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<Kept>> {
    return ReadKept(
        txn.Exec("SELECT s.workspace, s.stream_id, s.uid, r.retention_seconds FROM "
                 "ingestion.raw_copies AS r JOIN ingestion.streams AS s ON s.uid = r.stream_uid"));
  });
}

absl::StatusOr<absl::Time> RawCopyStore::Expire(const Kept& stream, absl::Time now) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<absl::Time> {
    // Whoever starts a reprocess takes the same lock.
    const Result rows = txn.Exec(
        "SELECT kept_from FROM ingestion.raw_copies WHERE stream_uid = $1 FOR UPDATE", stream.uid);
    if (rows.empty()) return absl::InfinitePast();  // just deleted
    absl::Time horizon = now - stream.retention;
    const auto reading =
        txn.Exec(
               "SELECT min(read_from) AS time FROM ingestion.reprocesses WHERE stream_uid = $1 AND "
               "state <= 2",
               stream.uid)
            .One()
            .Get<std::optional<absl::Time>>("time");
    if (reading) horizon = std::min(horizon, *reading);
    if (rows[0].Get<absl::Time>("kept_from") < horizon) {
      txn.Exec("UPDATE ingestion.raw_copies SET kept_from = $2 WHERE stream_uid = $1", stream.uid,
               horizon);
    }
    return horizon;
  });
}

absl::Status RawCopyStore::Removed(std::string_view workspace, std::string_view stream_id,
                                   int64_t files, int64_t bytes, std::string_view why) {
  return pool_.Run([&](Transaction& txn) {
    return events::Append(txn, {.workspace = std::string(workspace),
                                .type = "tarn.ingestion.raw_copies.removed",
                                .source = "ingestion",
                                .subject = absl::StrCat("streams/", std::string(stream_id)),
                                .data = absl::StrCat("{\"files\": ", files, ", \"bytes\": ", bytes,
                                                     ", \"why\": \"", std::string(why), "\"}")});
  });
}

absl::StatusOr<std::vector<RawCopyStore::Kept>> RawCopyStore::ListBuried() {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<Kept>> {
    return ReadKept(
        txn.Exec("SELECT workspace, stream_id, uid, 0::bigint AS retention_seconds FROM "
                 "ingestion.former_streams WHERE NOT raw_copies_removed"));
  });
}

absl::Status RawCopyStore::Forget(std::string_view stream_uid) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("UPDATE ingestion.former_streams SET raw_copies_removed = true WHERE uid = $1",
             stream_uid);
    // No raw copy is kept for longer, so nothing asks for them.
    txn.Exec(
        "DELETE FROM ingestion.former_streams WHERE raw_copies_removed AND delete_time < now() - "
        "interval '3650 days'");
    return absl::OkStatus();
  });
}

}  // namespace tarn::ingestion
