// Alerting's RPCs: decodes, calls, encodes. SubscribeEvents is served by the callback API.
#pragma once

#include <absl/functional/function_ref.h>

#include "tarn/alerting/v1/alerting_service.grpc.pb.h"

#include "common/rpc/call_handler.h"

namespace tarn {
class PostgresPool;
class StorageOpener;
}  // namespace tarn

namespace tarn::alerting {

class ChannelManager;
class Evaluator;
class EventFeed;
class RuleManager;

// Thread safe.
class AlertingServiceImpl final
    : public v1::AlertingService::WithCallbackMethod_SubscribeEvents<v1::AlertingService::Service> {
 public:
  // All outlive it.
  struct Parts {
    RuleManager& rules;
    ChannelManager& channels;
    Evaluator& evaluator;
    EventFeed& feed;
    PostgresPool& pool;
    const StorageOpener& storage;
  };
  AlertingServiceImpl(Parts parts, rpc::CallHandlerOptions options)
      : parts_(parts), handler_(std::move(options)) {}

  grpc::Status CreateRule(grpc::ServerContext* context, const v1::CreateRuleRequest* request,
                          v1::Rule* response) override;
  grpc::Status GetRule(grpc::ServerContext* context, const v1::GetRuleRequest* request,
                       v1::Rule* response) override;
  grpc::Status ListRules(grpc::ServerContext* context, const v1::ListRulesRequest* request,
                         v1::ListRulesResponse* response) override;
  grpc::Status UpdateRule(grpc::ServerContext* context, const v1::UpdateRuleRequest* request,
                          v1::Rule* response) override;
  grpc::Status DeleteRule(grpc::ServerContext* context, const v1::DeleteRuleRequest* request,
                          v1::DeleteRuleResponse* response) override;
  grpc::Status EvaluateRule(grpc::ServerContext* context, const v1::EvaluateRuleRequest* request,
                            v1::Evaluation* response) override;
  grpc::Status ListAlerts(grpc::ServerContext* context, const v1::ListAlertsRequest* request,
                          v1::ListAlertsResponse* response) override;
  grpc::Status AcknowledgeAlert(grpc::ServerContext* context,
                                const v1::AcknowledgeAlertRequest* request,
                                v1::Alert* response) override;
  grpc::Status ListAlertTransitions(grpc::ServerContext* context,
                                    const v1::ListAlertTransitionsRequest* request,
                                    v1::ListAlertTransitionsResponse* response) override;
  grpc::Status CreateChannel(grpc::ServerContext* context, const v1::CreateChannelRequest* request,
                             v1::Channel* response) override;
  grpc::Status GetChannel(grpc::ServerContext* context, const v1::GetChannelRequest* request,
                          v1::Channel* response) override;
  grpc::Status ListChannels(grpc::ServerContext* context, const v1::ListChannelsRequest* request,
                            v1::ListChannelsResponse* response) override;
  grpc::Status UpdateChannel(grpc::ServerContext* context, const v1::UpdateChannelRequest* request,
                             v1::Channel* response) override;
  grpc::Status DeleteChannel(grpc::ServerContext* context, const v1::DeleteChannelRequest* request,
                             v1::DeleteChannelResponse* response) override;
  grpc::Status SendNotification(grpc::ServerContext* context,
                                const v1::SendNotificationRequest* request,
                                v1::Delivery* response) override;
  grpc::Status ListDeliveries(grpc::ServerContext* context,
                              const v1::ListDeliveriesRequest* request,
                              v1::ListDeliveriesResponse* response) override;
  grpc::Status PublishEvents(grpc::ServerContext* context, const v1::PublishEventsRequest* request,
                             v1::PublishEventsResponse* response) override;
  // The synchronous form, which nobody calls, would be hidden by the other.
  using WithCallbackMethod_SubscribeEvents::SubscribeEvents;
  grpc::ServerWriteReactor<v1::SubscribeEventsResponse>* SubscribeEvents(
      grpc::CallbackServerContext* context, const v1::SubscribeEventsRequest* request) override;

 private:
  // Handles a call whose `body` gives the response, once the tables can be used.
  template <typename Response, typename Body>
  grpc::Status Answer(grpc::ServerContext* context, rpc::MethodInfo method, Response* response,
                      const Body& body) const;

  const Parts parts_;
  const rpc::CallHandler handler_;
};

}  // namespace tarn::alerting
