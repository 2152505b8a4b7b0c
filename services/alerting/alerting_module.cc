#include "services/alerting/alerting_module.h"

#include <atomic>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <grpcpp/server_builder.h>

#include "common/clock/clock.h"
#include "common/events/event.h"
#include "common/ids/ids.h"
#include "common/postgres/postgres_pool.h"
#include "common/postgres/storage_opener.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/alerting/alerting_metrics.h"
#include "services/alerting/alerting_service.h"
#include "services/alerting/background_loop.h"
#include "services/alerting/channel/channel_manager.h"
#include "services/alerting/delivery/deliverer.h"
#include "services/alerting/delivery/http_sender.h"
#include "services/alerting/evaluation/evaluator.h"
#include "services/alerting/evaluation/query_runner.h"
#include "services/alerting/event/event_feed.h"
#include "services/alerting/housekeeping.h"
#include "services/alerting/migrations.h"
#include "services/alerting/rule/rule_manager.h"

namespace tarn::alerting {
namespace {

constexpr absl::Duration kGaugeInterval = absl::Seconds(5);
constexpr absl::Duration kCleaningInterval = absl::Hours(1);
constexpr absl::Duration kHouseInterval = absl::Milliseconds(500);

PostgresPoolOptions PoolOptions(const AlertingOptions& options, const std::string& dsn) {
  PostgresPoolOptions pool;
  pool.dsn = dsn;
  pool.max_connections = static_cast<int>(options.postgres_connections);
  pool.application_name = "tarn-alerting";
  return pool;
}

// Who holds leases: unique to this process and module.
std::string NewHolder() {
  char host[256] = "host";
  gethostname(host, sizeof host - 1);
  return absl::StrCat(host, "-", getpid(), "-", NewShortId());
}

}  // namespace

// Order of members is order of construction: what is used stands before what uses it.
class AlertingModule::Impl {
 public:
  Impl(AlertingOptions options, ReceiverPolicy policy, const server::ModuleContext& context)
      : options_(std::move(options)),
        clock_(context.clock),
        metrics_(context.metrics),
        pool_(PoolOptions(options_, context.postgres_dsn)),
        rules_(pool_, clock_),
        channels_(pool_, clock_, {policy, !options_.secret_folder.empty()}),
        queries_(context.services, context.tokens, options_.evaluation_timeout),
        evaluator_(pool_, clock_, queries_, metrics_,
                   {.holder = holder_, .lease_time = options_.lease_time},
                   [this] { delivery_loop_.Wake(); }),
        sender_(std::move(policy), options_.http_timeout, options_.http_proxy),
        deliverer_(pool_, clock_, sender_, metrics_,
                   {.holder = holder_,
                    .lease_time = options_.lease_time,
                    .secret_folder = options_.secret_folder}),
        feed_(pool_, storage_, clock_, metrics_, static_cast<int>(options_.max_subscriptions)),
        housekeeping_(pool_, clock_, metrics_, options_.event_retention,
                      options_.history_retention),
        service_({rules_, channels_, evaluator_, feed_, pool_, storage_},
                 context.HandlerOptions("alerting")),
        evaluation_loop_("evaluator", options_.poll_interval,
                         [this] { return WhenOpen([this] { return evaluator_.EvaluateNext(); }); }),
        delivery_loop_("deliverer", options_.poll_interval,
                       [this] { return WhenOpen([this] { return deliverer_.DeliverNext(); }); }),
        house_loop_("housekeeping", kHouseInterval,
                    [this] { return WhenOpen([this] { return KeepHouse(); }); }) {}

  void RegisterServices(grpc::ServerBuilder& builder) { builder.RegisterService(&service_); }

  absl::Status Start() {
    storage_.Start();
    house_loop_.Start(1);
    evaluation_loop_.Start(static_cast<int>(options_.evaluators));
    delivery_loop_.Start(static_cast<int>(options_.deliverers));
    feed_.Start();
    return absl::OkStatus();
  }

  absl::Status Ready() {
    TARN_RETURN_IF_ERROR(storage_.Check());
    return pool_.CheckHealth();
  }

  void Drain() {
    evaluation_loop_.RequestStop();
    delivery_loop_.RequestStop();
    feed_.Drain();
  }

  void Stop() {
    Drain();
    evaluator_.Cancel();
    sender_.Cancel();
    evaluation_loop_.Stop();
    delivery_loop_.Stop();
    feed_.Stop();
    house_loop_.Stop();
    storage_.Stop();
  }

 private:
  absl::Status OpenStorage() {
    TARN_RETURN_IF_ERROR(events::Migrate(pool_));
    return ApplyMigrations(pool_, "alerting", Migrations());
  }

  // Before the tables are there nothing is due.
  template <typename F>
  absl::StatusOr<bool> WhenOpen(F work) {
    if (!storage_.Check().ok()) return false;
    return work();
  }

  // Counts and cleans.
  absl::StatusOr<bool> KeepHouse() {
    const absl::Time now = clock_.Now();
    if (now >= next_gauges_) {
      TARN_RETURN_IF_ERROR(housekeeping_.UpdateGauges());
      next_gauges_ = now + kGaugeInterval;
    }
    if (now >= next_cleaning_) {
      TARN_RETURN_IF_ERROR(housekeeping_.DeleteOld());
      next_cleaning_ = now + kCleaningInterval;
    }
    return false;
  }

  const AlertingOptions options_;
  const std::string holder_ = NewHolder();
  Clock& clock_;
  AlertingMetrics metrics_;
  PostgresPool pool_;
  StorageOpener storage_{"alerting", [this] { return OpenStorage(); }};
  RuleManager rules_;
  ChannelManager channels_;
  QueryRunner queries_;
  Evaluator evaluator_;
  HttpSender sender_;
  Deliverer deliverer_;
  EventFeed feed_;
  Housekeeping housekeeping_;
  AlertingServiceImpl service_;
  BackgroundLoop evaluation_loop_;
  BackgroundLoop delivery_loop_;
  BackgroundLoop house_loop_;
  // The housekeeping thread's own.
  absl::Time next_gauges_ = absl::InfinitePast();
  absl::Time next_cleaning_ = absl::InfinitePast();
};

absl::StatusOr<std::unique_ptr<server::Module>> AlertingModule::Create(
    const AlertingOptions& options, const server::ModuleContext& context) {
  if (options.lease_time <= options.http_timeout) {
    return InvalidArgument("INVALID_OPTION",
                           "alerting.lease_time must be longer than alerting.http_timeout, or a "
                           "notification would be posted twice while it is under way");
  }
  TARN_ASSIGN_OR_RETURN(ReceiverPolicy policy, ReceiverPolicy::Parse(options.allowed_hosts));
  return std::make_unique<AlertingModule>(options, std::move(policy), context);
}

AlertingModule::AlertingModule(AlertingOptions options, ReceiverPolicy policy,
                               const server::ModuleContext& context)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(policy), context)) {}
AlertingModule::~AlertingModule() = default;

void AlertingModule::RegisterServices(grpc::ServerBuilder& builder) {
  impl_->RegisterServices(builder);
}
absl::Status AlertingModule::Start() { return impl_->Start(); }
absl::Status AlertingModule::Ready() { return impl_->Ready(); }
void AlertingModule::Drain() { impl_->Drain(); }
void AlertingModule::Stop() { impl_->Stop(); }

}  // namespace tarn::alerting
