#include "core/queue/redis/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace coremachine::redis {
namespace {

constexpr std::size_t block = std::size_t{16} << 10U;  // of a record

/// The first thing that OpenSSL complained of, in its words.
std::string complaint() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason ? reason : "the connection was closed";
}

}  // namespace

void Tls::FreeContext::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}
void Tls::FreeSession::operator()(SSL* session) const {
  SSL_free(session);
}

Tls::Tls(const RedisAddress& address) {
  ERR_clear_error();
  context_.reset(SSL_CTX_new(TLS_client_method()));
  if (!context_) {
    fail(complaint());
    return;
  }
  auto* context = context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const bool trusts = address.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                                              : SSL_CTX_load_verify_file(context, address.ca_file.c_str()) == 1;
  if (!trusts) {
    fail("cannot read the certificates of " + address.ca_file + ": " + complaint());
    return;
  }
  if (!address.certificate_file.empty()) {
    const bool has_both = SSL_CTX_use_certificate_chain_file(context, address.certificate_file.c_str()) == 1 &&
                          SSL_CTX_use_PrivateKey_file(context, address.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
    if (!has_both) {
      fail("cannot use the certificate " + address.certificate_file + " with the key " + address.key_file + ": " +
           complaint());
      return;
    }
  }
  session_.reset(SSL_new(context));
  auto* session = session_.get();
  auto* from = BIO_new(BIO_s_mem());
  auto* to = BIO_new(BIO_s_mem());
  // What did not come yet is not the end.
  BIO_set_mem_eof_return(from, -1);
  SSL_set_bio(session, from, to);
  SSL_set_connect_state(session);
  auto* rules = SSL_get0_param(session);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, address.host.c_str()) != 1) {
    // The subject of a certificate is no name of a host, whatever it looks like.
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set1_host(rules, address.host.c_str(), address.host.size());
    SSL_set_tlsext_host_name(session, address.host.c_str());
  }
}

Tls::~Tls() = default;

bool Tls::fail(const std::string& what) {
  if (fault_.empty()) fault_ = "TLS: " + what;
  return false;
}

/// Whether a call has failed for another reason than that it needs more of the other side.
bool Tls::went_wrong(int result) {
  const auto why = SSL_get_error(session_.get(), result);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return false;
  const auto verified = SSL_get_verify_result(session_.get());
  if (verified != X509_V_OK) {
    ERR_clear_error();
    fail(std::string("its certificate is not trusted: ") + X509_verify_cert_error_string(verified));
  } else {
    fail(complaint());
  }
  return true;
}

bool Tls::take(std::string_view wire, std::string& plain) {
  if (!fault_.empty()) return false;
  ERR_clear_error();
  BIO_write(SSL_get_rbio(session_.get()), wire.data(), static_cast<int>(wire.size()));
  char bytes[block];
  for (;;) {
    const int got = SSL_read(session_.get(), bytes, sizeof bytes);
    if (got <= 0) return !went_wrong(got);
    plain.append(bytes, static_cast<std::size_t>(got));
  }
}

bool Tls::say(std::string& plain, std::string& wire) {
  if (!fault_.empty()) return false;
  ERR_clear_error();
  if (!SSL_is_init_finished(session_.get())) {
    const int done = SSL_do_handshake(session_.get());
    if (done <= 0 && went_wrong(done)) return false;
  }
  if (SSL_is_init_finished(session_.get()) && !plain.empty()) {
    std::size_t put = 0;
    if (SSL_write_ex(session_.get(), plain.data(), plain.size(), &put) != 1) {
      if (went_wrong(0)) return false;
    }
    plain.erase(0, put);
  }
  char bytes[block];
  for (;;) {
    const int got = BIO_read(SSL_get_wbio(session_.get()), bytes, sizeof bytes);
    if (got <= 0) return true;
    wire.append(bytes, static_cast<std::size_t>(got));
  }
}

}  // namespace coremachine::redis
