#include "core/tls/client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace coremachine::tls {
namespace {

Error unusable(const std::string& what) {
  return Error{ErrorCode::invalid_argument, what + ": " + complaint()};
}

}  // namespace

void FreeContext::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}
void FreeSession::operator()(SSL* session) const {
  SSL_free(session);
}

Result<Context> client_context(const ClientFiles& files) {
  ERR_clear_error();
  Context made(SSL_CTX_new(TLS_client_method()));
  if (!made) return unusable("OpenSSL gives no context");
  auto* context = made.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const auto trusted = files.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                             : SSL_CTX_load_verify_file(context, files.ca_file.c_str());
  if (trusted != 1) return unusable("cannot read the certificates of " + files.ca_file);
  if (files.certificate_file.empty()) return made;
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return unusable("cannot use the certificate " + files.certificate_file + " with the key " + files.key_file);
  }
  return made;
}

Session client_session(SSL_CTX* context, const std::string& host) {
  Session session(SSL_new(context));
  auto* rules = SSL_get0_param(session.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return session;
  // The subject of a certificate is no name of a host, whatever it looks like.
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
  SSL_set_tlsext_host_name(session.get(), host.c_str());
  return session;
}

std::string complaint() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason ? reason : "the connection was closed";
}

std::string why_not_trusted(const SSL* session) {
  const auto verdict = SSL_get_verify_result(session);
  if (verdict == X509_V_OK) return {};
  return std::string("its certificate is not to be trusted: ") + X509_verify_cert_error_string(verdict);
}

}  // namespace coremachine::tls
