#include "core/queue/redis/tls.hpp"

#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace coremachine::redis {
namespace {

constexpr std::size_t block = std::size_t{16} << 10U;  // of a record

}  // namespace

Tls::Tls(const RedisAddress& address) {
  auto context = tls::client_context({address.ca_file, address.certificate_file, address.key_file});
  if (!context) {
    fail(context.error().message);
    return;
  }
  context_ = std::move(*context);
  session_ = tls::client_session(context_.get(), address.host);
  auto* from = BIO_new(BIO_s_mem());
  auto* to = BIO_new(BIO_s_mem());
  // What did not come yet is not the end.
  BIO_set_mem_eof_return(from, -1);
  SSL_set_bio(session_.get(), from, to);
  SSL_set_connect_state(session_.get());
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
  const auto complaint = tls::complaint();
  const auto untrusted = tls::why_not_trusted(session_.get());
  fail(untrusted.empty() ? complaint : untrusted);
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
