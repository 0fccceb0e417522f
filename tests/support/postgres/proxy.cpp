#include "tests/support/postgres/proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace coremachine::support {
namespace {

using Way = ProxyFault::Way;
using What = ProxyFault::What;

bool send_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::size_t read_length(const char* at) {
  const auto byte = [&](int i) { return static_cast<std::size_t>(static_cast<unsigned char>(at[i])); };
  return byte(0) << 24U | byte(1) << 16U | byte(2) << 8U | byte(3);
}

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return server;
  ::close(server);
  return -1;
}

}  // namespace

struct PostgresProxy::Link {
  int client;
  int server;
  std::string from_client = {};
  std::string from_server = {};
  bool started = false;  ///< the first message of a client has no type
  bool silent = false;   ///< half open
};

PostgresProxy::PostgresProxy(std::string server_socket) : server_socket_(std::move(server_socket)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  constexpr int waiting = 64;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(listener_, waiting) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_clients(); });
}

PostgresProxy::~PostgresProxy() {
  ending_ = true;
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
  ::close(listener_);
}

void PostgresProxy::arm(ProxyFault fault) {
  const std::lock_guard lock(mutex_);
  armed_ = fault;
}

bool PostgresProxy::disarm() {
  const std::lock_guard lock(mutex_);
  const bool happened = !armed_;
  armed_.reset();
  return happened;
}

void PostgresProxy::storm(std::uint64_t seed, unsigned one_in) {
  const std::lock_guard lock(mutex_);
  dice_.seed(seed);
  one_in_ = one_in;
}

void PostgresProxy::refuse(bool all) {
  refusing_ = all;
  if (!all) return;
  ++generation_;
  while (links_ > 0) std::this_thread::yield();
}

void PostgresProxy::accept_clients() {
  constexpr int look_again_ms = 20;
  while (!ending_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, look_again_ms) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++links_;  // before it looks, so that nobody slips through
    const int server = refusing_ ? -1 : connect_to(server_socket_);
    if (server < 0) {
      ::close(client);
      --links_;
      continue;
    }
    const int yes = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    threads_.emplace_back([this, client, server] { serve(client, server); });
  }
}

void PostgresProxy::serve(int client, int server) {
  Link link{client, server};
  const auto generation = generation_.load();
  constexpr int look_again_ms = 10;
  for (bool open = true; open && !ending_ && generation_ == generation;) {
    pollfd ends[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (link.silent) ends[0].fd = ends[1].fd = -1;
    if (::poll(ends, 2, look_again_ms) <= 0) continue;
    if (ends[1].revents != 0) open = pump(link, Way::to_client);
    if (open && !link.silent && ends[0].revents != 0) open = pump(link, Way::to_server);
  }
  // Some hang up in order, and some do not.
  if (client % 2 == 0) {
    const linger at_once{1, 0};
    ::setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  ::close(client);
  ::close(server);
  --links_;
}

/// Passes on what has come; false: the connection ends.
bool PostgresProxy::pump(Link& link, Way way) {
  const bool up = way == Way::to_server;
  const int from = up ? link.client : link.server;
  const int to = up ? link.server : link.client;
  auto& buffer = up ? link.from_client : link.from_server;
  char block[65536];
  const auto got = ::recv(from, block, sizeof block, 0);
  if (got <= 0) return false;
  buffer.append(block, static_cast<std::size_t>(got));
  for (;;) {
    const bool typed = !up || link.started;
    const std::size_t head = typed ? 5 : 4;
    if (buffer.size() < head) return true;
    const auto size = read_length(buffer.data() + (typed ? 1 : 0)) + (typed ? 1 : 0);
    if (buffer.size() < size) return true;
    const auto message = buffer.substr(0, size);
    buffer.erase(0, size);
    const bool counts = typed;
    if (up) link.started = true;
    const auto what = counts ? verdict(way) : What::nothing;
    if (what == What::cut_before) return false;
    if (what == What::half_open) {
      link.silent = true;
      return true;
    }
    if (!send_all(to, message)) return false;
    if (what == What::cut_after) return false;
  }
}

What PostgresProxy::verdict(Way way) {
  std::chrono::microseconds delay{0};
  {
    const std::lock_guard lock(mutex_);
    if (armed_ && armed_->way == way && --armed_->message == 0) {
      const auto what = armed_->what;
      armed_.reset();
      ++cuts_;
      return what;
    }
    if (one_in_ == 0) return What::nothing;
    if (dice_() % one_in_ == 0) {
      ++cuts_;
      return dice_() % 2 == 0 ? What::cut_before : What::cut_after;
    }
    if (dice_() % 16 == 0) delay = std::chrono::microseconds(dice_() % 500);
  }
  // It is the delay itself that is wanted.
  if (delay.count() > 0) std::this_thread::sleep_for(delay);
  return What::nothing;
}

}  // namespace coremachine::support
