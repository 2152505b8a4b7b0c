#include "services/ingestion/stream/dead_letters.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/failpoint/failpoint.h"
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/stream/lane.h"
#include "services/ingestion/wal/log_id.h"

namespace tarn::ingestion {
namespace {

constexpr int kMaxNames = 1000;
constexpr absl::Duration kReplayedAge = absl::Hours(24 * 7);

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::StatusOr<DeadLetterFilter> FilterOf(const Stream& stream,
                                          const v1::DeadLetterSelection& selection) {
  if (selection.names_size() > kMaxNames) {
    return InvalidFields({{"selection.names", absl::StrCat("at most ", kMaxNames)}});
  }
  DeadLetterFilter filter;
  for (int i = 0; i < selection.names_size(); ++i) {
    const auto parts =
        names::Parse("streams/{stream}/deadLetters/{dead_letter}", selection.names(i));
    int64_t id = 0;
    if (!parts.ok() || (*parts)[0] != stream.id || !absl::SimpleAtoi((*parts)[1], &id) || id <= 0) {
      return InvalidFields({{absl::StrCat("selection.names[", i, "]"),
                             absl::StrCat("must be the name of a dead letter of the stream: ",
                                          stream.name(), "/deadLetters/{dead_letter}")}});
    }
    filter.ids.push_back(id);
  }
  filter.reason = selection.reason();
  if (selection.has_start_time()) filter.start = ToTime(selection.start_time());
  if (selection.has_end_time()) filter.end = ToTime(selection.end_time());
  filter.destination = selection.destination();
  if (filter.start >= filter.end) {
    return InvalidFields({{"selection.end_time", "must be later than start_time"}});
  }
  return filter;
}

absl::Status CheckCancelled(const std::function<bool()>& is_cancelled, std::string_view what,
                            int64_t count) {
  if (!is_cancelled()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                   absl::StrCat("cancelled after ", count, " dead letters were ", std::string(what),
                                "; call again for the rest"));
}

}  // namespace

absl::StatusOr<v1::ListDeadLettersResponse> DeadLetters::List(
    const Stream& stream, const v1::ListDeadLettersRequest& request) {
  const std::string query =
      QueryFingerprint({"dead_letters", stream.uid, request.reason(), request.destination(),
                        request.show_replayed() ? "all" : "waiting"});
  TARN_ASSIGN_OR_RETURN(const std::string before, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(DeadLetterStore::Page page,
                        store_.List(stream, request.reason(), request.destination(),
                                    request.show_replayed(), before, size));
  v1::ListDeadLettersResponse response;
  for (v1::DeadLetter& letter : page.dead_letters) {
    *response.add_dead_letters() = std::move(letter);
  }
  response.set_total_size(page.total);
  for (const auto& [reason, count] : page.reason_counts) {
    (*response.mutable_reason_counts())[reason] = count;
  }
  if (page.has_more) response.set_next_page_token(EncodePageToken(query, page.last_id));
  return response;
}

absl::StatusOr<int64_t> DeadLetters::PutBack(const Stream& stream, const ReplayBatch& batch) {
  const ReplayClaim& claim = batch.claim;
  // Claims of an older release are for the live lane.
  const bool is_live = claim.log_id == LogIdOf(wal_.uuid(), LiveLane(stream.uid).key);
  std::vector<std::string> records;
  for (const ReplayBatch::Letter& letter : batch.letters) {
    records.push_back(is_live ? letter.payload
                              : EncodeReplayedRecord(letter.ingest_time, letter.payload));
  }
  BatchKey key;
  key.workspace = stream.workspace;
  key.stream_uid =
      is_live ? LiveLane(stream.uid).key : ReplayLane(stream.uid, claim.destination).key;
  key.request_id = absl::StrCat(std::string(kReplayPrefix), claim.replay_id);
  TARN_ASSIGN_OR_RETURN(const AppendOutcome outcome,
                        wal_.AppendAndWait(std::move(key), {records.begin(), records.end()}));
  TARN_RETURN_IF_FAILPOINT("ingestion.replay.before_mark");
  TARN_ASSIGN_OR_RETURN(const int64_t marked,
                        store_.MarkReplayed(stream, claim.replay_id, outcome.first_position));
  metrics_.dead_letters_replayed.Increment(static_cast<double>(marked));
  return marked;
}

absl::StatusOr<int64_t> DeadLetters::FinishReplays(const Stream& stream) {
  const std::vector<v1::Destination> destinations = DestinationsOf(stream.definition);
  TARN_ASSIGN_OR_RETURN(const std::vector<ReplayClaim> claims, store_.Unfinished(stream.uid));
  int64_t count = 0;
  for (const ReplayClaim& claim : claims) {
    const Lane lane = ReplayLane(stream.uid, claim.destination);
    if (claim.log_id != LogIdOf(wal_.uuid(), lane.key) &&
        claim.log_id != LogIdOf(wal_.uuid(), LiveLane(stream.uid).key)) {
      continue;  // another instance's
    }
    const bool has_destination =
        std::any_of(destinations.begin(), destinations.end(),
                    [&](const v1::Destination& each) { return each.table() == claim.destination; });
    if (!has_destination) {
      TARN_RETURN_IF_ERROR(store_.Release(stream, claim.replay_id));
      continue;
    }
    TARN_ASSIGN_OR_RETURN(const ReplayBatch batch, store_.Load(claim));
    if (batch.letters.empty()) continue;  // marked meanwhile
    TARN_ASSIGN_OR_RETURN(const int64_t marked, PutBack(stream, batch));
    count += marked;
  }
  return count;
}

absl::StatusOr<v1::ReplayDeadLettersResponse> DeadLetters::Replay(
    const Stream& stream, const v1::ReplayDeadLettersRequest& request,
    const std::function<bool()>& is_cancelled) {
  TARN_ASSIGN_OR_RETURN(const DeadLetterFilter filter, FilterOf(stream, request.selection()));
  TARN_ASSIGN_OR_RETURN(const int64_t newest, store_.NewestId(stream));
  v1::ReplayDeadLettersResponse response;
  TARN_ASSIGN_OR_RETURN(int64_t count, FinishReplays(stream));
  for (const v1::Destination& destination : DestinationsOf(stream.definition)) {
    if (!filter.destination.empty() && filter.destination != destination.table()) continue;
    DeadLetterFilter own = filter;
    own.destination = destination.table();
    const std::string log_id =
        LogIdOf(wal_.uuid(), ReplayLane(stream.uid, destination.table()).key);
    while (true) {
      TARN_RETURN_IF_ERROR(CheckCancelled(is_cancelled, "put back", count));
      TARN_ASSIGN_OR_RETURN(const ReplayBatch batch, store_.Claim(stream, own, newest, log_id));
      if (batch.letters.empty()) break;
      TARN_RETURN_IF_FAILPOINT("ingestion.replay.after_claim");
      const absl::StatusOr<int64_t> marked = PutBack(stream, batch);
      if (!marked.ok()) {
        return Annotate(marked.status(), absl::StrCat(count, " dead letters were put back before"));
      }
      count += *marked;
    }
  }
  response.set_replayed_count(count);
  TARN_ASSIGN_OR_RETURN(const int64_t skipped, store_.CountSkipped(stream, filter, newest));
  response.set_skipped_count(skipped);
  return response;
}

absl::StatusOr<v1::PurgeDeadLettersResponse> DeadLetters::Purge(
    const Stream& stream, const v1::PurgeDeadLettersRequest& request,
    const std::function<bool()>& is_cancelled) {
  TARN_ASSIGN_OR_RETURN(const DeadLetterFilter filter, FilterOf(stream, request.selection()));
  v1::PurgeDeadLettersResponse response;
  while (true) {
    TARN_RETURN_IF_ERROR(CheckCancelled(is_cancelled, "removed", response.purged_count()));
    TARN_ASSIGN_OR_RETURN(const int64_t purged, store_.Purge(stream, filter));
    if (purged == 0) return response;
    metrics_.dead_letters_purged.Increment(static_cast<double>(purged));
    response.set_purged_count(response.purged_count() + purged);
  }
}

absl::Status DeadLetters::DoChores() {
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> uids, store_.StreamsWithUnfinished());
  for (const std::string& uid : uids) {
    if (const StreamPtr stream = registry_.FindByUid(uid)) {
      TARN_RETURN_IF_ERROR(FinishReplays(*stream).status());
    }
  }
  return store_.ForgetReplayed(kReplayedAge);
}

}  // namespace tarn::ingestion
