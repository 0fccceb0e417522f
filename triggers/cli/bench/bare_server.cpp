#include "triggers/cli/bench/bare_server.hpp"

#include <cstdio>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "core/model/json_text.hpp"
#include "triggers/http/wire/target.hpp"

namespace coremachine::cli {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr auto token = asio::as_tuple(asio::use_awaitable);

/// Takes the target and the body apart as the measured server does.
bool is_sound(const http::request<http::string_body>& request) {
  const auto target = request.target();
  if (!coremachine::http::Target::parse({target.data(), target.size()})) return false;
  return request.body().empty() || parse_strict(request.body()).has_value();
}

asio::awaitable<void> serve_client(tcp::socket socket, http::status status, const std::string& body) {
  boost::beast::flat_buffer buffer;
  for (;;) {
    http::request<http::string_body> request;
    const auto [unread, count] = co_await http::async_read(socket, buffer, request, token);
    if (unread) co_return;
    http::response<http::string_body> response(is_sound(request) ? status : http::status::bad_request,
                                               request.version());
    response.set(http::field::content_type, "application/json");
    response.keep_alive(request.keep_alive());
    response.body() = body;
    response.prepare_payload();
    const auto [unwritten, size] = co_await http::async_write(socket, response, token);
    if (unwritten || !response.keep_alive()) co_return;
  }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor, http::status status, const std::string& body) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(token);
    if (error) co_return;
    socket.set_option(tcp::no_delay(true));
    co_spawn(acceptor.get_executor(), serve_client(std::move(socket), status, body), asio::detached);
  }
}

}  // namespace

void serve_bare(unsigned status, std::size_t body_size) {
  asio::io_context context(1);
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::string body(body_size, 'x');
  std::printf("listening on http://127.0.0.1:%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  co_spawn(context, accept(acceptor, http::int_to_status(status), body), asio::detached);
  context.run();
}

}  // namespace coremachine::cli
