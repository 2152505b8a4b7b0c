#include "services/ingestion/reprocess/reprocess_manager.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/stream/stream_pipeline.h"

namespace tarn::ingestion {
namespace {

constexpr char kPattern[] = "streams/{stream}/reprocesses/{reprocess}";
constexpr absl::Duration kMaxWait = absl::Seconds(30);
constexpr absl::Duration kWaitPause = absl::Milliseconds(100);

std::optional<absl::Time> ToTime(const google::protobuf::Timestamp& time) {
  // What a Timestamp may be; PostgreSQL keeps microseconds.
  if (time.seconds() < -62'135'596'800 || time.seconds() > 253'402'300'799 || time.nanos() < 0 ||
      time.nanos() > 999'999'999) {
    return std::nullopt;
  }
  return absl::FromUnixSeconds(time.seconds()) + absl::Microseconds(time.nanos() / 1000);
}

absl::StatusOr<std::string> StreamId(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                        names::Parse("streams/{stream}", name));
  return parts[0];
}

}  // namespace

absl::StatusOr<v1::Reprocess> ReprocessManager::Start(const RequestContext& context,
                                                      const v1::StartReprocessRequest& request) {
  TARN_ASSIGN_OR_RETURN(const std::string id, StreamId(request.stream()));
  TARN_ASSIGN_OR_RETURN(const Stream stream, streams_.Get(context.workspace, id));
  std::vector<FieldViolation> violations;
  const std::optional<absl::Time> start = ToTime(request.start_time());
  const std::optional<absl::Time> end =
      request.has_end_time() ? ToTime(request.end_time()) : clock_.Now();
  if (!request.has_start_time() || !start) violations.push_back({"start_time", "must be a time"});
  if (!end) violations.push_back({"end_time", "must be a time"});
  if (start && end && *start >= *end) {
    violations.push_back({"end_time", "must be later than start_time"});
  } else if (end && *end <= stream.create_time) {
    violations.push_back({"end_time", "must be later than the stream was made"});
  } else if (end && *end > clock_.Now()) {
    violations.push_back({"end_time",
                          "must not lie in the future: what arrives meanwhile goes through the "
                          "present activities anyway"});
  }
  ReprocessJob job{
      .workspace = context.workspace, .stream_id = stream.id, .stream_uid = stream.uid};
  absl::Duration window = absl::ZeroDuration();
  for (const v1::Destination& destination : DestinationsOf(stream.definition)) {
    if (!request.destination().empty() && destination.table() != request.destination()) continue;
    job.destinations.push_back(destination.table());
    window = std::max(window, DeduplicationWindow(stream.definition, destination));
  }
  if (job.destinations.empty()) {
    violations.push_back({"destination", absl::StrCat(stream.name(), " does not deliver to ",
                                                      request.destination())});
  }
  if (!violations.empty()) return InvalidFields(std::move(violations));
  // Rows that are older are not the stream's.
  job.range_start = std::max(*start, stream.create_time);
  job.range_end = *end;
  job.read_from = job.range_start - window;
  TARN_ASSIGN_OR_RETURN(ReprocessJob made, store_.Create(context, request, job));
  notify_();
  return std::move(made.resource);
}

absl::StatusOr<ReprocessJob> ReprocessManager::Find(const std::string& workspace,
                                                    const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts, names::Parse(kPattern, name));
  return store_.Get(workspace, parts[0], parts[1]);
}

absl::StatusOr<v1::Reprocess> ReprocessManager::Get(const std::string& workspace,
                                                    const v1::GetReprocessRequest& request,
                                                    const std::function<bool()>& is_cancelled) {
  const absl::Duration wait =
      absl::Seconds(request.wait().seconds()) + absl::Nanoseconds(request.wait().nanos());
  if (wait < absl::ZeroDuration()) return InvalidFields({{"wait", "must not be negative"}});
  const auto deadline =
      std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(std::min(wait, kMaxWait));
  while (true) {
    TARN_ASSIGN_OR_RETURN(ReprocessJob job, Find(workspace, request.name()));
    if (job.ended() || is_cancelled() || std::chrono::steady_clock::now() >= deadline) {
      return std::move(job.resource);
    }
    // It may end in another process: there is nothing to be woken by.
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kWaitPause));
  }
}

absl::StatusOr<v1::ListReprocessesResponse> ReprocessManager::List(
    const std::string& workspace, const v1::ListReprocessesRequest& request) {
  TARN_ASSIGN_OR_RETURN(const std::string id, StreamId(request.parent()));
  TARN_ASSIGN_OR_RETURN(const Stream stream, streams_.Get(workspace, id));
  const std::string query = QueryFingerprint({"reprocesses", stream.uid});
  TARN_ASSIGN_OR_RETURN(const std::string before, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(std::vector<ReprocessJob> jobs, store_.List(stream, before, size + 1));
  v1::ListReprocessesResponse response;
  if (static_cast<int>(jobs.size()) > size) {
    jobs.pop_back();
    response.set_next_page_token(EncodePageToken(query, jobs.back().id));
  }
  for (ReprocessJob& job : jobs) *response.add_reprocesses() = std::move(job.resource);
  return response;
}

absl::StatusOr<v1::Reprocess> ReprocessManager::Cancel(const std::string& workspace,
                                                       const v1::CancelReprocessRequest& request) {
  TARN_ASSIGN_OR_RETURN(const ReprocessJob job, Find(workspace, request.name()));
  TARN_RETURN_IF_ERROR(store_.RequestCancel(workspace, job.id));
  TARN_ASSIGN_OR_RETURN(ReprocessJob after, Find(workspace, request.name()));
  return std::move(after.resource);
}

}  // namespace tarn::ingestion
