#include "services/ingestion/mqtt/mqtt_connection.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "common/status/error.h"
#include "services/ingestion/mqtt/mqtt_packet.h"

namespace tarn::ingestion::mqtt {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

constexpr uint16_t kUnsubscribeId = 1;
constexpr uint16_t kSubscribeId = 2;
constexpr size_t kReadBytes = 64 << 10;
// What stands around a payload in memory; many small messages count as well.
constexpr size_t kMessageOverhead = 128;

absl::Status Broken(std::string_view what, const std::string& where, const error_code& error) {
  return Unavailable("MQTT_CONNECTION", absl::StrCat("could not ", std::string(what), " ", where,
                                                     ": ", error.message()));
}

}  // namespace

class Connection::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(ConnectionOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        address_(absl::StrCat(options_.host, ":", options_.port)) {}

  absl::Status Run() {
    if (absl::Status ready = SetUpTls(); !ready.ok()) {
      std::lock_guard lock(mutex_);
      ended_ = true;
      return ready;
    }
    connect_timer_.expires_after(absl::ToChronoMilliseconds(options_.connect_timeout));
    connect_timer_.async_wait([this](error_code error) {
      if (error) return;
      End(Unavailable("MQTT_CONNECTION",
                      absl::StrCat("the broker ", address_, " did not answer within ",
                                   absl::FormatDuration(options_.connect_timeout))));
    });
    resolver_.async_resolve(
        options_.host, options_.port, [this](error_code error, Tcp::resolver::results_type found) {
          if (result_) return;
          if (error) return End(Broken("find", address_, error));
          asio::async_connect(stream_->next_layer(), found, [this](error_code failed, auto&&) {
            if (failed) return End(Broken("connect to", address_, failed));
            OnConnected();
          });
        });
    // Ends when End has closed everything and each handler has run.
    context_.run();
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    // What was posted meanwhile holds this object, and must not wait in its own queue.
    context_.restart();
    context_.poll();
    return *result_;
  }

  void Stop() {
    Post([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self == nullptr || self->result_) return;
      self->stopping_ = true;
      self->End(absl::OkStatus());
    });
  }

 private:
  // A message that is not acknowledged yet.
  struct Message {
    std::string topic;
    std::string payload;
    uint16_t packet_id = 0;  // 0: QoS 0
    bool kept = false;
    size_t cost() const { return topic.size() + payload.size() + kMessageOverhead; }
  };

  // Has `work` done on Run's thread, unless Run is over.
  template <typename Work>
  void Post(Work work) {
    std::lock_guard lock(mutex_);
    if (!ended_) asio::post(context_, std::move(work));
  }

  absl::Status SetUpTls() {
    error_code error;
    const auto check = [&](std::string_view what) -> absl::Status {
      if (!error) return absl::OkStatus();
      return FailedPrecondition("MQTT_TLS", absl::StrCat("the ", std::string(what),
                                                         " cannot be used: ", error.message()));
    };
    ssl_.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                     ssl::context::no_tlsv1_1);
    if (options_.tls) {
      if (options_.ca.empty()) {
        ssl_.set_default_verify_paths(error);
      } else {
        ssl_.add_certificate_authority(asio::buffer(options_.ca), error);
      }
      if (absl::Status bad = check("file of the authority (ca_file)"); !bad.ok()) return bad;
      if (!options_.certificate.empty()) {
        ssl_.use_certificate_chain(asio::buffer(options_.certificate), error);
        if (absl::Status bad = check("certificate (certificate_file)"); !bad.ok()) return bad;
        ssl_.use_private_key(asio::buffer(options_.key), ssl::context::pem, error);
        if (absl::Status bad = check("certificate's key (key_file)"); !bad.ok()) return bad;
      }
      ssl_.set_verify_mode(ssl::verify_peer, error);
      ssl_.set_verify_callback(ssl::host_name_verification(options_.host), error);
    }
    stream_.emplace(context_, ssl_);
    asio::ip::make_address(options_.host, error);
    const bool is_name = static_cast<bool>(error);
    if (options_.tls && is_name) {
      SSL_set_tlsext_host_name(stream_->native_handle(), options_.host.c_str());
    }
    return absl::OkStatus();
  }

  void OnConnected() {
    if (result_) return;
    error_code ignored;
    stream_->next_layer().set_option(Tcp::no_delay(true), ignored);
    if (!options_.tls) return SendConnect();
    stream_->async_handshake(ssl::stream_base::client, [this](error_code error) {
      if (error) {
        return End(FailedPrecondition(
            "MQTT_TLS", absl::StrCat("no TLS with ", address_, ": ", error.message(),
                                     "; look at ca_file, certificate_file and the host's name in "
                                     "the broker's certificate")));
      }
      SendConnect();
    });
  }

  void SendConnect() {
    if (result_) return;
    ConnectFields fields{.client_id = options_.client_id};
    if (!options_.user.empty()) fields.user = options_.user;
    if (!options_.password.empty()) fields.password = options_.password;
    fields.keep_alive_seconds = static_cast<uint16_t>(absl::ToInt64Seconds(options_.keep_alive));
    Send(ConnectPacket(fields));
    Read();
    KeepAlive();
  }

  // ---- Reading

  void Read() {
    if (result_ || reading_) return;
    reading_ = true;
    const size_t have = input_.size();
    input_.resize(have + kReadBytes);
    const auto buffer = asio::buffer(input_.data() + have, kReadBytes);
    const auto done = [this, have](error_code error, size_t size) {
      reading_ = false;
      input_.resize(have + size);
      if (result_) return;
      if (error) return End(Broken("read from", address_, error));
      heard_ = true;
      TakeInput();
    };
    if (options_.tls) {
      stream_->async_read_some(buffer, done);
    } else {
      stream_->next_layer().async_read_some(buffer, done);
    }
  }

  bool Full() const { return waiting_ > 0 || in_flight_bytes_ > options_.max_in_flight_bytes; }

  // Takes the packets that are there whole, as long as there is room for messages; then reads on.
  void TakeInput() {
    if (reading_) return;
    size_t taken = 0;
    while (!result_ && !Full()) {
      const size_t excess = std::min(excess_, input_.size() - taken);
      taken += excess;
      excess_ -= excess;
      const absl::StatusOr<std::optional<Frame>> frame =
          NextFrame(std::string_view(input_).substr(taken), options_.max_packet_bytes);
      if (!frame.ok()) return End(frame.status());
      if (!*frame) break;
      taken += (*frame)->size;
      excess_ = (*frame)->excess;
      if (absl::Status status = OnFrame(**frame); !status.ok()) return End(status);
    }
    input_.erase(0, taken);
    if (!Full()) Read();
  }

  absl::Status OnFrame(const Frame& frame) {
    if (!connected_ && frame.type != PacketType::kConnectAck) {
      return InvalidArgument("MQTT_PROTOCOL", "the broker sent something before its CONNACK");
    }
    switch (frame.type) {
      case PacketType::kConnectAck:
        return OnConnectAck(frame);
      case PacketType::kSubscribeAck:
        if (absl::Status status = ParseSubscribeAck(frame, kSubscribeId); !status.ok()) {
          return status;
        }
        OnSubscribed();
        return absl::OkStatus();
      case PacketType::kPublish:
        return OnPublish(frame);
      default:
        return absl::OkStatus();
    }
  }

  absl::Status OnConnectAck(const Frame& frame) {
    const absl::StatusOr<ConnectAck> ack = ParseConnectAck(frame);
    if (!ack.ok()) return ack.status();
    if (ack->code != 0) return ConnectionRefused(ack->code);
    connected_ = true;
    // Subscribing again would bring the retained messages again.
    if (ack->session_present && options_.subscribed_filter == options_.topic_filter) {
      OnSubscribed();
      return absl::OkStatus();
    }
    if (ack->session_present && !options_.subscribed_filter.empty()) {
      Send(UnsubscribePacket(kUnsubscribeId, options_.subscribed_filter));
    }
    Send(SubscribePacket(kSubscribeId, options_.topic_filter));
    return absl::OkStatus();
  }

  void OnSubscribed() {
    connect_timer_.cancel();
    handler_.on_subscribed();
  }

  absl::Status OnPublish(const Frame& frame) {
    const absl::StatusOr<Publish> publish = ParsePublish(frame);
    if (!publish.ok()) return publish.status();
    const auto message = std::make_shared<Message>(Message{.topic = std::string(publish->topic),
                                                           .payload = std::string(publish->payload),
                                                           .packet_id = publish->packet_id});
    messages_.push_back(message);
    in_flight_bytes_ += message->cost();
    Store(message);
    return absl::OkStatus();
  }

  void Store(const std::shared_ptr<Message>& message) {
    handler_.store(message->topic, message->payload,
                   [self = shared_from_this(), message](absl::Status status) {
                     self->Post([self, message, status = std::move(status)] {
                       if (!self->result_) self->OnStored(message, status);
                     });
                   });
  }

  void OnStored(const std::shared_ptr<Message>& message, const absl::Status& status) {
    if (status.ok()) {
      message->kept = true;
      return Acknowledge();
    }
    if (!absl::IsResourceExhausted(status)) return End(status);
    handler_.on_delay(status);
    ++waiting_;
    auto timer = std::make_shared<asio::steady_timer>(
        context_, absl::ToChronoMilliseconds(options_.store_retry_pause));
    retry_timers_.push_back(timer);
    timer->async_wait([this, message, timer](error_code) {
      std::erase(retry_timers_, timer);
      if (result_) return;
      --waiting_;
      Store(message);
      TakeInput();
    });
  }

  // Of the oldest messages, all that are kept.
  void Acknowledge() {
    std::string acks;
    while (!messages_.empty() && messages_.front()->kept) {
      const Message& message = *messages_.front();
      if (message.packet_id != 0) acks += PublishAckPacket(message.packet_id);
      in_flight_bytes_ -= message.cost();
      messages_.pop_front();
    }
    if (!acks.empty()) Send(std::move(acks));
    TakeInput();
  }

  // ---- Writing

  void Send(std::string bytes) {
    output_ += bytes;
    Write();
  }

  void Write() {
    if (result_ || writing_ || output_.empty()) return;
    writing_ = true;
    being_written_.swap(output_);
    output_.clear();
    const auto done = [this](error_code error, size_t) {
      writing_ = false;
      if (result_) return;
      if (error) return End(Broken("write to", address_, error));
      Write();
    };
    if (options_.tls) {
      asio::async_write(*stream_, asio::buffer(being_written_), done);
    } else {
      asio::async_write(stream_->next_layer(), asio::buffer(being_written_), done);
    }
  }

  // Asks a silent broker for a sign of life, and ends when none came since the last time.
  void KeepAlive() {
    keep_alive_timer_.expires_after(absl::ToChronoMilliseconds(options_.keep_alive) / 2);
    keep_alive_timer_.async_wait([this](error_code error) {
      if (error || result_) return;
      // While nothing is read for want of room, silence says nothing.
      if (!heard_ && asked_ && reading_) {
        return End(Unavailable("MQTT_CONNECTION",
                               absl::StrCat("the broker ", address_, " is silent since ",
                                            absl::FormatDuration(options_.keep_alive))));
      }
      heard_ = false;
      asked_ = true;
      Send(PingPacket());
      KeepAlive();
    });
  }

  // The first end counts. Everything that is under way is cancelled, so that run() returns.
  void End(const absl::Status& status) {
    if (result_) return;
    result_ = status;
    if (stopping_ && connected_ && !options_.tls && !writing_) {
      // Said without waiting; a broker that does not hear it finds the connection closed.
      error_code ignored;
      stream_->next_layer().non_blocking(true, ignored);
      stream_->next_layer().write_some(asio::buffer(DisconnectPacket()), ignored);
    }
    connect_timer_.cancel();
    keep_alive_timer_.cancel();
    for (const auto& timer : retry_timers_) timer->cancel();
    resolver_.cancel();
    error_code ignored;
    if (stream_) stream_->next_layer().close(ignored);
  }

  const ConnectionOptions options_;
  const Handler handler_;
  const std::string address_;

  asio::io_context context_{1};
  ssl::context ssl_{ssl::context::tls_client};
  Tcp::resolver resolver_{context_};
  asio::steady_timer connect_timer_{context_};
  asio::steady_timer keep_alive_timer_{context_};
  std::vector<std::shared_ptr<asio::steady_timer>> retry_timers_;
  std::optional<ssl::stream<Tcp::socket>> stream_;

  std::mutex mutex_;
  bool ended_ = false;  // guarded by mutex_

  // Run's thread alone.
  std::string input_;
  size_t excess_ = 0;  // bytes to come of a message that was too large
  std::string output_;
  std::string being_written_;
  bool reading_ = false;
  bool writing_ = false;
  bool connected_ = false;
  bool stopping_ = false;
  bool heard_ = true;
  bool asked_ = false;
  std::deque<std::shared_ptr<Message>> messages_;  // in the order of their arrival
  size_t in_flight_bytes_ = 0;
  int waiting_ = 0;  // messages that are tried again after a pause
  std::optional<absl::Status> result_;
};

Connection::Connection(ConnectionOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(handler))) {}

Connection::~Connection() = default;

absl::Status Connection::Run() { return impl_->Run(); }

void Connection::Stop() { impl_->Stop(); }

}  // namespace tarn::ingestion::mqtt
