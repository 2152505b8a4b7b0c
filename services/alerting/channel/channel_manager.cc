#include "services/alerting/channel/channel_manager.h"

#include <array>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/message_differencer.h>

#include "common/clock/clock.h"
#include "common/ids/ids.h"
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/status_macros.h"
#include "services/alerting/channel/channel_store.h"
#include "services/alerting/channel/channel_validation.h"
#include "services/alerting/delivery/delivery_store.h"
#include "services/alerting/delivery/notification_body.h"
#include "services/alerting/request_key.h"
#include "services/alerting/stored_spec.h"

namespace tarn::alerting {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr std::array<std::string_view, 4> kMutableFields = {"description", "webhook", "slack",
                                                            "retry"};
constexpr size_t kMaxMessageBytes = 16 * 1024;
constexpr size_t kMaxSubjectBytes = 1024;

// As `caller` may see it.
v1::Channel Masked(const auth::Caller& caller, v1::Channel channel) {
  MaskSecrets(caller, &channel);
  return channel;
}

}  // namespace

absl::StatusOr<v1::Channel> ChannelManager::Create(const auth::Caller& caller,
                                                   const v1::CreateChannelRequest& request) {
  v1::Channel channel = request.channel();
  TARN_ASSIGN_OR_RETURN(std::string id, ChannelIdOf(channel.name()));
  TARN_RETURN_IF_ERROR(names::ValidateId("channel.name", id));
  TARN_RETURN_IF_ERROR(ValidateChannel(channel, limits_));
  channel.set_owner(caller.user);
  channel.set_etag(NewUuid());
  SetTimestamp(clock_.Now(), channel.mutable_create_time());
  *channel.mutable_update_time() = channel.create_time();
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::Channel>(
        txn, kSchema, RequestKeyOf(caller, "CreateChannel", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Channel> {
          TARN_RETURN_IF_ERROR(InsertChannel(txn, caller.workspace, id, channel));
          return Masked(caller, channel);
        });
  });
}

absl::StatusOr<v1::Channel> ChannelManager::Get(const auth::Caller& caller,
                                                const v1::GetChannelRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, ChannelIdOf(request.name()));
  return pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<v1::Channel> {
    TARN_ASSIGN_OR_RETURN(v1::Channel channel, FindChannel(txn, caller.workspace, id));
    return Masked(caller, std::move(channel));
  });
}

absl::StatusOr<v1::ListChannelsResponse> ChannelManager::List(
    const auth::Caller& caller, const v1::ListChannelsRequest& request) {
  const std::string query = QueryFingerprint({"ListChannels", caller.workspace});
  TARN_ASSIGN_OR_RETURN(std::string after, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
  TARN_ASSIGN_OR_RETURN(std::vector<v1::Channel> page, pool_.RunAutocommit([&](Transaction& txn) {
    return alerting::ListChannels(txn, caller.workspace, after, size + 1);
  }));
  v1::ListChannelsResponse response;
  if (page.size() > static_cast<size_t>(size)) {
    page.resize(static_cast<size_t>(size));
    TARN_ASSIGN_OR_RETURN(std::string last, ChannelIdOf(page.back().name()));
    response.set_next_page_token(EncodePageToken(query, last));
  }
  for (v1::Channel& channel : page) *response.add_channels() = Masked(caller, std::move(channel));
  return response;
}

absl::StatusOr<v1::Channel> ChannelManager::Update(const auth::Caller& caller,
                                                   const v1::UpdateChannelRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, ChannelIdOf(request.channel().name()));
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::Channel>(
        txn, kSchema, RequestKeyOf(caller, "UpdateChannel", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Channel> {
          TARN_ASSIGN_OR_RETURN(v1::Channel channel,
                                FindChannel(txn, caller.workspace, id, ChannelLock::kForUpdate));
          const v1::Channel before = channel;
          TARN_RETURN_IF_ERROR(CheckEtag(request.channel().etag(), channel.etag(), channel.name()));
          TARN_RETURN_IF_ERROR(
              ApplyUpdate(request.channel(), request.update_mask(), kMutableFields, &channel));
          RestoreSecrets(before, &channel);
          TARN_RETURN_IF_ERROR(ValidateChannel(channel, limits_));
          if (MessageDifferencer::Equals(before, channel))
            return Masked(caller, std::move(channel));
          channel.set_etag(NewUuid());
          SetTimestamp(clock_.Now(), channel.mutable_update_time());
          TARN_RETURN_IF_ERROR(UpdateChannel(txn, caller.workspace, id, channel));
          return Masked(caller, std::move(channel));
        });
  });
}

