#include <boost/asio/ssl/stream.hpp>

#include "common/http/http_stream.h"

namespace tarn {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

class TlsStream final : public HttpStream {
 public:
  TlsStream(tcp::socket socket, boost::asio::ssl::context& tls) : stream_(std::move(socket), tls) {}

  boost::beast::tcp_stream& tcp() override { return stream_.next_layer(); }

  void Handshake(absl::AnyInvocable<void(error_code)> done) override {
    stream_.async_handshake(boost::asio::ssl::stream_base::server, std::move(done));
  }

  void SendEnd(absl::AnyInvocable<void(error_code)> done) override {
    stream_.async_shutdown(std::move(done));
  }

 private:
  void ReadSome(boost::asio::mutable_buffer buffer, Handler handler) override {
    stream_.async_read_some(buffer, std::move(handler));
  }

  void WriteSome(std::vector<boost::asio::const_buffer> buffers, Handler handler) override {
    stream_.async_write_some(buffers, std::move(handler));
  }

  boost::asio::ssl::stream<boost::beast::tcp_stream> stream_;
};

}  // namespace

std::unique_ptr<HttpStream> MakeTlsStream(tcp::socket socket, boost::asio::ssl::context& tls) {
  return std::make_unique<TlsStream>(std::move(socket), tls);
}

}  // namespace tarn
