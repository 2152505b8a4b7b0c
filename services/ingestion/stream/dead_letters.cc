#include "services/ingestion/stream/dead_letters.h"

#include <optional>
#include <string_view>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/failpoint/failpoint.h"
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
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
  const std::string query = QueryFingerprint(
      {"dead_letters", stream.uid, request.reason(), request.show_replayed() ? "all" : "waiting"});
  TARN_ASSIGN_OR_RETURN(const std::string before, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(
      DeadLetterStore::Page page,
      store_.List(stream, request.reason(), request.show_replayed(), before, size));
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
  const std::vector<std::string_view> records(batch.payloads.begin(), batch.payloads.end());
  BatchKey key;
  key.workspace = stream.workspace;
  key.stream_uid = stream.uid;
  key.request_id = absl::StrCat("replay:", batch.replay_id);
  TARN_ASSIGN_OR_RETURN(const AppendOutcome outcome, wal_.AppendAndWait(std::move(key), records));
  TARN_RETURN_IF_FAILPOINT("ingestion.replay.before_mark");
  TARN_ASSIGN_OR_RETURN(const int64_t marked,
                        store_.MarkReplayed(stream, batch.replay_id, outcome.first_position));
  metrics_.dead_letters_replayed.Increment(static_cast<double>(marked));
  return marked;
}

absl::StatusOr<int64_t> DeadLetters::FinishReplays(const Stream& stream) {
  TARN_ASSIGN_OR_RETURN(const std::vector<ReplayBatch> batches,
                        store_.Unfinished(stream.uid, LogIdOf(wal_.uuid(), stream.uid)));
  int64_t count = 0;
  for (const ReplayBatch& batch : batches) {
    if (batch.payloads.empty()) continue;  // marked meanwhile
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
  while (true) {
    TARN_RETURN_IF_ERROR(CheckCancelled(is_cancelled, "put back", count));
    TARN_ASSIGN_OR_RETURN(const ReplayBatch batch,
                          store_.Claim(stream, filter, newest, LogIdOf(wal_.uuid(), stream.uid)));
    if (batch.payloads.empty()) break;
    TARN_RETURN_IF_FAILPOINT("ingestion.replay.after_claim");
    const absl::StatusOr<int64_t> marked = PutBack(stream, batch);
    if (!marked.ok()) {
      return Annotate(marked.status(), absl::StrCat(count, " dead letters were put back before"));
    }
    count += *marked;
  }
  response.set_replayed_count(count);
  TARN_ASSIGN_OR_RETURN(const int64_t skipped, store_.CountWithoutPayload(stream, filter, newest));
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
