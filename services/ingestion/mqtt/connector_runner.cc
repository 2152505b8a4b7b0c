#include "services/ingestion/mqtt/connector_runner.h"

#include <fstream>
#include <iterator>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/auth/caller.h"
#include "common/failpoint/failpoint.h"
#include "common/logging/logging.h"
#include "common/rpc/client.h"
#include "common/secret_file/secret_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/mqtt/mqtt_record.h"
#include "services/ingestion/stream_manager.h"

namespace tarn::ingestion::mqtt {
namespace {

constexpr size_t kMaxCertificateBytes = 256 << 10;
constexpr absl::Duration kOwnerCheckPause = absl::Minutes(1);
constexpr rpc::RetryPolicy kBackoff{.initial_backoff = absl::Milliseconds(500),
                                    .max_backoff = absl::Seconds(30)};

// The definition was checked before it was stored.
TopicPattern PatternOf(const Connector& connector) {
  absl::StatusOr<TopicPattern> pattern =
      TopicPattern::Parse(connector.definition.mqtt().topic_filter());
  return pattern.ok() ? *std::move(pattern) : *TopicPattern::Parse("+");
}

std::string ErrorText(const absl::Status& status) {
  return absl::StrCat(ErrorReason(status), ErrorReason(status).empty() ? "" : ": ",
                      std::string(status.message()));
}

}  // namespace

ConnectorRunner::ConnectorRunner(const ConnectorDependencies& dependencies, Connector connector,
                                 Lease lease)
    : deps_(dependencies),
      connector_(std::move(connector)),
      pattern_(PatternOf(connector_)),
      subscribed_filter_(connector_.subscribed_filter),
      keeper_(deps_.pool, ConnectorStore::Leases(), std::move(lease), deps_.lease_time,
              [this] { RequestStop(); }),
      thread_([this] { Work(); }) {}

ConnectorRunner::~ConnectorRunner() {
  RequestStop();
  thread_.join();
  Report("", true);
  // Should PostgreSQL be away, the lease ends by itself.
  if (!keeper_.lost()) deps_.store.Release(keeper_.lease()).IgnoreError();
}

void ConnectorRunner::RequestStop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    if (connection_ != nullptr) connection_->Stop();
  }
  stop_changed_.notify_all();
}

bool ConnectorRunner::WaitFor(absl::Duration duration) {
  std::unique_lock lock(mutex_);
  return !stop_changed_.wait_for(lock, absl::ToChronoMilliseconds(duration), [&] { return stop_; });
}

bool ConnectorRunner::IsStopping() {
  std::lock_guard lock(mutex_);
  return stop_;
}

void ConnectorRunner::Work() {
  int failures = 0;
  while (!IsStopping()) {
    absl::Status status = RunConnection();
    bool was_connected = false;
    bool was_refused = false;
    {
      std::lock_guard lock(mutex_);
      was_connected = std::exchange(connected_, false);
      was_refused = std::exchange(refused_, false);
    }
    if (was_refused) status = CheckOwner();
    if (was_connected) {
      deps_.metrics.connected.Decrement();
      failures = 0;
    }
    if (IsStopping()) return;
    if (status.ok()) continue;
    deps_.metrics.connection_failures.Increment();
    if (failures == 0) {
      logging::Warn("ingestion", "a connector is not connected and tries again", status,
                    {{"workspace", connector_.workspace}, {"connector", connector_.name()}});
    }
    Report(ErrorText(status), true);
    if (!WaitFor(rpc::RetryBackoff(kBackoff, ++failures))) return;
  }
}

std::filesystem::path ConnectorRunner::SecretPath(const std::string& file) const {
  // Nobody uses another workspace's secrets.
  return deps_.secrets / connector_.workspace / file;
}

