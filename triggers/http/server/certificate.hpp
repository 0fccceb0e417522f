#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include <coremachine/model/error.hpp>

namespace coremachine::http {

/// What TLS connections are made from. Any thread.
using TlsContext = std::shared_ptr<SSL_CTX>;

/// TLS 1.2 and later, with the certificate and the chain below it in one PEM file, and its key, not encrypted, in
/// another or the same. invalid_argument names the file and what is wrong with it.
Result<TlsContext> load_certificate(const std::string& certificate_file, const std::string& key_file);

}  // namespace coremachine::http
