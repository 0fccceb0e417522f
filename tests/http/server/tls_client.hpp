#pragma once

#include <csignal>
#include <memory>
#include <string>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/raw_client.hpp"

namespace coremachine::http::test {

struct TlsWishes {
  int version = 0;        ///< the only one, TLS1_2_VERSION …; 0: any
  std::string alpn = {};  ///< offered, in the form of the wire: a byte of length before each name
  int receive_buffer = 0;
};

/// A client that speaks TLS and believes every certificate.
class TlsClient final : public support::RawClient {
 public:
  explicit TlsClient(std::uint16_t port, const TlsWishes& wishes = {})
      : RawClient(port, wishes.receive_buffer), context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    // Old versions are not offered at all otherwise, and the refusal would be our own.
    SSL_CTX_set_security_level(context_.get(), 0);
    if (wishes.version != 0) {
      SSL_CTX_set_min_proto_version(context_.get(), wishes.version);
      SSL_CTX_set_max_proto_version(context_.get(), wishes.version);
    }
    ssl_.reset(SSL_new(context_.get()));
    if (!wishes.alpn.empty()) {
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wishes.alpn.data()),
                          static_cast<unsigned>(wishes.alpn.size()));
    }
    SSL_set_fd(ssl_.get(), socket());
    ERR_clear_error();
    connected_ = SSL_connect(ssl_.get()) == 1;
    if (!connected_) failure_ = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
  }

  bool connected() const { return connected_; }
  const std::string& failure() const { return failure_; }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  std::string alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
  }
  /// The common name in the server's certificate.
  std::string server_name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_.get()), &X509_free);
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
    return name;
  }

  void end_sending() override { SSL_shutdown(ssl_.get()); }

 protected:
  long put(const char* bytes, std::size_t size) override {
    return SSL_write(ssl_.get(), bytes, static_cast<int>(size));
  }
  long get(char* to, std::size_t size) override {
    const int got = SSL_read(ssl_.get(), to, static_cast<int>(size));
    if (got > 0) return got;
    const int why = SSL_get_error(ssl_.get(), got);
    ERR_clear_error();
    orderly_ = why == SSL_ERROR_ZERO_RETURN;
    return orderly_ ? 0 : -1;
  }

 public:
  /// After the end: the server said that it is one.
  bool ended_orderly() const { return orderly_; }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, Free> ssl_ = {};
  bool connected_ = false;
  bool orderly_ = false;
  std::string failure_ = {};
};

}  // namespace coremachine::http::test
