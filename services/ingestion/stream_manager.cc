#include "services/ingestion/stream_manager.h"

#include <map>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "common/logging/logging.h"
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/stream/lane.h"
#include "services/ingestion/stream/stream_definition.h"
#include "services/ingestion/stream/stream_pipeline.h"
#include "services/ingestion/stream/stream_statistics.h"

namespace tarn::ingestion {
namespace {

constexpr absl::Duration kDefaultFlushTimeout = absl::Seconds(60);
constexpr absl::Duration kMaxFlushTimeout = absl::Minutes(5);

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

v1::Stream ToProto(const Stream& stream) {
  v1::Stream proto = stream.definition;
  proto.set_owner(stream.owner);
  *proto.mutable_create_time() = ToTimestamp(stream.create_time);
  *proto.mutable_update_time() = ToTimestamp(stream.update_time);
  proto.set_etag(stream.etag());
  return proto;
}

}  // namespace

absl::StatusOr<std::string> ParseStreamName(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> parts, names::Parse("streams/{stream}", name));
  return std::move(parts[0]);
}

absl::StatusOr<v1::Stream> StreamManager::WithStatistics(const Stream& stream) {
  TARN_ASSIGN_OR_RETURN(const std::vector<DeliveryCounts> counts, deliveries_.Counts(stream.uid));
  v1::Stream proto = ToProto(stream);
  *proto.mutable_statistics() = StatisticsOf(stream, counts, wal_, scheduler_.HealthOf(stream.uid));
  return proto;
}

absl::StatusOr<v1::Stream> StreamManager::Create(const RequestContext& context,
                                                 const v1::CreateStreamRequest& request) {
  TARN_ASSIGN_OR_RETURN(const v1::Stream normal, NormalizeDefinition(request.stream(), "stream"));
  TARN_RETURN_IF_ERROR(CheckPipelines(normal, context.workspace, context.user, environment_));
  TARN_ASSIGN_OR_RETURN(Stream stream, store_.Create(context, request, normal));
  registry_.Put(stream);
  return WithStatistics(stream);
}

absl::StatusOr<v1::Stream> StreamManager::Get(const std::string& workspace,
                                              const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const Stream stream, Find(workspace, name));
  return WithStatistics(stream);
}

absl::StatusOr<v1::ListStreamsResponse> StreamManager::List(const std::string& workspace,
                                                            const v1::ListStreamsRequest& request) {
  const std::string query = QueryFingerprint({"streams", workspace});
  TARN_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(std::vector<Stream> streams, store_.List(workspace, after, size + 1));
  v1::ListStreamsResponse response;
  if (static_cast<int>(streams.size()) > size) {
    streams.pop_back();
    response.set_next_page_token(EncodePageToken(query, streams.back().id));
  }
  for (const Stream& stream : streams) {
    TARN_ASSIGN_OR_RETURN(*response.add_streams(), WithStatistics(stream));
  }
  return response;
}

absl::StatusOr<v1::Stream> StreamManager::Update(const RequestContext& context,
                                                 const v1::UpdateStreamRequest& request) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseStreamName(request.stream().name()));
  TARN_ASSIGN_OR_RETURN(const Stream before, store_.Get(context.workspace, id));
  TARN_ASSIGN_OR_RETURN(
      Stream stream,
      store_.Update(
          context, request, id, [&](const v1::Stream& current) -> absl::StatusOr<v1::Stream> {
            TARN_ASSIGN_OR_RETURN(
                v1::Stream next,
                ApplyUpdate(current, request.stream(), request.update_mask(), clock_.Now()));
            TARN_RETURN_IF_ERROR(
                CheckPipelines(next, context.workspace, before.owner, environment_));
            return next;
          }));
  registry_.Put(stream);
  scheduler_.StreamChanged(stream.uid);
  return WithStatistics(stream);
}

