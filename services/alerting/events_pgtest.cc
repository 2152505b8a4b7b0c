// Publishing and subscribing, over gRPC on a real PostgreSQL.
#include <grpcpp/client_context.h>

#include "common/events/event.h"
#include "common/ids/ids.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/alerting/testing/alerting_fixture.h"

namespace tarn::alerting {
namespace {

using ::testing::ElementsAre;

class EventsPgTest : public AlertingFixture {
 protected:
  // A subscription that is known to have begun.
  struct Subscription {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::SubscribeEventsResponse>> reader;

    v1::SubscribeEventsResponse Next() {
      v1::SubscribeEventsResponse response;
      EXPECT_TRUE(reader->Read(&response));
      return response;
    }
    absl::Status End() {
      v1::SubscribeEventsResponse response;
      while (reader->Read(&response)) {
      }
      return rpc::FromGrpcStatus(reader->Finish());
    }
  };

  std::unique_ptr<Subscription> Subscribe(const v1::SubscribeEventsRequest& request = {},
                                          const std::string& token = "") {
    auto subscription = std::make_unique<Subscription>();
    rpc::PrepareContext(subscription->context, {token.empty() ? token_ : token, ""},
                        absl::Seconds(30));
    subscription->reader = stub_->SubscribeEvents(&subscription->context, request);
    subscription->reader->WaitForInitialMetadata();
    return subscription;
  }

  static v1::Event MakeEvent(const std::string& type, const std::string& subject = "") {
    v1::Event event;
    event.set_type(type);
    event.set_source("//example.com/meters");
    event.set_subject(subject);
    (*event.mutable_data()->mutable_fields())["kwh"].set_number_value(1.5);
    return event;
  }

  absl::StatusOr<v1::PublishEventsResponse> Publish(const std::vector<v1::Event>& events,
                                                    const std::string& request_id = "",
                                                    const std::string& token = "") {
    v1::PublishEventsRequest request;
    request.set_request_id(request_id);
    for (const v1::Event& event : events) *request.add_events() = event;
    return Call(&Stub::PublishEvents, request, token);
  }
};

TEST_F(EventsPgTest, ASubscriberGetsWhatIsPublishedInOrder) {
  auto subscription = Subscribe();
  ASSERT_OK_AND_ASSIGN(auto published, Publish({MakeEvent("com.a", "m/1"), MakeEvent("com.b")}));
  ASSERT_EQ(published.ids_size(), 2);
  v1::SubscribeEventsResponse first = subscription->Next();
  EXPECT_EQ(first.event().id(), published.ids(0));
  EXPECT_EQ(first.event().type(), "com.a");
  EXPECT_EQ(first.event().source(), "//example.com/meters");
  EXPECT_EQ(first.event().subject(), "m/1");
  EXPECT_EQ(first.event().data().fields().at("kwh").number_value(), 1.5);
  EXPECT_EQ(subscription->Next().event().id(), published.ids(1));
  subscription->context.TryCancel();
  EXPECT_THAT(subscription->End(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(EventsPgTest, ASubscriberGoesOnAfterItsPosition) {
  auto subscription = Subscribe();
  ASSERT_OK(Publish({MakeEvent("com.a"), MakeEvent("com.b"), MakeEvent("com.c")}));
  v1::SubscribeEventsRequest request;
  request.set_after_position(subscription->Next().position());
  subscription->context.TryCancel();
  subscription->End().IgnoreError();
  auto again = Subscribe(request);
  EXPECT_EQ(again->Next().event().type(), "com.b");
  EXPECT_EQ(again->Next().event().type(), "com.c");
  again->context.TryCancel();
  request.set_after_position("nonsense");
  EXPECT_THAT(Subscribe(request)->End(),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_POSITION"));
}

TEST_F(EventsPgTest, OnlyTheTypesAndTheSubjectAskedForOfTheOwnWorkspaceCome) {
  v1::SubscribeEventsRequest request;
  request.set_type_prefix("com.meter.");
  request.set_subject("m/1");
  auto subscription = Subscribe(request);
  auth::Caller stranger = auth::TestCaller("eve");
  stranger.workspace = "other";
  ASSERT_OK(Publish({MakeEvent("com.meter.x", "m/1")}, "", authority_.TokenFor(stranger)));
  ASSERT_OK(Publish({MakeEvent("com.other", "m/1"), MakeEvent("com.meter.a", "m/2"),
                     MakeEvent("com.meter.b", "m/1")}));
  EXPECT_EQ(subscription->Next().event().type(), "com.meter.b");
  subscription->context.TryCancel();
}

TEST_F(EventsPgTest, TarnsOwnTypesCannotBePublished) {
  v1::Event event = MakeEvent("tarn.catalog.table.created");
  event.set_source("");
  absl::Status status = Publish({MakeEvent("com.a"), event}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status))
    fields.push_back(violation.field);
  EXPECT_THAT(fields, ElementsAre("events[1].type", "events[1].source"));
  EXPECT_EQ(Count("SELECT count(*) FROM events.outbox"), 0);
}

TEST_F(EventsPgTest, APublishThatComesTwicePublishesOnce) {
  ASSERT_OK_AND_ASSIGN(auto first, Publish({MakeEvent("com.a")}, "r1"));
  ASSERT_OK_AND_ASSIGN(auto second, Publish({MakeEvent("com.a")}, "r1"));
  EXPECT_EQ(first.ids(0), second.ids(0));
  EXPECT_EQ(Count("SELECT count(*) FROM events.outbox"), 1);
}

TEST_F(EventsPgTest, AStopEndsSubscriptionsWithUnavailable) {
  auto subscription = Subscribe();
  Stop();
  EXPECT_THAT(subscription->End(), StatusIs(absl::StatusCode::kUnavailable, "MODULE_STOPPING"));
}

TEST_F(EventsPgTest, AStreamEndsWithItsToken) {
  auto subscription = Subscribe();
  clock_.SetTime(absl::Now() + absl::Hours(1));
  EXPECT_THAT(subscription->End(), StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED"));
}

TEST_F(EventsPgTest, ThereAreNoMoreSubscriptionsThanAllowed) {
  Stop();
  options_.max_subscriptions = 1;
  Start();
  auto first = Subscribe();
  EXPECT_THAT(Subscribe()->End(),
              StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_SUBSCRIPTIONS"));
  first->context.TryCancel();
  first->End().IgnoreError();
}

TEST_F(EventsPgTest, ASubscriberWithoutACredentialIsRefused) {
  EXPECT_EQ(Subscribe({}, "nonsense")->End().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(EventsPgTest, ManyEventsComeInOrderAndNoneIsMissed) {
  auto subscription = Subscribe();
  std::vector<std::string> ids;
  for (int batch = 0; batch < 8; ++batch) {
    std::vector<v1::Event> events(100, MakeEvent("com.a"));
    ASSERT_OK_AND_ASSIGN(auto published, Publish(events));
    ids.insert(ids.end(), published.ids().begin(), published.ids().end());
  }
  std::vector<std::string> got;
  for (size_t i = 0; i < ids.size(); ++i) got.push_back(subscription->Next().event().id());
  EXPECT_EQ(got, ids);
  subscription->context.TryCancel();
}

}  // namespace
}  // namespace tarn::alerting
