#include "triggers/http/server/certificate.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace coremachine::http {

namespace {

Error refuse(const std::string& file, const std::string& what) {
  return Error{ErrorCode::invalid_argument, file + ": " + what};
}

std::string last_reason() {
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) return "no reason is known";
  const char* reason = ERR_reason_error_string(error);
  return reason ? reason : "OpenSSL error " + std::to_string(error);
}

/// What the system has against reading it; OpenSSL's own words for that are hard to read.
std::optional<Error> find_unreadable(const std::string& file, const char* kind) {
  if (file.empty()) return Error{ErrorCode::invalid_argument, std::string("TLS needs a ") + kind + " file as well"};
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return refuse(file, std::string("cannot read the ") + kind + ": " + std::generic_category().message(errno));
  }
  ::close(descriptor);
  return std::nullopt;
}

/// Of an encrypted key: nobody is there to be asked, and OpenSSL's default would ask on the terminal.
int note_password_wanted(char*, int, int, void* wanted) {
  *static_cast<bool*>(wanted) = true;
  return -1;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, ours.data(), ours.size(), offered, offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

void set_up(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A connection that waits keeps no buffers, and resumption is by tickets: nothing grows with the number of clients.
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

}  // namespace

Result<TlsContext> load_certificate(const std::string& certificate_file, const std::string& key_file) {
  if (auto error = find_unreadable(certificate_file, "certificate")) return *std::move(error);
  if (auto error = find_unreadable(key_file, "key")) return *std::move(error);
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) return Error{ErrorCode::invalid_argument, "OpenSSL cannot do TLS: " + last_reason()};
  set_up(context.get());
  bool encrypted = false;
  SSL_CTX_set_default_passwd_cb(context.get(), note_password_wanted);
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), &encrypted);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return refuse(certificate_file, "not a certificate chain in PEM (" + last_reason() + ")");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const auto reason = last_reason();
    if (encrypted) return refuse(key_file, "the key is encrypted; a server needs it without a pass phrase");
    if (reason == "key values mismatch")
      return refuse(key_file, "not the key of the certificate in " + certificate_file);
    return refuse(key_file, "not a private key in PEM (" + reason + ")");
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    ERR_clear_error();
    return refuse(key_file, "not the key of the certificate in " + certificate_file);
  }
  if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context.get()))) < 0) {
    return refuse(certificate_file, "the certificate has expired");
  }
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), nullptr);
  return context;
}

}  // namespace coremachine::http