absl::Status StreamManager::Delete(const RequestContext& context,
                                   const v1::DeleteStreamRequest& request) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseStreamName(request.name()));
  absl::StatusOr<Stream> stream = store_.Get(context.workspace, id);
  if (!stream.ok()) {
    // Gone already: a retry of the request that did it is answered from its request id.
    if (request.request_id().empty()) return stream.status();
    return store_.Delete(context, request, id, wal_.uuid());
  }
  std::vector<std::string> lanes;
  for (const Lane& lane : LanesOf(*stream)) lanes.push_back(lane.key);
  if (!wal_.CloseStreams(lanes)) {
    return FailedPrecondition(
        "STREAM_NOT_DRAINED",
        absl::StrCat("not all records of ", stream->name(),
                     " are delivered yet; stop its producers, call FlushStream, then delete"),
        {{"stream", stream->name()}});
  }
  registry_.Remove(context.workspace, id);
  if (absl::Status deleted = store_.Delete(context, request, id, wal_.uuid()); !deleted.ok()) {
    wal_.ReopenStreams(lanes);
    registry_.Put(*std::move(stream));
    return deleted;
  }
  scheduler_.Remove(stream->uid);
  return absl::OkStatus();
}

absl::Status StreamManager::DoChores() {
  TARN_RETURN_IF_ERROR(ForgetDrained());
  return dead_letters_.DoChores();
}

absl::Status StreamManager::ForgetDrained() {
  struct Unknown {
    std::string workspace;
    std::string key;
  };
  std::multimap<std::string, Unknown> unknown;  // by the stream's uid
  std::vector<std::string> uids;
  for (const auto& [workspace, key] : wal_.UndeliveredStreams()) {
    std::string uid = LaneOfKey(key).stream_uid;
    if (registry_.FindByUid(uid) != nullptr) continue;
    unknown.emplace(uid, Unknown{workspace, key});
    uids.push_back(std::move(uid));
  }
  if (uids.empty()) return absl::OkStatus();
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> drained,
                        store_.FindDrained(uids, wal_.uuid()));
  for (const std::string& uid : drained) {
    const auto [begin, end] = unknown.equal_range(uid);
    for (auto lane = begin; lane != end; ++lane) {
      const auto& [workspace, key] = lane->second;
      wal_.SetDelivered(workspace, key, wal_.Backlog(key).end_position);
    }
    unknown.erase(begin, end);
  }
  for (const auto& [uid, lane] : unknown) {
    if (!told_.insert(uid).second) continue;
    logging::Warn("ingestion",
                  "the log holds records of a stream that is not in PostgreSQL; they are kept. Put "
                  "PostgreSQL's data back, or look at them with: tarn wal inspect --records",
                  {{"stream_uid", uid}, {"workspace", lane.workspace}});
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Stream> StreamManager::Flush(const std::string& workspace,
                                                const v1::FlushStreamRequest& request,
                                                const std::function<bool()>& is_cancelled) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseStreamName(request.name()));
  absl::Duration timeout = kDefaultFlushTimeout;
  if (request.has_timeout()) {
    timeout =
        absl::Seconds(request.timeout().seconds()) + absl::Nanoseconds(request.timeout().nanos());
    if (timeout <= absl::ZeroDuration() || timeout > kMaxFlushTimeout) {
      return InvalidFields({{"timeout", "must be more than 0 and at most 300s"}});
    }
  }
  TARN_ASSIGN_OR_RETURN(const StreamPtr stream, registry_.Find(workspace, id));
  TARN_RETURN_IF_ERROR(scheduler_.Flush(*stream, timeout, is_cancelled));
  return Get(workspace, request.name());
}

absl::StatusOr<Stream> StreamManager::Find(const std::string& workspace, const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::string id, ParseStreamName(name));
  return store_.Get(workspace, id);
}

absl::StatusOr<v1::ListDeadLettersResponse> StreamManager::ListDeadLetters(
    const std::string& workspace, const v1::ListDeadLettersRequest& request) {
  TARN_ASSIGN_OR_RETURN(const Stream stream, Find(workspace, request.parent()));
  return dead_letters_.List(stream, request);
}

absl::StatusOr<v1::ReplayDeadLettersResponse> StreamManager::ReplayDeadLetters(
    const std::string& workspace, const v1::ReplayDeadLettersRequest& request,
    const std::function<bool()>& is_cancelled) {
  TARN_ASSIGN_OR_RETURN(const Stream stream, Find(workspace, request.parent()));
  return dead_letters_.Replay(stream, request, is_cancelled);
}

absl::StatusOr<v1::PurgeDeadLettersResponse> StreamManager::PurgeDeadLetters(
    const std::string& workspace, const v1::PurgeDeadLettersRequest& request,
    const std::function<bool()>& is_cancelled) {
  TARN_ASSIGN_OR_RETURN(const Stream stream, Find(workspace, request.parent()));
  return dead_letters_.Purge(stream, request, is_cancelled);
}

}  // namespace tarn::ingestion
