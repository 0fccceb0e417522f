#include "core/client/socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/tls/client.hpp"

namespace coremachine::client {
namespace {

using Kind = TransportError::Kind;

struct CloseFile {
  void operator()(const int* file) const {
    ::close(*file);
    delete file;
  }
};
TransportError system_error(Kind kind, const char* doing) {
  return {kind, std::string(doing) + ": " + std::system_category().message(errno)};
}

/// Waits until `file` can be read or written.
Transported<void> wait_for(int file, short events, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return TransportError{Kind::timed_out, "no answer in time"};
    pollfd watched{file, events, 0};
    const auto ready = ::poll(&watched, 1, static_cast<int>(std::min<long long>(left, 3'600'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return system_error(Kind::closed, "poll");
  }
}

Transported<std::unique_ptr<int, CloseFile>> connect_to(const addrinfo& address, Deadline deadline) {
  const int raw = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (raw < 0) return system_error(Kind::refused, "socket");
  std::unique_ptr<int, CloseFile> file(new int(raw));
  const int yes = 1;
  ::setsockopt(raw, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(raw, address.ai_addr, address.ai_addrlen) == 0) return file;
  if (errno != EINPROGRESS) return TransportError{Kind::refused, std::system_category().message(errno)};
  if (auto ready = wait_for(raw, POLLOUT, deadline); !ready) return ready.error();
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(raw, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return TransportError{Kind::refused, std::system_category().message(error)};
  return file;
}

Transported<std::unique_ptr<int, CloseFile>> connect_to_any(const ServerAddress& server, Deadline deadline) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const auto failed = ::getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &wanted, &found);
  if (failed != 0) return TransportError{Kind::unresolved, std::string(::gai_strerror(failed))};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  Transported<std::unique_ptr<int, CloseFile>> last = TransportError{Kind::unresolved, "it has no address"};
  for (const auto* each = found; each && (!last || !*last); each = each->ai_next) {
    last = connect_to(*each, deadline);
    if (last) break;
  }
  return last;
}

}  // namespace

struct Socket::State {
  std::unique_ptr<int, CloseFile> file;
  tls::Context context;
  tls::Session session;  ///< none: plain

  /// Calls an OpenSSL function until it has done something. 0: the other side has closed.
  template <class Call>
  Transported<std::size_t> secured(Call call, Deadline deadline) {
    for (;;) {
      ERR_clear_error();
      const int done = call();
      if (done > 0) return static_cast<std::size_t>(done);
      const int why = SSL_get_error(session.get(), done);
      if (why == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return TransportError{Kind::closed, "TLS: " + tls::complaint()};
      auto ready = wait_for(*file, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline);
      if (!ready) return ready.error();
    }
  }

  Transported<void> start_tls(const ServerAddress& server, const std::string& ca_file, Deadline deadline) {
    auto made = tls::client_context({.ca_file = ca_file});
    if (!made) return TransportError{Kind::not_secure, made.error().message};
    context = std::move(*made);
    session = tls::client_session(context.get(), server.host);
    SSL_set_fd(session.get(), *file);
    auto shaken = secured([&] { return SSL_connect(session.get()); }, deadline);
    if (shaken && *shaken > 0) return {};
    if (auto untrusted = tls::why_not_trusted(session.get()); !untrusted.empty())
      return TransportError{Kind::not_secure, std::move(untrusted)};
    if (shaken) return TransportError{Kind::not_secure, "it closed the connection instead of a TLS handshake"};
    if (shaken.error().kind == Kind::timed_out) return shaken.error();
    return TransportError{Kind::not_secure, shaken.error().what};
  }
};

Socket::Socket(std::unique_ptr<State> state) : state_(std::move(state)) {}
Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
Socket::~Socket() = default;

Transported<Socket> Socket::connect(const ServerAddress& server, const std::string& ca_file, Deadline deadline) {
  auto file = connect_to_any(server, deadline);
  if (!file) return file.error();
  auto state = std::make_unique<State>();
  state->file = std::move(*file);
  if (server.tls) {
    if (auto started = state->start_tls(server, ca_file, deadline); !started) return started.error();
  }
  return Socket(std::move(state));
}

Transported<void> Socket::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    if (state_->session) {
      const auto size = static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20));
      auto sent = state_->secured([&] { return SSL_write(state_->session.get(), bytes.data(), size); }, deadline);
      if (!sent) return sent.error();
      if (*sent == 0) return TransportError{Kind::closed, "the connection was closed"};
      bytes.remove_prefix(*sent);
      continue;
    }
    const auto sent = ::send(*state_->file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto ready = wait_for(*state_->file, POLLOUT, deadline); !ready) return ready.error();
    } else if (errno != EINTR) {
      return system_error(Kind::closed, "while sending");
    }
  }
  return {};
}

Transported<std::size_t> Socket::read(char* into, std::size_t size, Deadline deadline) {
  if (state_->session) {
    const auto most = static_cast<int>(std::min<std::size_t>(size, 1 << 20));
    return state_->secured([&] { return SSL_read(state_->session.get(), into, most); }, deadline);
  }
  for (;;) {
    const auto got = ::recv(*state_->file, into, size, 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto ready = wait_for(*state_->file, POLLIN, deadline); !ready) return ready.error();
    } else if (errno != EINTR) {
      return system_error(Kind::closed, "while reading");
    }
  }
}

void Socket::shut_down() {
  ::shutdown(*state_->file, SHUT_RDWR);
}

bool Socket::has_news() const {
  pollfd watched{*state_->file, POLLIN, 0};
  return ::poll(&watched, 1, 0) != 0;
}

}  // namespace coremachine::client
