#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include "triggers/http/server/sockets.hpp"

namespace coremachine::http {

/// What an attempt to read or write came to.
struct Transfer {
  enum class Kind : std::uint8_t {
    done,         ///< `count` bytes
    wants_read,   ///< when the socket is readable, again
    wants_write,  ///< when the socket is writable, again
    end,          ///< the other side has ended
    broken,       ///< the connection is gone
  };
  Kind kind = Kind::done;
  std::size_t count = 0;
};

/// A connected socket that never blocks, plain or with TLS over it. It holds no buffers of its own while nothing is
/// under way.
class Transport {
 public:
  explicit Transport(Socket socket) : socket_(std::move(socket)) {}
  /// With TLS: `handshake` comes first. Throws Failure if OpenSSL has no memory.
  Transport(Socket socket, SSL_CTX& context);

  bool secure() const { return ssl_ != nullptr; }
  bool shaking_hands() const { return ssl_ && !established_; }
  Transfer handshake();
  /// Of a handshake that is `broken`: what came was not TLS but HTTP.
  bool heard_plain_http() const { return plain_http_; }
  /// From now on without TLS, for who does not speak it.
  void give_up_tls() { ssl_.reset(); }

  Transfer read(char* to, std::size_t size);
  /// Some of it.
  Transfer write(std::string_view bytes);

  /// Nothing more is written. What is read from now on comes as it is, to be dropped.
  void end_writing();
  /// When the socket is closed, what the client has not taken is forgotten.
  void reset_on_close();
  int socket() const { return socket_.fd(); }
  void close() { socket_.close(); }

 private:
  Transfer judge(int result, bool reading);

  struct Free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };
  Socket socket_;
  bool established_ = false;
  bool plain_http_ = false;
  std::unique_ptr<SSL, Free> ssl_ = {};
};

}  // namespace coremachine::http
