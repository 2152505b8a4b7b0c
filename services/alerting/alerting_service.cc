#include "services/alerting/alerting_service.h"

#include "common/postgres/storage_opener.h"
#include "common/rpc/status_conversion.h"
#include "common/status/status_macros.h"
#include "services/alerting/channel/channel_manager.h"
#include "services/alerting/evaluation/evaluator.h"
#include "services/alerting/event/event_feed.h"
#include "services/alerting/event/event_publisher.h"
#include "services/alerting/rule/rule_manager.h"
#include "services/alerting/rule/rule_validation.h"

namespace tarn::alerting {
namespace {

using rpc::Access;
using rpc::CallContext;

// A call that is refused before there is a subscription.
class RefusedSubscription final : public grpc::ServerWriteReactor<v1::SubscribeEventsResponse> {
 public:
  explicit RefusedSubscription(const absl::Status& status) { Finish(rpc::ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

template <typename Response, typename Body>
grpc::Status AlertingServiceImpl::Answer(grpc::ServerContext* context, rpc::MethodInfo method,
                                         Response* response, const Body& body) const {
  return handler_.Handle(context, method, [&](const CallContext& call) -> absl::Status {
    TARN_RETURN_IF_ERROR(parts_.storage.Check());
    TARN_ASSIGN_OR_RETURN(*response, body(call));
    return absl::OkStatus();
  });
}

grpc::Status AlertingServiceImpl::CreateRule(grpc::ServerContext* context,
                                             const v1::CreateRuleRequest* request,
                                             v1::Rule* response) {
  return Answer(context, {"CreateRule", Access::kWrite}, response, [&](const CallContext& call) {
    return parts_.rules.Create(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::GetRule(grpc::ServerContext* context,
                                          const v1::GetRuleRequest* request, v1::Rule* response) {
  return Answer(context, {"GetRule", Access::kRead}, response,
                [&](const CallContext& call) { return parts_.rules.Get(call.caller, *request); });
}

grpc::Status AlertingServiceImpl::ListRules(grpc::ServerContext* context,
                                            const v1::ListRulesRequest* request,
                                            v1::ListRulesResponse* response) {
  return Answer(context, {"ListRules", Access::kRead}, response,
                [&](const CallContext& call) { return parts_.rules.List(call.caller, *request); });
}

grpc::Status AlertingServiceImpl::UpdateRule(grpc::ServerContext* context,
                                             const v1::UpdateRuleRequest* request,
                                             v1::Rule* response) {
  return Answer(context, {"UpdateRule", Access::kWrite}, response, [&](const CallContext& call) {
    return parts_.rules.Update(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::DeleteRule(grpc::ServerContext* context,
                                             const v1::DeleteRuleRequest* request,
                                             v1::DeleteRuleResponse* response) {
  return Answer(context, {"DeleteRule", Access::kWrite}, response, [&](const CallContext& call) {
    return parts_.rules.Delete(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::EvaluateRule(grpc::ServerContext* context,
                                               const v1::EvaluateRuleRequest* request,
                                               v1::Evaluation* response) {
  return Answer(context, {"EvaluateRule", Access::kWrite}, response,
                [&](const CallContext& call) -> absl::StatusOr<v1::Evaluation> {
                  TARN_ASSIGN_OR_RETURN(std::string id, RuleIdOf(request->name()));
                  return parts_.evaluator.EvaluateNow(call.caller.workspace, id,
                                                      [&] { return call.IsCancelled(); });
                });
}

grpc::Status AlertingServiceImpl::ListAlerts(grpc::ServerContext* context,
                                             const v1::ListAlertsRequest* request,
                                             v1::ListAlertsResponse* response) {
  return Answer(context, {"ListAlerts", Access::kRead}, response, [&](const CallContext& call) {
    return parts_.rules.ListAlerts(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::AcknowledgeAlert(grpc::ServerContext* context,
                                                   const v1::AcknowledgeAlertRequest* request,
                                                   v1::Alert* response) {
  return Answer(
      context, {"AcknowledgeAlert", Access::kWrite}, response,
      [&](const CallContext& call) { return parts_.rules.Acknowledge(call.caller, *request); });
}

grpc::Status AlertingServiceImpl::ListAlertTransitions(
    grpc::ServerContext* context, const v1::ListAlertTransitionsRequest* request,
    v1::ListAlertTransitionsResponse* response) {
  return Answer(
      context, {"ListAlertTransitions", Access::kRead}, response,
      [&](const CallContext& call) { return parts_.rules.ListTransitions(call.caller, *request); });
}

grpc::Status AlertingServiceImpl::CreateChannel(grpc::ServerContext* context,
                                                const v1::CreateChannelRequest* request,
                                                v1::Channel* response) {
  return Answer(context, {"CreateChannel", Access::kWrite}, response, [&](const CallContext& call) {
    return parts_.channels.Create(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::GetChannel(grpc::ServerContext* context,
                                             const v1::GetChannelRequest* request,
                                             v1::Channel* response) {
  return Answer(context, {"GetChannel", Access::kRead}, response, [&](const CallContext& call) {
    return parts_.channels.Get(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::ListChannels(grpc::ServerContext* context,
                                               const v1::ListChannelsRequest* request,
                                               v1::ListChannelsResponse* response) {
  return Answer(context, {"ListChannels", Access::kRead}, response, [&](const CallContext& call) {
    return parts_.channels.List(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::UpdateChannel(grpc::ServerContext* context,
                                                const v1::UpdateChannelRequest* request,
                                                v1::Channel* response) {
  return Answer(context, {"UpdateChannel", Access::kWrite}, response, [&](const CallContext& call) {
    return parts_.channels.Update(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::DeleteChannel(grpc::ServerContext* context,
                                                const v1::DeleteChannelRequest* request,
                                                v1::DeleteChannelResponse* response) {
  return Answer(context, {"DeleteChannel", Access::kWrite}, response, [&](const CallContext& call) {
    return parts_.channels.Delete(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::SendNotification(grpc::ServerContext* context,
                                                   const v1::SendNotificationRequest* request,
                                                   v1::Delivery* response) {
  return Answer(
      context, {"SendNotification", Access::kWrite}, response,
      [&](const CallContext& call) { return parts_.channels.Send(call.caller, *request); });
}

grpc::Status AlertingServiceImpl::ListDeliveries(grpc::ServerContext* context,
                                                 const v1::ListDeliveriesRequest* request,
                                                 v1::ListDeliveriesResponse* response) {
  return Answer(context, {"ListDeliveries", Access::kRead}, response, [&](const CallContext& call) {
    return parts_.channels.ListDeliveries(call.caller, *request);
  });
}

grpc::Status AlertingServiceImpl::PublishEvents(grpc::ServerContext* context,
                                                const v1::PublishEventsRequest* request,
                                                v1::PublishEventsResponse* response) {
  return Answer(context, {"PublishEvents", Access::kWrite}, response, [&](const CallContext& call) {
    return alerting::PublishEvents(parts_.pool, call, *request);
  });
}

grpc::ServerWriteReactor<v1::SubscribeEventsResponse>* AlertingServiceImpl::SubscribeEvents(
    grpc::CallbackServerContext* context, const v1::SubscribeEventsRequest* request) {
  absl::StatusOr<std::unique_ptr<rpc::CallScope>> scope =
      handler_.BeginCall(context, {"SubscribeEvents", Access::kRead});
  // Deletes itself when gRPC is done with it.
  if (!scope.ok()) return new RefusedSubscription(scope.status());
  return parts_.feed.Subscribe(*std::move(scope), *request);
}

}  // namespace tarn::alerting
