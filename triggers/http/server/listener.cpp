#include "triggers/http/server/listener.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "triggers/http/wire/authority.hpp"

namespace coremachine::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr int accepts_per_turn = 64;
constexpr int backlog = 4'096;
constexpr std::size_t surplus = 64;  // connections that are taken to be told that there are too many
constexpr std::chrono::milliseconds pause_time{200};

Error refuse(const std::string& address, const std::string& what) {
  return Error{ErrorCode::invalid_argument, "cannot listen on " + address + ": " + what};
}

std::string reason_for(const boost::system::error_code& error) {
  if (error == asio::error::address_in_use) return "another program listens there";
  if (error == asio::error::access_denied) return "not allowed; ports below 1024 are for root";
  if (error.value() == EADDRNOTAVAIL) return "this machine does not have that address";
  return error.message();
}

/// The first address of a name, and rather one of IPv4, as most tools do.
Result<tcp::endpoint> resolve(asio::io_context& context, const std::string& address) {
  const auto parsed = Authority::parse(address);
  if (!parsed || !parsed->port) {
    return refuse(address.empty() ? "\"\"" : address,
                  "not HOST:PORT; for example 127.0.0.1:8080, [::1]:8080, or 0.0.0.0:8080 for all addresses");
  }
  auto host = parsed->host;
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(host, std::to_string(*parsed->port), tcp::resolver::passive, error);
  if (error || found.empty()) return refuse(address, "nothing is known of the host " + host);
  const auto v4 = std::find_if(found.begin(), found.end(),
                               [](const auto& entry) { return entry.endpoint().protocol() == tcp::v4(); });
  return (v4 != found.end() ? v4 : found.begin())->endpoint();
}

std::string name_of(const sockaddr_storage& address, socklen_t size) {
  tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), &address, std::min<std::size_t>(size, endpoint.capacity()));
  return BoundAddress{endpoint.address().to_string(), endpoint.port(), false}.to_string();
}

}  // namespace

Listener::Listener(Service& service, const std::vector<std::unique_ptr<Loop>>& loops, std::size_t most)
    : service_(service),
      loops_(loops),
      most_(most),
      acceptor_(loops.front()->context()),
      timer_(loops.front()->context()) {}

Result<BoundAddress> Listener::open(const std::string& address) {
  const auto endpoint = resolve(loops_.front()->context(), address);
  if (!endpoint) return endpoint.error();
  boost::system::error_code error;
  const auto step = [&](auto function) {
    if (!error) function();
  };
  step([&] { acceptor_.open(endpoint->protocol(), error); });
  step([&] { acceptor_.set_option(tcp::acceptor::reuse_address(true), error); });
  step([&] { acceptor_.bind(*endpoint, error); });
  step([&] { acceptor_.listen(backlog, error); });
  step([&] { acceptor_.non_blocking(true, error); });
  if (error) return refuse(address, reason_for(error));
  const auto bound = acceptor_.local_endpoint();
  return BoundAddress{bound.address().to_string(), bound.port(), service_.tls() != nullptr};
}

void Listener::start() {
  asio::post(acceptor_.get_executor(), [this] { wait(); });
}

void Listener::close() {
  asio::post(acceptor_.get_executor(), [this] {
    closed_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    timer_.cancel();
  });
}

void Listener::wait() {
  if (closed_) return;
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](const boost::system::error_code& error) {
    if (!error) take_all();
  });
}

void Listener::take_all() {
  for (int i = 0; i < accepts_per_turn; ++i) {
    if (service_.counters.connections.load(std::memory_order_relaxed) >= most_ + surplus) return pause();
    if (take_one()) continue;
    if (paused_.load(std::memory_order_relaxed)) return;
    break;
  }
  wait();
}

// False when there is none, or none can be taken.
bool Listener::take_one() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int socket =
      ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!std::exchange(complained_, true)) {
        service_.log(Severity::error, "connections cannot be taken: " + std::generic_category().message(errno));
      }
      pause();
    }
    return errno == ECONNABORTED || errno == EINTR;
  }
  complained_ = false;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  Counters::add(service_.counters.accepted);
  const auto others = service_.counters.connections.fetch_add(1, std::memory_order_relaxed);
  loops_[next_++ % loops_.size()]->adopt(socket, name_of(address, size), others >= most_);
  return true;
}

void Listener::pause() {
  paused_.store(true, std::memory_order_seq_cst);
  timer_.expires_after(pause_time);
  timer_.async_wait([this](const boost::system::error_code&) {
    paused_.store(false, std::memory_order_relaxed);
    if (!closed_) take_all();
  });
}

void Listener::on_room() {
  if (!paused_.load(std::memory_order_seq_cst)) return;
  asio::post(acceptor_.get_executor(), [this] {
    if (paused_.load(std::memory_order_relaxed)) timer_.cancel();
  });
}

}  // namespace coremachine::http
