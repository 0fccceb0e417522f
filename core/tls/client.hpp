#pragma once

#include <memory>
#include <string>

#include <coremachine/model/error.hpp>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace coremachine::tls {

// The side of TLS that connects, without a socket. One thread at a time.

struct FreeContext {
  void operator()(SSL_CTX* context) const;
};
struct FreeSession {
  void operator()(SSL* session) const;
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;
using Session = std::unique_ptr<SSL, FreeSession>;

/// Files in PEM.
struct ClientFiles {
  std::string ca_file = {};           ///< whom it trusts; empty: whom the system trusts
  std::string certificate_file = {};  ///< what it shows of itself; empty: nothing
  std::string key_file = {};
};

/// TLS 1.2 or newer; the other side has to have a certificate that is trusted. invalid_argument: what is wrong with
/// which file.
Result<Context> client_context(const ClientFiles& files);

/// The certificate has to be for this name, or for this address. `context` outlives it.
Session client_session(SSL_CTX* context, const std::string& host);

/// The first thing that OpenSSL complained of, in its words. It is forgotten, with all that followed.
std::string complaint();
/// Why the certificate of the other side was not taken; empty: it was, or there was none yet.
std::string why_not_trusted(const SSL* session);

}  // namespace coremachine::tls
