#include <boost/asio/post.hpp>

#include "common/http/http_stream.h"

namespace tarn {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

class PlainStream final : public HttpStream {
 public:
  explicit PlainStream(tcp::socket socket) : stream_(std::move(socket)) {}

  boost::beast::tcp_stream& tcp() override { return stream_; }

  void Handshake(absl::AnyInvocable<void(error_code)> done) override {
    boost::asio::post(stream_.get_executor(),
                      [done = std::move(done)]() mutable { done(error_code()); });
  }

  void SendEnd(absl::AnyInvocable<void(error_code)> done) override {
    error_code error;
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    boost::asio::post(stream_.get_executor(),
                      [done = std::move(done), error]() mutable { done(error); });
  }

 private:
  void ReadSome(boost::asio::mutable_buffer buffer, Handler handler) override {
    stream_.async_read_some(buffer, std::move(handler));
  }

  void WriteSome(std::vector<boost::asio::const_buffer> buffers, Handler handler) override {
    stream_.async_write_some(buffers, std::move(handler));
  }

  boost::beast::tcp_stream stream_;
};

}  // namespace

std::unique_ptr<HttpStream> MakePlainStream(tcp::socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace tarn
