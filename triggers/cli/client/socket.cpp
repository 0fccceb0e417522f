#include "triggers/cli/client/socket.hpp"

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
#include <openssl/x509v3.h>

namespace coremachine::cli {
namespace {

using Kind = TransportError::Kind;

struct CloseFile {
  void operator()(const int* file) const {
    ::close(*file);
    delete file;
  }
};
struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};

TransportError system_error(Kind kind, const char* doing) {
  return {kind, std::string(doing) + ": " + std::system_category().message(errno)};
}

/// The first thing that OpenSSL complained of, in its words.
std::string tls_complaint() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason ? reason : "the connection was closed";
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

Transported<std::unique_ptr<SSL_CTX, FreeContext>> make_context(const std::string& ca_file) {
  std::unique_ptr<SSL_CTX, FreeContext> context(SSL_CTX_new(TLS_client_method()));
  if (!context) return TransportError{Kind::not_secure, tls_complaint()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const auto trusted = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                       : SSL_CTX_load_verify_file(context.get(), ca_file.c_str());
  if (trusted != 1)
    return TransportError{Kind::not_secure, "cannot read the certificates of " + ca_file + ": " + tls_complaint()};
  return context;
}

/// The certificate has to be for this name, or for this address.
void expect_host(SSL* session, const std::string& host) {
  auto* rules = SSL_get0_param(session);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return;
  // The subject of a certificate is no name of a host, whatever it looks like.
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
  SSL_set_tlsext_host_name(session, host.c_str());
}

}  // namespace

struct Socket::State {
  std::unique_ptr<int, CloseFile> file;
  std::unique_ptr<SSL_CTX, FreeContext> context;
  std::unique_ptr<SSL, FreeSession> session;  ///< none: plain

  /// Calls an OpenSSL function until it has done something. 0: the other side has closed.
  template <class Call>
  Transported<std::size_t> tls(Call call, Deadline deadline) {
    for (;;) {
      ERR_clear_error();
      const int done = call();
      if (done > 0) return static_cast<std::size_t>(done);
      const int why = SSL_get_error(session.get(), done);
      if (why == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return TransportError{Kind::closed, "TLS: " + tls_complaint()};
      auto ready = wait_for(*file, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline);
      if (!ready) return ready.error();
    }
  }

  Transported<void> start_tls(const ServerAddress& server, const std::string& ca_file, Deadline deadline) {
    auto made = make_context(ca_file);
    if (!made) return made.error();
    context = std::move(*made);
    session.reset(SSL_new(context.get()));
    expect_host(session.get(), server.host);
    SSL_set_fd(session.get(), *file);
    auto shaken = tls([&] { return SSL_connect(session.get()); }, deadline);
    if (shaken && *shaken > 0) return {};
    const auto verdict = SSL_get_verify_result(session.get());
    if (verdict != X509_V_OK)
      return TransportError{Kind::not_secure, std::string("its certificate is not to be trusted: ") +
                                                  X509_verify_cert_error_string(verdict)};
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
      auto sent = state_->tls([&] { return SSL_write(state_->session.get(), bytes.data(), size); }, deadline);
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
    return state_->tls([&] { return SSL_read(state_->session.get(), into, most); }, deadline);
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

bool Socket::has_news() const {
  pollfd watched{*state_->file, POLLIN, 0};
  return ::poll(&watched, 1, 0) != 0;
}

}  // namespace coremachine::cli