absl::StatusOr<v1::DeleteChannelResponse> ChannelManager::Delete(
    const auth::Caller& caller, const v1::DeleteChannelRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, ChannelIdOf(request.name()));
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::DeleteChannelResponse>(
        txn, kSchema, RequestKeyOf(caller, "DeleteChannel", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::DeleteChannelResponse> {
          TARN_ASSIGN_OR_RETURN(v1::Channel channel,
                                FindChannel(txn, caller.workspace, id, ChannelLock::kForUpdate));
          TARN_RETURN_IF_ERROR(CheckEtag(request.etag(), channel.etag(), channel.name()));
          TARN_RETURN_IF_ERROR(DeleteChannel(txn, caller.workspace, id));
          FailPendingDeliveries(txn, caller.workspace, id, "the channel was deleted", clock_.Now());
          return v1::DeleteChannelResponse();
        });
  });
}

absl::StatusOr<v1::Delivery> ChannelManager::Send(const auth::Caller& caller,
                                                  const v1::SendNotificationRequest& request) {
  TARN_ASSIGN_OR_RETURN(std::string id, ChannelIdOf(request.channel()));
  std::vector<FieldViolation> violations;
  if (request.message().empty()) violations.push_back({"message", "is required"});
  if (request.message().size() > kMaxMessageBytes) {
    violations.push_back({"message", "is longer than 16 KiB"});
  }
  if (request.subject().size() > kMaxSubjectBytes) {
    violations.push_back({"subject", "is longer than 1 KiB"});
  }
  if (!violations.empty()) return InvalidFields(std::move(violations));
  const NewDelivery delivery{
      .workspace = caller.workspace,
      .channel_id = id,
      .id = NewUuid(),
      .subject = request.subject(),
      .message = request.message(),
      .payload = PayloadJson({.kind = "notification", .subject = request.subject()}),
      .create_time = clock_.Now()};
  return pool_.Run([&](Transaction& txn) {
    return idempotency::Once<v1::Delivery>(
        txn, kSchema, RequestKeyOf(caller, "SendNotification", request.request_id()), request,
        [&]() -> absl::StatusOr<v1::Delivery> {
          TARN_RETURN_IF_ERROR(
              FindChannel(txn, caller.workspace, id, ChannelLock::kAgainstDeletion).status());
          InsertDelivery(txn, delivery);
          return FindDelivery(txn, caller.workspace, delivery.id);
        });
  });
}

absl::StatusOr<v1::ListDeliveriesResponse> ChannelManager::ListDeliveries(
    const auth::Caller& caller, const v1::ListDeliveriesRequest& request) {
  std::string channel_id;
  if (request.parent() != "channels/-") {
    TARN_ASSIGN_OR_RETURN(channel_id, ChannelIdOf(request.parent()));
  }
  const std::string query =
      QueryFingerprint({"ListDeliveries", caller.workspace, request.parent()});
  TARN_ASSIGN_OR_RETURN(std::string cursor, DecodePageToken(query, request.page_token()));
  TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
  int64_t before = 0;
  if (!absl::SimpleAtoi(cursor, &before)) before = INT64_MAX;
  TARN_ASSIGN_OR_RETURN(
      std::vector<ListedDelivery> page,
      pool_.RunAutocommit([&](Transaction& txn) -> absl::StatusOr<std::vector<ListedDelivery>> {
        return alerting::ListDeliveries(txn, caller.workspace, channel_id, before, size + 1);
      }));
  v1::ListDeliveriesResponse response;
  if (page.size() > static_cast<size_t>(size)) {
    page.resize(static_cast<size_t>(size));
    response.set_next_page_token(EncodePageToken(query, absl::StrCat(page.back().seq)));
  }
  for (ListedDelivery& item : page) *response.add_deliveries() = std::move(item.delivery);
  return response;
}

}  // namespace tarn::alerting