absl::StatusOr<std::string> ConnectorRunner::ReadCertificate(const char* field,
                                                             const std::string& file) const {
  if (file.empty()) return std::string();
  const std::filesystem::path path = SecretPath(file);
  std::error_code error;
  std::ifstream in(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path, error) || !in ||
      std::filesystem::file_size(path, error) > kMaxCertificateBytes) {
    return FailedPrecondition("CERTIFICATE_UNREADABLE",
                              absl::StrCat(field, ": ", path.string(),
                                           " is no file of at most 256 KiB that ingestion can "
                                           "read; put it there (option "
                                           "ingestion.connector_secrets_path)"));
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

absl::StatusOr<std::string> ConnectorRunner::ReadSecret(const char* field,
                                                        const std::string& file) const {
  if (file.empty()) return std::string();
  absl::StatusOr<std::string> secret = ReadSecretFile(SecretPath(file));
  if (!secret.ok()) return Annotate(secret.status(), field);
  return secret;
}

absl::StatusOr<ConnectionOptions> ConnectorRunner::MakeOptions() const {
  const v1::MqttSource& mqtt = connector_.definition.mqtt();
  ConnectionOptions options;
  TARN_ASSIGN_OR_RETURN(BrokerAddress broker, ParseBroker(mqtt.broker()));
  options.host = std::move(broker.host);
  options.port = std::move(broker.port);
  options.tls = mqtt.tls();
  TARN_ASSIGN_OR_RETURN(options.ca, ReadCertificate("ca_file", mqtt.ca_file()));
  TARN_ASSIGN_OR_RETURN(options.certificate,
                        ReadCertificate("certificate_file", mqtt.certificate_file()));
  TARN_ASSIGN_OR_RETURN(options.key, ReadSecret("key_file", mqtt.key_file()));
  options.user = mqtt.user();
  TARN_ASSIGN_OR_RETURN(options.password, ReadSecret("password_file", mqtt.password_file()));
  options.client_id = mqtt.client_id();
  if (options.client_id.empty()) {
    std::string uid = connector_.uid;
    std::erase(uid, '-');
    // The end of a UUID is random, its beginning the time.
    options.client_id = "tarn" + uid.substr(uid.size() - 16);
  }
  options.topic_filter = pattern_.filter();
  options.keep_alive = absl::Seconds(mqtt.keep_alive().seconds());
  return options;
}

absl::Status ConnectorRunner::CheckOwner() const {
  const absl::StatusOr<std::string> token =
      deps_.tokens.TokenFor(connector_.workspace, connector_.owner);
  const auto refused = [&](std::string_view why) {
    return PermissionDenied("OWNER_REFUSED",
                            absl::StrCat("the owner ", connector_.owner, " of ", connector_.name(),
                                         " may not write any more: ", std::string(why)));
  };
  if (absl::IsNotFound(token.status()) || absl::IsPermissionDenied(token.status())) {
    return refused(std::string(token.status().message()));
  }
  if (!token.ok()) return absl::OkStatus();
  const auto verified = deps_.verifier.Verify(*token);
  if (!verified.ok()) return absl::OkStatus();
  const auth::Caller& caller = verified->caller;
  if (caller.IsAdmin() || caller.IsService() || caller.HasRole(auth::kEditorRole)) {
    return absl::OkStatus();
  }
  return refused("it is no editor");
}

absl::Status ConnectorRunner::RunConnection() {
  TARN_ASSIGN_OR_RETURN(const std::string stream_id,
                        ParseStreamName(connector_.definition.stream()));
  TARN_ASSIGN_OR_RETURN(const StreamPtr stream,
                        deps_.streams.Find(connector_.workspace, stream_id));
  TARN_RETURN_IF_ERROR(CheckOwner());
  TARN_ASSIGN_OR_RETURN(ConnectionOptions options, MakeOptions());
  options.subscribed_filter = subscribed_filter_;
  std::string delayed;
  Connection connection(
      std::move(options),
      {.on_subscribed = [this] { OnSubscribed(); },
       .store = [&](std::string_view topic, std::string_view payload,
                    Connection::Done done) { Store(stream, topic, payload, std::move(done)); },
       .on_delay =
           [&](const absl::Status& status) {
             // Once for each cause, not for each message.
             if (std::string text = ErrorText(status); text != delayed) {
               delayed = std::move(text);
               Report(delayed, false);
             }
           }});
  {
    std::lock_guard lock(mutex_);
    if (stop_) return absl::OkStatus();
    connection_ = &connection;
    owner_checked_ = absl::Now();
  }
  const absl::Status status = connection.Run();
  std::lock_guard lock(mutex_);
  connection_ = nullptr;
  return status;
}

void ConnectorRunner::OnSubscribed() {
  {
    std::lock_guard lock(mutex_);
    connected_ = true;
    subscribed_filter_ = pattern_.filter();
  }
  deps_.metrics.connected.Increment();
  logging::Info("ingestion", "a connector is connected",
                {{"workspace", connector_.workspace}, {"connector", connector_.name()}});
  Report("", true);
}

void ConnectorRunner::Store(const StreamPtr& stream, std::string_view topic,
                            std::string_view payload, Connection::Done done) {
  if (deps_.streams.FindByUid(stream->uid) == nullptr) return done(StreamNotFound(stream->id));
  const v1::Connector& definition = connector_.definition;
  const std::string record =
      MakeRecord(pattern_, definition.mqtt().payload_format(), topic, payload);
  BatchKey key{.workspace = stream->workspace, .stream_uid = stream->uid};
  const std::vector<std::string> fields(definition.deduplication_fields().begin(),
                                        definition.deduplication_fields().end());
  if (const std::string distinct = DeduplicationKey(fields, record); !distinct.empty()) {
    key.request_id = absl::StrCat("connector/", connector_.uid, "/", distinct);
    // Equal keys are the same message, whatever else the records say.
    key.request_hash = 1;
  }
  deps_.wal.Append(std::move(key), std::vector<std::string_view>{record},
                   [counts = counts_, &metrics = deps_.metrics,
                    done = std::move(done)](const absl::StatusOr<AppendOutcome>& outcome) {
                     if (outcome.ok()) {
                       TARN_FAILPOINT("ingestion.mqtt.before_ack");
                       (outcome->replayed ? counts->duplicates : counts->messages) += 1;
                       (outcome->replayed ? metrics.duplicates : metrics.messages).Increment();
                     }
                     done(outcome.status());
                   });
}

void ConnectorRunner::Report(const std::string& error, bool changed) {
  ConnectorReport report;
  report.error = error;
  report.messages = counts_->messages.exchange(0);
  report.duplicates = counts_->duplicates.exchange(0);
  {
    std::lock_guard lock(mutex_);
    report.connected = connected_;
    report.subscribed_filter = subscribed_filter_;
  }
  if (!changed && error.empty() && report.messages == 0 && report.duplicates == 0) return;
  if (const absl::Status status = deps_.store.Report(keeper_.lease(), report); !status.ok()) {
    // Told with the next report.
    counts_->messages += report.messages;
    counts_->duplicates += report.duplicates;
  }
}

void ConnectorRunner::Tick() {
  Report("", false);
  {
    std::lock_guard lock(mutex_);
    const absl::Time now = absl::Now();
    if (connection_ == nullptr || now - owner_checked_ < kOwnerCheckPause) return;
    owner_checked_ = now;
  }
  if (CheckOwner().ok()) return;
  std::lock_guard lock(mutex_);
  refused_ = true;
  if (connection_ != nullptr) connection_->Stop();
}

}  // namespace tarn::ingestion::mqtt
