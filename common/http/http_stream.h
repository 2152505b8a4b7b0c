// The bytes of one connection, plain or TLS, behind one type: what reads and writes HTTP over it is
// instantiated once. Internal to http/: includes Boost.Beast.
//
// An asynchronous stream as Asio and Beast expect one, for handlers (no other completion tokens).
// Handlers run on the executor of the socket. Not thread safe; outlives what is under way on it.
#pragma once

#include <functional>
#include <memory>
#include <utility>  // before Beast of Boost 1.81, which lacks it
#include <vector>

#include <absl/functional/any_invocable.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>

namespace tarn {

class HttpStream {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;
  using Handler = absl::AnyInvocable<void(boost::system::error_code, size_t)>;

  virtual ~HttpStream() = default;

  executor_type get_executor() { return tcp().get_executor(); }

  // Below TLS: for time-outs, and for the socket.
  virtual boost::beast::tcp_stream& tcp() = 0;
  // Until it is done nothing is read or written.
  virtual void Handshake(absl::AnyInvocable<void(boost::system::error_code)> done) = 0;
  // Tells the client that nothing more is sent.
  virtual void SendEnd(absl::AnyInvocable<void(boost::system::error_code)> done) = 0;

  template <typename Buffers, typename ReadHandler>
  void async_read_some(const Buffers& buffers, ReadHandler&& handler) {
    boost::asio::mutable_buffer first;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers) && first.size() == 0; ++it) {
      first = *it;
    }
    ReadSome(first, std::forward<ReadHandler>(handler));
  }

  template <typename Buffers, typename WriteHandler>
  void async_write_some(const Buffers& buffers, WriteHandler&& handler) {
    WriteSome(
        {boost::asio::buffer_sequence_begin(buffers), boost::asio::buffer_sequence_end(buffers)},
        std::forward<WriteHandler>(handler));
  }

 private:
  virtual void ReadSome(boost::asio::mutable_buffer buffer, Handler handler) = 0;
  virtual void WriteSome(std::vector<boost::asio::const_buffer> buffers, Handler handler) = 0;
};

std::unique_ptr<HttpStream> MakePlainStream(boost::asio::ip::tcp::socket socket);
// `tls` outlives the stream.
std::unique_ptr<HttpStream> MakeTlsStream(boost::asio::ip::tcp::socket socket,
                                          boost::asio::ssl::context& tls);

}  // namespace tarn
