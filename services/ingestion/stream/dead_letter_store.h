// Dead letters in PostgreSQL once they are there: listed, put back, removed. (DeliveryStore adds
// them, in delivery.)
//
// A letter at or behind the delivered position of its destination is left alone: delivery counts on
// it to know that the record is dead. (Unless the stream has the destination no longer.)
//
// Thread safe. Errors are those of common/postgres.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "common/postgres/postgres_pool.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

// Letters that wait, and to which everything that is given applies.
struct DeadLetterFilter {
  std::vector<int64_t> ids;  // empty: any
  std::string reason;        // empty: any
  absl::Time start = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();
  std::string destination;  // empty: any
};

// Letters of one destination that nobody else puts back: they go into this log together.
struct ReplayClaim {
  std::string replay_id;
  std::string destination;
  std::string log_id;
};

// The letters of a claim.
struct ReplayBatch {
  struct Letter {
    absl::Time ingest_time;
    std::string payload;
  };
  ReplayClaim claim;
  std::vector<Letter> letters;  // in the order in which they were dead
};

class DeadLetterStore {
 public:
  explicit DeadLetterStore(PostgresPool& pool) : pool_(pool) {}

  struct Page {
    std::vector<v1::DeadLetter> dead_letters;  // newest first
    std::string last_id;                       // of the last one, for the next page
    bool has_more = false;
    int64_t total = 0;
    std::map<std::string, int64_t> reason_counts;
  };
  // Those with ids below `before` (all when it is empty), of `reason` and of `destination` (any
  // when it is empty).
  absl::StatusOr<Page> List(const Stream& stream, std::string_view reason,
                            std::string_view destination, bool show_replayed,
                            std::string_view before, int limit);

  // The id of the stream's newest letter; 0 without one.
  absl::StatusOr<int64_t> NewestId(const Stream& stream);
  // Claims the next letters of the filter's one destination, up to `newest_id`, for a replay into
  // the log; none when there are none left.
  absl::StatusOr<ReplayBatch> Claim(const Stream& stream, const DeadLetterFilter& filter,
                                    int64_t newest_id, std::string_view log_id);
  // Letters that match but have nothing to put back, or no destination any more.
  absl::StatusOr<int64_t> CountSkipped(const Stream& stream, const DeadLetterFilter& filter,
                                       int64_t newest_id);
  // Claims of the stream that are not marked: their replay is under way, perhaps in another
  // instance, or was cut short, not longer ago than the log knows of it.
  absl::StatusOr<std::vector<ReplayClaim>> Unfinished(std::string_view stream_uid);
  // Its letters that are not marked.
  absl::StatusOr<ReplayBatch> Load(const ReplayClaim& claim);
  // Gives up a claim: its letters wait again.
  absl::Status Release(const Stream& stream, std::string_view replay_id);
  // The streams that have such.
  absl::StatusOr<std::vector<std::string>> StreamsWithUnfinished();
  // The batch stands in the log from `first_position` on. Gives how many were not marked before.
  absl::StatusOr<int64_t> MarkReplayed(const Stream& stream, std::string_view replay_id,
                                       uint64_t first_position);

  // Removes those that wait and match, up to some thousands at a time; how many. Also those whose
  // replay was cut short and cannot be finished any more.
  absl::StatusOr<int64_t> Purge(const Stream& stream, const DeadLetterFilter& filter);
  // Removes those that were replayed longer ago than `age`, of all streams.
  absl::Status ForgetReplayed(absl::Duration age);

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::ingestion
